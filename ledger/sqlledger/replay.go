package sqlledger

import (
	"bytes"
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"rollcall/ledger"
	"rollcall/source"
)

// A replay holds projections in memory: what the tables should say.
type replay struct {
	names    map[int64][][digestSize]byte
	mentions []mentionRow
	people   map[int64]*ledger.Person
	open     map[openKey]*openRow
	about    map[topic][]openKey // open intents
	runs     map[string]*runRow
	notes    map[string]int64
}

type nameRow struct {
	digest [digestSize]byte
	person int64
}

type mentionRow struct{ person, seq int64 }

func newReplay() *replay {
	return &replay{
		names: map[int64][][digestSize]byte{}, people: map[int64]*ledger.Person{}, open: map[openKey]*openRow{},
		about: map[topic][]openKey{}, runs: map[string]*runRow{}, notes: map[string]int64{},
	}
}

var _ book = (*replay)(nil)

func (r *replay) load(person int64, key source.Key) (*ledger.Person, error) {
	p := r.people[person]
	if p == nil && key != "" {
		p = &ledger.Person{Key: key}
		r.people[person] = p
	}
	return p, nil
}

func (r *replay) name(n nameRow) error {
	if names := r.names[n.person]; !slices.Contains(names, n.digest) {
		r.names[n.person] = append(names, n.digest)
	}
	return nil
}

func (r *replay) mention(person, seq int64) error {
	r.mentions = append(r.mentions, mentionRow{person, seq})
	return nil
}

// A topic is what an intent is about: a person, or a group.
type topic struct {
	person int64
	target string
}

func (r *replay) opens(person int64, target []byte) ([]openRow, error) {
	var out []openRow
	for _, k := range r.about[topic{person, string(target)}] {
		out = append(out, *r.open[k])
	}
	return out, nil
}

func (r *replay) put(o openRow) error {
	k := openKey{o.run, string(o.change)}
	if r.open[k] != nil {
		return errors.New("an intent of a change that is open")
	}
	t := topic{o.person, string(o.target)}
	r.open[k], r.about[t] = &o, append(r.about[t], k)
	return nil
}

// opened is k where it is open, else the newest open intent of the same change.
func (r *replay) opened(k openKey) openKey {
	if r.open[k] != nil {
		return k
	}
	for other, o := range r.open {
		if newest := r.open[k]; other.change == k.change && (newest == nil || o.seq > newest.seq) {
			k = other
		}
	}
	return k
}

func (r *replay) conclude(o openRow, unsure bool) error {
	k, t := openKey{o.run, string(o.change)}, topic{o.person, string(o.target)}
	if unsure {
		r.open[k].unsure = true
		return nil
	}
	delete(r.open, k)
	if r.about[t] = slices.DeleteFunc(r.about[t], func(x openKey) bool { return x == k }); len(r.about[t]) == 0 {
		delete(r.about, t)
	}
	return nil
}

func (r *replay) begin(row runRow) error {
	if r.runs[row.run] != nil {
		return errors.New("a run that began before")
	}
	r.runs[row.run] = &row
	return nil
}

func (r *replay) run(name string) (*runRow, error) { return r.runs[name], nil }

func (r *replay) note(name string, seq int64) error {
	r.notes[name] = seq
	return nil
}

// gone leaves names to the end, where they are looked through once.
func (r *replay) gone(person int64) error {
	delete(r.people, person)
	for _, k := range r.about[topic{person: person}] {
		delete(r.open, k)
	}
	delete(r.about, topic{person: person})
	return nil
}

const (
	allNames    = "SELECT digest, person FROM names"
	allMentions = "SELECT person, seq FROM mentions ORDER BY person, seq"
	allLinks    = "SELECT person, state, image FROM links ORDER BY person"
	allOpens    = "SELECT " + openColumns + " FROM opens"
	allRuns     = "SELECT " + runColumns + " FROM runs"
	allNotes    = "SELECT name, seq FROM notes"
)

