package sqlledger

import (
	"database/sql"
	"errors"
	"fmt"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/scim"
	"rollcall/source"
)

const (
	insertName = "INSERT INTO names (digest, person) VALUES (?, ?) ON CONFLICT (digest, person) DO NOTHING"
	selectName = "SELECT person FROM names WHERE digest = ? ORDER BY person DESC LIMIT 1"

	// selectLoose finds somebody known by an id alone: whom a source key may claim.
	selectLoose = "SELECT n.person FROM names n LEFT JOIN links l ON l.person = n.person " +
		"WHERE n.digest = ? AND l.person IS NULL ORDER BY n.person DESC LIMIT 1"
)

// subject is the person whom a change is about, made where there is none; 0 for a group's.
//
// A source key decides; one that is new takes over whom so far only an id
// names. Without a key the id decides, and without an id the userName.
func (t *tx) subject(c plan.Change) (int64, error) {
	switch {
	case c.Target.Type == scim.Group:
		return 0, nil
	case c.Key != "":
		return t.byKey(c.Key, c.Target.ID)
	case c.Target.ID != "":
		return t.find(t.l.keys.digest(ofID, c.Target.ID))
	case c.UserName != "":
		return t.find(t.l.keys.digest(ofName, c.UserName))
	}
	return 0, nil
}

// byKey is the person with this source key, or whom the id names and no key yet.
func (t *tx) byKey(key source.Key, id string) (int64, error) {
	d := t.l.keys.digest(ofKey, string(key))
	person, err := t.named(selectName, d)
	if err != nil || person != 0 {
		return person, err
	}
	if id != "" {
		if person, err = t.named(selectLoose, t.l.keys.digest(ofID, id)); err != nil {
			return 0, err
		}
	}
	if person != 0 && t.people[person] == nil {
		t.names[string(d)] = person
		return person, nil
	}
	return t.find(d)
}

// mentioned is the person whom another's text names.
func (t *tx) mentioned(m mention) (int64, error) {
	if m.key != "" {
		return t.byKey(source.Key(m.key), "")
	}
	return t.find(t.l.keys.digest(ofID, m.id))
}

// find is the person with this digest, made where there is none.
func (t *tx) find(digest []byte) (int64, error) {
	if person, known := t.names[string(digest)]; known {
		return person, nil
	}
	person, err := t.named(selectName, digest)
	if err == nil && person == 0 {
		person, err = t.newPerson()
	}
	if err == nil {
		t.names[string(digest)] = person
	}
	return person, err
}

// named is the person that the query finds, 0 where it finds nobody.
func (t *tx) named(query string, digest []byte) (person int64, err error) {
	if known, ok := t.names[string(digest)]; ok && query == selectName {
		return known, nil
	}
	err = t.row(query, digest).Scan(&person)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return person, err
}

const (
	selectLink = "SELECT state, image FROM links WHERE person = ?"
	upsertLink = "INSERT INTO links (person, state, image) VALUES (?, ?, ?) " +
		"ON CONFLICT (person) DO UPDATE SET state = excluded.state, image = excluded.image"
)

func (t *tx) load(person int64, key source.Key) (*ledger.Person, error) {
	if p, known := t.people[person]; known && (p != nil || key == "") {
		return p, nil
	}
	var state, image []byte
	err := t.row(selectLink, person).Scan(&state, &image)
	switch {
	case errors.Is(err, sql.ErrNoRows) && key == "":
		t.people[person] = nil
		return nil, nil
	case errors.Is(err, sql.ErrNoRows):
		t.people[person] = &ledger.Person{Key: key}
		return t.people[person], nil
	case err != nil:
		return nil, err
	}
	aead, err := t.aead(person)
	if err != nil {
		return nil, err
	}
	p, err := t.l.openLink(person, aead.Open, state, image)
	t.people[person] = p
	return p, err
}

// openLink opens a row of links; without image where that is nil.
func (l *Ledger) openLink(person int64, open opener, state, image []byte) (*ledger.Person, error) {
	state, image, err := l.linkTexts(person, open, state, image)
	if err != nil {
		return nil, err
	}
	return readLink(person, state, image)
}

