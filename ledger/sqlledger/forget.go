package sqlledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"rollcall/fault"
	"rollcall/ledger"
)

const (
	selectNamed   = "SELECT person FROM names WHERE digest = ? ORDER BY person"
	selectIDs     = "SELECT l.person, k.wrapped, l.state FROM links l JOIN person_keys k ON k.person = l.person WHERE l.person = ?"
	countMentions = "SELECT COUNT(*) FROM mentions WHERE person = ?"
	destroyKey    = "UPDATE person_keys SET wrapped = ? WHERE person = ?"
	deleteNames   = "DELETE FROM names WHERE person = ?"
	deleteLink    = "DELETE FROM links WHERE person = ?"
	deleteOpens   = "DELETE FROM opens WHERE person = ?"
)

// A search asks the ledger, within a transaction or beside one.
type search struct {
	l    *Ledger
	rows func(query string, args ...any) (*sql.Rows, error)
}

// Known implements [ledger.Forgetter].
func (l *Ledger) Known(ctx context.Context, who string) (ledger.Known, error) {
	s := search{l, func(query string, args ...any) (*sql.Rows, error) { return l.query(ctx, query, args...) }}
	_, known, err := s.whom(who)
	return known, l.explain("look up", err)
}

// Forget implements [ledger.Forgetter].
func (l *Ledger) Forget(ctx context.Context, run ledger.RunID, who string) (known ledger.Known, err error) {
	err = l.commit(ctx, "forget", func(t *tx) error {
		var people []int64
		if people, known, err = (search{l, t.rows}).whom(who); err != nil {
			return err
		}
		for _, person := range people {
			if err := t.forget(run, person); err != nil {
				return err
			}
		}
		clear(l.intents) // which may be theirs
		return nil
	})
	if err == nil {
		err = l.explain("forget", l.db.scrub(ctx, l.write))
	}
	return known, err
}

// forget appends the entry that says so and destroys the person's key.
func (t *tx) forget(run ledger.RunID, person int64) error {
	e := &opened{record: record{run: string(run), kind: string(ledger.KindForget), person: person}}
	e.parts = []part{{person: person, text: []byte("{}")}}
	if err := t.append(e); err != nil {
		return err
	}
	delete(t.aeads, person)
	return t.exec(destroyKey, []byte{}, person)
}

// gone drops what the projections know of a person.
func (t *tx) gone(person int64) error {
	delete(t.people, person)
	for _, query := range []string{deleteNames, deleteLink, deleteOpens} {
		if err := t.exec(query, person); err != nil {
			return err
		}
	}
	return nil
}

// whom are the people whom who means. One human is several where their key has
// changed: all those who had the resource of the one who is meant.
func (s search) whom(who string) (people []int64, known ledger.Known, err error) {
	for _, of := range []byte{ofKey, ofID, ofName} {
		if people, err = s.named(of, who); err != nil || len(people) > 0 {
			break
		}
	}
	named := len(people)
	for _, person := range slices.Clone(people) {
		p, err := s.load(person)
		if err != nil {
			return nil, known, err
		}
		if p == nil {
			continue
		}
		if known.ID != "" && known.ID != p.Ref.ID {
			return nil, known, ledger.Several(who, named)
		}
		known.Key, known.UserName, known.ID, known.Linked = p.Key, p.UserName, p.Ref.ID, p.Linked && !p.Closed
		others, err := s.named(ofID, p.Ref.ID)
		if err != nil {
			return nil, known, err
		}
		people = append(people, others...)
	}
	if err != nil {
		return nil, known, err
	}
	if len(people) == 0 {
		return nil, known, ledger.Nobody(who)
	}
	slices.Sort(people)
	people = slices.Compact(people)
	known.Former = len(people) - 1
	for _, person := range people {
		n, err := s.numbers(countMentions, person)
		if err != nil {
			return nil, known, err
		}
		known.Entries += int(n[0])
	}
	return people, known, nil
}

func (s search) named(of byte, text string) ([]int64, error) {
	if text == "" {
		return nil, nil
	}
	return s.numbers(selectNamed, s.l.keys.digest(of, text))
}

func (s search) numbers(query string, arg any) ([]int64, error) {
	rows, err := s.rows(query, arg)
	return collect(rows, err, func(n *int64) []any { return []any{n} })
}

// load is the projection of a person who has or had a resource; nil of others.
func (s search) load(person int64) (*ledger.Person, error) {
	type row struct {
		person         int64
		wrapped, state []byte
	}
	rows, err := s.rows(selectIDs, person)
	found, err := collect(rows, err, func(r *row) []any { return []any{&r.person, &r.wrapped, &r.state} })
	if err != nil || len(found) == 0 {
		return nil, err
	}
	aead, err := s.l.keys.unwrap(person, found[0].wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.Invalid, err)
	}
	p, err := s.l.openLink(person, aead.Open, found[0].state, nil)
	if err != nil || p.Ref.ID == "" {
		return nil, err
	}
	return p, nil
}
