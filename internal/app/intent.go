package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rollcall/fault"
	"rollcall/plan"
)

// An Intent is what a person asked for beside the configuration.
type Intent struct {
	Only    []string       // WHO
	Because string         // the ledger keeps it
	Believe bool           // take the reading as it is
	Allow   map[string]int // limits lifted for this run; -1: without bound
}

// allowable are the kinds that a limit can be lifted of.
var allowable = []string{
	string(plan.Adopt), string(plan.Create), string(plan.Deactivate), string(plan.Delete), string(plan.GroupRemovals), string(plan.Reactivate),
	string(plan.Rekey), string(plan.Rename), string(plan.Restore), string(plan.Update),
}

// ParseAllow reads KIND or KIND=N, each given with --allow.
func ParseAllow(words []string) (map[string]int, error) {
	allow := make(map[string]int, len(words))
	for _, w := range words {
		kind, number, bounded := strings.Cut(w, "=")
		if !slices.Contains(allowable, kind) && !strings.HasPrefix(kind, "role ") {
			hint := "the kinds are " + strings.Join(allowable, ", ")
			if near := fault.Nearest(kind, allowable); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, fault.WithHint(fmt.Errorf("--allow %s: %w: there is no limit %q", w, fault.Invalid, kind), hint)
		}
		allow[kind] = -1
		if !bounded {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return nil, fault.WithHint(fmt.Errorf("--allow %s: %w: %q is no number", w, fault.Invalid, number), "write --allow "+kind+"=40")
		}
		allow[kind] = n
	}
	return allow, nil
}

// SavePlan writes a plan for a later apply: readable by its owner only, and
// whole or not at all.
//
// It replaces a plan, and nothing else: an export that was named by mistake is kept.
func SavePlan(name string, p *plan.Plan) error {
	if err := mayReplace(name); err != nil {
		return err
	}
	return writeWhole(name, 0o600, func(w io.Writer) error { return plan.Encode(w, p) })
}

// writeWhole replaces the file name with what write writes, or leaves it as it was.
func writeWhole(name string, mode os.FileMode, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w: %w", name, fault.Invalid, err)
	}
	err = write(f)
	for _, step := range []func() error{func() error { return f.Chmod(mode) }, f.Sync, f.Close, func() error { return os.Rename(f.Name(), name) }} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w: %w", name, fault.Invalid, err)
	}
	return nil
}

// mayReplace tells that name is free, or holds an older plan.
func mayReplace(name string) error {
	head, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("save plan: %w: %w", fault.Invalid, err)
	}
	if bytes.Contains(head[:min(len(head), 200)], []byte(plan.Schema)) {
		return nil
	}
	err = fmt.Errorf("save plan: %s is there already, and is no plan: %w", name, fault.Invalid)
	return fault.WithHint(err, "name another file")
}

// LoadPlan reads what SavePlan wrote.
func LoadPlan(name string) (*plan.Plan, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("apply: %w: %w", fault.Invalid, err), "save a plan with: rollcall plan -o "+name)
	}
	defer f.Close()
	p, err := plan.Decode(f)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("apply %s: %w", name, err), "make a plan with: rollcall plan -o FILE")
	}
	return p, nil
}
