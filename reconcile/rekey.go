package reconcile

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/source"
)

// Rekey proposes to give links other keys, as a table of two columns says: the
// old key and the new one. Its first line may be a header. Any number of people
// is relinked, in chains too (a becomes b where b becomes c); nothing is asked of
// the source or the target, and nothing is sent.
//
// Every line is checked before anything is proposed: Invalid, with every fault
// and its line, where an old key has no link, a new one has one or is given
// twice, or keys go around in a circle. name is what the table is called in errors.
func (j Job) Rekey(ctx context.Context, name string, table []byte) (*Proposal, error) {
	links := map[source.Key]plan.Link{}
	for l, err := range j.Store.Links(ctx, ledger.LinkQuery{}) {
		if err != nil {
			return &Proposal{}, err
		}
		if !l.Closed && l.Ref.ID != "" {
			links[l.Key] = l
		}
	}
	r := &rekeying{name: name, links: links, to: map[source.Key]move{}, from: map[source.Key]move{}}
	if err := r.read(table); err != nil {
		return &Proposal{}, err
	}
	changes := r.changes()
	if len(r.faults) > 0 {
		err := fmt.Errorf("read %s: %w: %w", name, fault.Invalid, errors.Join(r.faults...))
		return &Proposal{}, fault.WithHint(err, "each line is an old key and a new one, with a comma between; nothing was changed")
	}
	in := j.Input
	in.Policy.Base = len(links)
	in.Policy.Allow = maps.Clone(in.Policy.Allow)
	if in.Policy.Allow == nil {
		in.Policy.Allow = map[string]int{}
	}
	in.Policy.Allow[string(plan.Rekey)] = -1 // a person says so, line by line
	return &Proposal{in: in, Plan: plan.Of(in, slices.Values(changes), nil)}, nil
}

// A move is one line of the table.
type move struct {
	old, new source.Key
	line     int
}

// A rekeying reads the table and collects faults instead of stopping at the first.
type rekeying struct {
	name     string
	links    map[source.Key]plan.Link
	from, to map[source.Key]move // by old key, by new key
	moves    []move
	faults   []error
}

// read takes in the table. An error says that it is none.
func (r *rekeying) read(table []byte) error {
	table = bytes.TrimPrefix(table, []byte("\ufeff"))
	head, _, _ := bytes.Cut(table, []byte("\n"))
	rows := csv.NewReader(bytes.NewReader(table))
	rows.FieldsPerRecord, rows.TrimLeadingSpace = -1, true
	for _, delimiter := range ",;\t|" {
		if bytes.ContainsRune(head, delimiter) {
			rows.Comma = delimiter
			break
		}
	}
	for first := true; ; first = false {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fault.WithPlace(fmt.Errorf("read %s: %w: %w", r.name, fault.Invalid, err), r.name)
		}
		line, _ := rows.FieldPos(0)
		if !first || !r.header(row) {
			r.line(row, line)
		}
	}
	if len(r.moves) == 0 && len(r.faults) == 0 {
		return fault.WithHint(fmt.Errorf("read %s: %w: no line has an old key and a new one", r.name, fault.Invalid), "write lines such as E1001,N2001")
	}
	return nil
}

// header tells whether the first row names the columns: it says what they are,
// and nobody has such a key.
func (r *rekeying) header(row []string) bool {
	if _, linked := r.links[source.Key(strings.TrimSpace(row[0]))]; linked || len(row) != 2 {
		return false
	}
	word := func(text string, words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(text), w) })
	}
	return word(row[0], "old", "from", "before", "former", "previous", "key") && word(row[1], "new", "to", "after", "next", "key")
}

func (r *rekeying) line(row []string, line int) {
	if len(row) != 2 {
		r.fault(line, "%d columns where two are needed", len(row))
		return
	}
	m := move{source.Key(strings.TrimSpace(row[0])), source.Key(strings.TrimSpace(row[1])), line}
	_, linked := r.links[m.old]
	before, twice := r.from[m.old]
	other, taken := r.to[m.new]
	switch {
	case m.old == "" || m.new == "":
		r.fault(line, "a key is empty")
	case m.old == m.new:
		r.fault(line, "the old key %q is the new one", m.old)
	case !linked:
		r.fault(line, "the old key %q has no link%s", m.old, fault.DidYouMean(string(m.old), r.keys()))
	case twice:
		r.fault(line, "the old key %q is on line %d too", m.old, before.line)
	case taken:
		r.fault(line, "the new key %q is on line %d too", m.new, other.line)
	default:
		r.from[m.old], r.to[m.new] = m, m
		r.moves = append(r.moves, m)
	}
}

func (r *rekeying) keys() (all []string) {
	for k := range r.links {
		all = append(all, string(k))
	}
	slices.Sort(all)
	return all
}

// changes are the moves, each after that which frees its new key.
func (r *rekeying) changes() (all []plan.Change) {
	for _, m := range r.moves {
		wave := 0
		for next, chained := r.from[m.new]; chained && wave <= len(r.moves); next, chained = r.from[next.new] {
			wave++
		}
		_, linked := r.links[m.new]
		_, freed := r.from[m.new]
		switch {
		case wave > len(r.moves):
			r.fault(m.line, "the keys go around in a circle at %q: give one of them another key first", m.old)
		case linked && !freed:
			r.fault(m.line, "the new key %q is linked already", m.new)
		}
		c := plan.Rekeyed(r.links[m.old], m.new, source.Place{Source: r.name, Line: m.line}, byHand)
		c.Wave = wave
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b plan.Change) int { return cmp.Compare(a.Wave, b.Wave) })
	return all
}

func (r *rekeying) fault(line int, format string, args ...any) {
	place := source.Place{Source: r.name, Line: line}.String()
	r.faults = append(r.faults, fault.WithPlace(fmt.Errorf("%s: "+format, append([]any{place}, args...)...), place))
}
