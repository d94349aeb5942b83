package genesyssim_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"rollcall/target/genesyssim"
)

// A behavior is a sentence with what proves it.
type behavior map[string]func(*testing.T)

// rules are the rules of dossier §14 by number.
func rules() map[int]behavior {
	all := map[int]behavior{}
	for _, part := range []map[int]behavior{
		transportRules(), userRules(), groupRules(), versionRules(), listRules(), patchRules(), discoveryRules(),
	} {
		maps.Copy(all, part)
	}
	return all
}

func TestRules(t *testing.T) {
	t.Parallel()
	for number, behaviors := range rules() {
		for sentence, prove := range behaviors {
			t.Run(fmt.Sprintf("rule %d: %s", number, sentence), func(t *testing.T) {
				t.Parallel()
				prove(t)
			})
		}
	}
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	for name, prove := range switchValues() {
		t.Run("switch "+name, func(t *testing.T) {
			t.Parallel()
			prove(t)
		})
	}
}

func TestEveryRuleHasATest(t *testing.T) {
	t.Parallel()
	const last = 38
	all := rules()
	for number := 1; number <= last; number++ {
		if len(all[number]) == 0 {
			t.Errorf("rule %d has no test", number)
		}
		delete(all, number)
	}
	for number := range all {
		t.Errorf("there is no rule %d", number)
	}
}

func TestEverySwitchValueHasATest(t *testing.T) {
	t.Parallel()
	all := switchValues()
	for _, doc := range genesyssim.SwitchDocs() {
		for _, value := range doc.Values {
			if all[doc.Name+"="+value] == nil {
				t.Errorf("switch %s=%s has no test", doc.Name, value)
			}
			delete(all, doc.Name+"="+value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Errorf("there is no switch %s", name)
	}
}

func TestSwitchesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, doc := range genesyssim.SwitchDocs() {
		if doc.Doc == "" || doc.Rule < 1 || doc.Rule > 38 || len(doc.Values) < 2 || doc.Values[0] != doc.Default {
			t.Errorf("switch %s: incomplete or its default is not its first value: %+v", doc.Name, doc)
		}
		if err := (genesyssim.Switches{doc.Name: doc.Default}).Check(); err != nil {
			t.Errorf("switch %s: its default: %v", doc.Name, err)
		}
	}
}
