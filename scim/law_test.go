package scim_test

import (
	"slices"
	"strings"
	"testing"

	"rollcall/scim"
)

// FuzzElements proves set arithmetic: adding what is wanted and removing, by
// its element path, what is not leads from any set to any other.
func FuzzElements(f *testing.F) {
	f.Add("Agent\nSupervisor", "Agent\nThe \"Big\" One]")
	f.Add("a\nA", "A\nb")
	f.Add("", "é\ne\u0301")
	s := schema(f)
	set := scim.Path(skillsURN + ":routingSkills")
	f.Fuzz(func(t *testing.T, have, want string) {
		from, to := elements(have), elements(want)
		start, _, err := s.Patch(scim.User, map[string]any{}, additions(set, from), scim.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var ops []scim.Op
		for _, v := range from {
			if !slices.Contains(to, v) {
				ops = append(ops, scim.Op{Verb: scim.Remove, Path: scim.ElementPath(set, "name", v)})
			}
		}
		ops = append(ops, additions(set, to)...)
		if faults := s.Check(scim.User, ops); len(faults) > 0 {
			t.Fatalf("Check: %v", faults[0])
		}
		end, _, err := s.Patch(scim.User, start, ops, scim.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := scim.Resource{Attrs: end}.At(set)
		slices.Sort(got)
		if !slices.Equal(got, to) {
			t.Fatalf("from %s by %s: %s, want %s", from, scim.MarshalPatch(ops), got, to)
		}
	})
}

// elements is one skill for each line, sorted, each once.
func elements(lines string) []scim.Value {
	var all []scim.Value
	for name := range strings.SplitSeq(lines, "\n") {
		if name != "" {
			all = append(all, scim.ValueOf(map[string]any{"name": name, "proficiency": float64(len(name) % 5)}))
		}
	}
	slices.Sort(all)
	byName := func(x, y scim.Value) bool { return x.Sub("name") == y.Sub("name") }
	return slices.CompactFunc(all, byName)
}

func additions(set scim.Path, elements []scim.Value) []scim.Op {
	var ops []scim.Op
	for _, v := range elements {
		ops = append(ops, scim.Op{Verb: scim.Add, Path: set, Value: v})
	}
	return ops
}