// projections compares the tables with the replay. Where entries are not
// intact, what follows from them cannot be told.
func (v *verifier) projections() error {
	if !v.intact {
		return nil
	}
	for person := range v.forgot {
		delete(v.book.names, person)
	}
	for person, wrapped := range v.keys {
		switch destroyed := len(wrapped) == 0; {
		case destroyed && v.forgot[person] == 0:
			v.fault("person %d: the key was destroyed, and no entry says that the person was forgotten", person)
		case !destroyed && v.forgot[person] != 0:
			v.fault("person %d: entry %d says that the person was forgotten, and the key is there", person, v.forgot[person])
		}
	}
	for _, step := range []func() error{v.names, v.mentions, v.links, v.opens, v.runs, v.notes} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) names() error {
	err := v.each(allNames, func(rows *sql.Rows) error {
		var (
			digest []byte
			person int64
		)
		if err := rows.Scan(&digest, &person); err != nil {
			return err
		}
		names := v.book.names[person]
		i := slices.IndexFunc(names, func(n [digestSize]byte) bool { return bytes.Equal(n[:], digest) })
		if i < 0 {
			v.fault("names: person %d has a name that no entry gives", person)
			return nil
		}
		if v.book.names[person] = slices.Delete(names, i, i+1); len(names) == 1 {
			delete(v.book.names, person)
		}
		return nil
	})
	for person := range v.book.names {
		v.fault("names: a name of person %d is missing", person)
	}
	return err
}

// mentions compares two sorted lists.
func (v *verifier) mentions() error {
	want := v.book.mentions
	slices.SortFunc(want, mentionRow.compare)
	err := v.each(allMentions, func(rows *sql.Rows) error {
		var m mentionRow
		if err := rows.Scan(&m.person, &m.seq); err != nil {
			return err
		}
		for len(want) > 0 && want[0].compare(m) < 0 {
			v.missing(want[0])
			want = want[1:]
		}
		if len(want) == 0 || want[0] != m {
			v.fault("mentions: person %d is not mentioned in entry %d", m.person, m.seq)
			return nil
		}
		want = want[1:]
		return nil
	})
	for _, m := range want {
		v.missing(m)
	}
	return err
}

func (v *verifier) missing(m mentionRow) {
	v.fault("mentions: that person %d is mentioned in entry %d is missing", m.person, m.seq)
}

func (m mentionRow) compare(o mentionRow) int {
	return cmp.Or(cmp.Compare(m.person, o.person), cmp.Compare(m.seq, o.seq))
}

// A tie is a row of links, and what the entries make of it.
type tie struct {
	person       int64
	state, image []byte
	want         *ledger.Person
	fault        string
}

func (v *verifier) links() error {
	rows, err := v.tx.QueryContext(v.ctx, v.l.bind(allLinks)) //nolint:rowserrcheck // ties asks
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for ties := []tie(nil); ; {
		var next []tie
		work := []func(){func() { next, err = v.ties(rows) }}
		for part := range slices.Chunk(ties, batch/4) {
			work = append(work, func() { v.compare(part) })
		}
		if v.l.o.Together(work...); err != nil {
			return err
		}
		for _, t := range ties {
			if t.fault != "" {
				v.fault("links: %s", t.fault)
			}
		}
		if ties = next; len(ties) == 0 {
			break
		}
	}
	for person := range v.book.people {
		v.fault("links: the link of person %d is missing", person)
	}
	return nil
}

// ties reads the next rows.
func (v *verifier) ties(rows *sql.Rows) ([]tie, error) {
	out := make([]tie, 0, batch)
	for len(out) < batch && rows.Next() {
		var t tie
		if err := rows.Scan(&t.person, &t.state, &t.image); err != nil {
			return nil, err
		}
		t.want = v.book.people[t.person]
		delete(v.book.people, t.person)
		out = append(out, t)
	}
	return out, rows.Err()
}

