package apply

import (
	"slices"

	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// stay remembers whom a group still shows in the answer to their removal: a
// rule, or ownership, keeps them (dossier §6.2).
func (m *memory) stay(c plan.Change, row scim.Row) {
	members, known := row.At(target.Members)
	if c.Op != plan.Leave || !known {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range c.Edits {
		for _, v := range e.Remove {
			if id, ok := v.Sub("value").Text(); ok && slices.Contains(members, v) {
				m.stayed[c.Target.ID] = append(m.stayed[c.Target.ID], id)
			}
		}
	}
}
