package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"rollcall/fault"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/target"
)

// keep reads what the leavers of a batch have, as it is immediately before they
// go, so that their intents say it: deactivation takes it away, and nothing
// gives it back (dossier §5.5). What cannot be read is noted once, and the
// account is closed all the same.
func (x *runner) keep(ctx context.Context, batch []plan.Change) {
	leavers := leaversOf(batch)
	feed := make(chan int)
	var workers sync.WaitGroup
	for range min(x.Workers, len(leavers)) {
		workers.Go(func() {
			for i := range feed {
				batch[i].Leaving = x.belongings(ctx, batch[i])
			}
		})
	}
	for _, i := range leavers {
		select {
		case feed <- i:
		case <-x.stopping: // none of them will be sent
			batch[i].Leaving = nil
		}
	}
	close(feed)
	workers.Wait()
}

func leaversOf(batch []plan.Change) (at []int) {
	for i, c := range batch {
		if c.Keeps() {
			at = append(at, i)
		}
	}
	return at
}

// belongings are the traits that c names, as far as they can be read.
func (x *runner) belongings(ctx context.Context, c plan.Change) []plan.Trait {
	var own []scim.Path
	grants := false
	for _, t := range c.Leaving {
		if t.Path == target.GrantsOf {
			grants = true
		} else {
			own = append(own, t.Path)
		}
	}
	traits := x.read(ctx, c, target.Query{Ask: target.ByID, Type: scim.User, Who: c.Target.ID}, own)
	if grants && !x.known.blind() {
		traits = append(traits, x.read(ctx, c, target.Query{Ask: target.Grants, Type: scim.User, Who: c.Target.ID}, []scim.Path{target.GrantsOf})...)
	}
	return traits
}

// read answers one question about a leaver.
func (x *runner) read(ctx context.Context, c plan.Change, q target.Query, paths []scim.Path) (traits []plan.Trait) {
	q.Paths = paths
	for o, err := range x.reader.Read(ctx, q, scim.NewShape(paths...)) {
		if err != nil {
			x.unread(c, q, err)
			return nil
		}
		for _, p := range paths {
			if vs, known := o.Row.At(p); known && len(vs) > 0 {
				traits = append(traits, plan.Trait{Path: p, Values: vs})
			}
		}
	}
	return traits
}

// unread notes that something of a leaver could not be kept. Grants that the
// credentials may not read are asked for once.
func (x *runner) unread(c plan.Change, q target.Query, err error) {
	denied := q.Ask == target.Grants && errors.Is(err, fault.Denied)
	f := plan.Finding{
		Severity: plan.Warning, Code: "leaving-unread", Key: c.Key,
		Text: fmt.Sprintf("what this person has could not be read before they left, and cannot be given back (%v)", err),
	}
	if denied {
		f.Key, f.Code = "", "grants-unread"
		f.Text = fmt.Sprintf("the roles of leavers could not be read with their divisions, and are not given back on return (%v)", err)
	}
	x.known.note(f, denied)
}

// note keeps a finding for the report; that grants cannot be read, once.
func (m *memory) note(f plan.Finding, blind bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !blind || !m.grantless {
		m.notes = append(m.notes, f)
	}
	m.grantless = m.grantless || blind
}

// blind tells whether grants may not be read.
func (m *memory) blind() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.grantless
}

// noted are the findings of this run, in a settled order.
func (m *memory) noted() []plan.Finding {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(slices.Values(m.notes), func(a, b plan.Finding) int {
		return slices.Compare([]string{a.Code, string(a.Key), a.Text}, []string{b.Code, string(b.Key), b.Text})
	})
}