// linkTexts are what a row of links seals; nil where nothing was seen, or image is nil.
func (l *Ledger) linkTexts(person int64, open opener, state, image []byte) (stateText, imageText []byte, err error) {
	stateText, err = open(nil, nil, state, l.linkPlace("state", person))
	if err == nil && len(image) > 0 {
		imageText, err = open(nil, nil, image, l.linkPlace("image", person))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("link of person %d: %w", person, err)
	}
	return stateText, imageText, nil
}

func readLink(person int64, state, image []byte) (*ledger.Person, error) {
	p := &ledger.Person{}
	err := unmarshal(state, p)
	if err == nil && image != nil {
		err = unmarshal(image, &p.Image)
	}
	if err != nil {
		return nil, fmt.Errorf("link of person %d: %w", person, err)
	}
	return p, nil
}

// An opener is cipher.AEAD's Open.
type opener func(dst, nonce, ciphertext, bound []byte) ([]byte, error)

func (l *Ledger) linkPlace(what string, person int64) []byte {
	return place([]byte("link "+what+" "+l.id), 0, person)
}

// saveLink seals a person's projection.
func (t *tx) saveLink(person int64, p *ledger.Person) error {
	aead, err := t.aead(person)
	if err != nil {
		return err
	}
	text, err := encode(p)
	if err != nil {
		return err
	}
	state, image := aead.Seal(nil, nil, text, t.l.linkPlace("state", person)), []byte{}
	if len(p.Image) > 0 {
		if text, err = encode(p.Image); err != nil {
			return err
		}
		image = aead.Seal(nil, nil, text, t.l.linkPlace("image", person))
	}
	return t.exec(upsertLink, person, state, image)
}

const insertMention = "INSERT INTO mentions (person, seq) VALUES (?, ?)"

func (t *tx) mention(person, seq int64) error { return t.exec(insertMention, person, seq) }

func (t *tx) name(n nameRow) error { return t.exec(insertName, n.digest[:], n.person) }

const (
	openColumns = "run, change, seq, person, target, op, people, since, unsure"
	insertOpen  = "INSERT INTO opens (" + openColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)"
	selectOpen  = "SELECT seq FROM opens WHERE run = ? AND change = ?"
	selectLeft  = "SELECT seq FROM opens WHERE change = ? ORDER BY seq DESC LIMIT 1"
	selectOpens = "SELECT " + openColumns + " FROM opens WHERE person = ? AND target = ? ORDER BY seq"
	deleteOpen  = "DELETE FROM opens WHERE run = ? AND change = ?"
	updateOpen  = "UPDATE opens SET unsure = 1 WHERE run = ? AND change = ?"
)

func (o *openRow) fields() []any {
	return []any{&o.run, &o.change, &o.seq, &o.person, &o.target, &o.op, &o.people, &o.since, &o.unsure}
}

func (t *tx) put(o openRow) error {
	return t.exec(insertOpen, o.run, o.change, o.seq, o.person, o.target, o.op, o.people, o.since)
}

func (t *tx) conclude(o openRow, unsure bool) error {
	query := deleteOpen
	if unsure {
		query = updateOpen
	}
	return t.exec(query, o.run, o.change)
}

func (t *tx) opens(person int64, target []byte) ([]openRow, error) {
	rows, err := t.rows(selectOpens, person, target)
	return collect(rows, err, (*openRow).fields)
}

const (
	runColumns = "run, org, command, began, ended, intents, settled, failed"
	insertRun  = "INSERT INTO runs (" + runColumns + ") VALUES (?, ?, ?, ?, 0, 0, 0, 0)"
	selectRun  = "SELECT " + runColumns + " FROM runs WHERE run = ?"
	updateRun  = "UPDATE runs SET ended = ?, intents = ?, settled = ?, failed = ? WHERE run = ?"
)

func (r *runRow) fields() []any {
	return []any{&r.run, &r.org, &r.command, &r.began, &r.ended, &r.intents, &r.settled, &r.failed}
}

func (t *tx) begin(r runRow) error { return t.exec(insertRun, r.run, r.org, r.command, r.began) }

func (t *tx) run(name string) (*runRow, error) {
	if r, known := t.runs[name]; known {
		return r, nil
	}
	r := &runRow{}
	err := t.row(selectRun, name).Scan(r.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		r, err = nil, nil
	}
	t.runs[name] = r
	return r, err
}

const upsertNote = "INSERT INTO notes (name, seq) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq"

func (t *tx) note(name string, seq int64) error { return t.exec(upsertNote, name, seq) }
