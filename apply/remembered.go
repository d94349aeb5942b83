package apply

import (
	"fmt"
	"strconv"
	"strings"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// contradicts ends the run where what was read cannot follow from what the
// ledger remembers: the ledger is an old copy, or the organization another one.
func (t *task) contradicts(now target.Observed) bool {
	if !t.Remembered || t.to.Type != scim.User {
		return false
	}
	var why string
	switch there := now.State == target.Active || now.State == target.Inactive; {
	case !there && t.c.Op != plan.Delete && t.c.Op != plan.Restore:
		why = "the user is not there"
	case backwards(t.to.Version, now.Version):
		why = "the user's version went backwards"
	default:
		return false
	}
	t.end(ledger.LeftOut, 0, why+": a full comparison follows")
	t.halt(fmt.Errorf("apply change %s: %s: %w", t.c.ID, why, Distrusted))
	return true
}

// backwards tells whether a version is before another. Versions that are no
// numbers cannot be compared (dossier §4.1).
func backwards(from, to string) bool {
	was, err := strconv.ParseUint(strings.Trim(from, `W/"`), 10, 64)
	if err != nil {
		return false
	}
	is, err := strconv.ParseUint(strings.Trim(to, `W/"`), 10, 64)
	return err == nil && is < was
}

// RowOf is what planning saw, in the shape of answers.
func RowOf(s *scim.Shape, traits []plan.Trait) scim.Row {
	if len(traits) == 0 {
		return scim.Row{}
	}
	b := scim.NewRow(s)
	for _, t := range traits {
		if at := s.Index(t.Path); at >= 0 {
			b.Set(at, t.Values...)
		}
	}
	return b.Row()
}