// compare is safe beside itself.
func (v *verifier) compare(ties []tie) {
	for i := range ties {
		t := &ties[i]
		if t.want == nil {
			t.fault = fmt.Sprintf("person %d has a link that no entry makes", t.person)
			continue
		}
		aead, err := v.key(t.person)
		if err != nil {
			t.fault = fmt.Sprintf("person %d: %v", t.person, err)
			continue
		}
		if same, err := v.l.sameLink(t, aead.Open); err != nil {
			t.fault = err.Error()
		} else if !same {
			t.fault = fmt.Sprintf("the link of person %d is not what the entries make of it", t.person)
		}
	}
}

// sameLink compares a row of links with what the entries make of it: as it is
// written today, or else, as an older version wrote other members, by meaning.
func (l *Ledger) sameLink(t *tie, open opener) (bool, error) {
	state, image, err := l.linkTexts(t.person, open, t.state, t.image)
	if err != nil {
		return false, err
	}
	wantState, err := encode(t.want)
	if err != nil {
		return false, err
	}
	var wantImage []byte
	if len(t.want.Image) > 0 {
		if wantImage, err = encode(t.want.Image); err != nil {
			return false, err
		}
	}
	if bytes.Equal(state, wantState) && bytes.Equal(image, wantImage) {
		return true, nil
	}
	got, err := readLink(t.person, state, image)
	if err != nil {
		return false, err
	}
	again, err := encode(got)
	if err != nil || !bytes.Equal(again, wantState) {
		return false, err
	}
	again, err = encode(orNone(got.Image))
	if err == nil && wantImage == nil {
		wantImage = []byte("null")
	}
	return bytes.Equal(again, wantImage), err
}

// orNone makes no image and an empty one the same.
func orNone(v ledger.Values) ledger.Values {
	if len(v) == 0 {
		return nil
	}
	return v
}

func (v *verifier) opens() error {
	err := v.each(allOpens, func(rows *sql.Rows) error {
		var o openRow
		if err := rows.Scan(o.fields()...); err != nil {
			return err
		}
		k := openKey{o.run, string(o.change)}
		want := v.book.open[k]
		delete(v.book.open, k)
		if want == nil || !o.equal(want) {
			v.fault("open intents: that of entry %d is not what the entries say", o.seq)
		}
		return nil
	})
	for _, o := range v.book.open {
		v.fault("open intents: that of entry %d is missing", o.seq)
	}
	return err
}

func (o *openRow) equal(p *openRow) bool {
	return o.run == p.run && bytes.Equal(o.change, p.change) && o.seq == p.seq && o.person == p.person && bytes.Equal(o.target, p.target) &&
		o.op == p.op && o.people == p.people && o.since == p.since && o.unsure == p.unsure
}

func (v *verifier) runs() error {
	err := v.each(allRuns, func(rows *sql.Rows) error {
		var r runRow
		if err := rows.Scan(r.fields()...); err != nil {
			return err
		}
		want := v.book.runs[r.run]
		delete(v.book.runs, r.run)
		if want == nil || !r.equal(want) {
			v.fault("runs: run %s is not what the entries say", r.run)
		}
		return nil
	})
	for run := range v.book.runs {
		v.fault("runs: run %s is missing", run)
	}
	return err
}

func (r *runRow) equal(s *runRow) bool {
	return r.run == s.run && bytes.Equal(r.org, s.org) && r.command == s.command && r.began == s.began && r.ended == s.ended &&
		r.intents == s.intents && r.settled == s.settled && r.failed == s.failed
}

func (v *verifier) notes() error {
	err := v.each(allNotes, func(rows *sql.Rows) error {
		var (
			name string
			seq  int64
		)
		if err := rows.Scan(&name, &seq); err != nil {
			return err
		}
		if want, there := v.book.notes[name]; !there || want != seq {
			v.fault("notes: %q is not of entry %d", name, seq)
		}
		delete(v.book.notes, name)
		return nil
	})
	for name := range v.book.notes {
		v.fault("notes: %q is missing", name)
	}
	return err
}
