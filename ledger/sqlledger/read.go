package sqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/plan"
)

const (
	selectLinks  = "SELECT l.person, k.wrapped, l.state FROM links l JOIN person_keys k ON k.person = l.person"
	ofOne        = " WHERE l.person = (SELECT person FROM names WHERE digest = ? ORDER BY person DESC LIMIT 1)"
	selectImages = "SELECT l.person, k.wrapped, l.state, l.image FROM links l JOIN person_keys k ON k.person = l.person"
)

// Links implements [ledger.Store]. It reads the state of one moment.
func (l *Ledger) Links(ctx context.Context, q ledger.LinkQuery) iter.Seq2[plan.Link, error] {
	return func(yield func(plan.Link, error) bool) {
		if err := l.links(ctx, q, func(link plan.Link) bool { return yield(link, nil) }); err != nil {
			yield(plan.Link{}, l.explain("read links", err))
		}
	}
}

func (l *Ledger) links(ctx context.Context, q ledger.LinkQuery, yield func(plan.Link) bool) error {
	if q.Keys == nil {
		return l.linksOf(ctx, q, yield, "")
	}
	ended := false
	each := func(link plan.Link) bool { ended = !yield(link); return !ended }
	for i := 0; i < len(q.Keys) && !ended; i++ {
		if err := l.linksOf(ctx, q, each, ofOne, l.keys.digest(ofKey, string(q.Keys[i]))); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) linksOf(ctx context.Context, q ledger.LinkQuery, yield func(plan.Link) bool, where string, args ...any) error {
	query := selectLinks
	if q.Image {
		query = selectImages
	}
	rows, err := l.query(ctx, query+where, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var (
		person                int64
		wrapped, state, image sql.RawBytes
	)
	into := []any{&person, &wrapped, &state}
	if q.Image {
		into = append(into, &image)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		aead, err := l.keys.unwrap(person, wrapped)
		if errors.Is(err, errForgotten) {
			continue
		}
		if err != nil {
			return err
		}
		p, err := l.openLink(person, aead.Open, state, image)
		if err != nil {
			return fmt.Errorf("%w: %w", fault.Invalid, err)
		}
		if link, ok := p.Link(q); ok && !yield(link) {
			return nil
		}
	}
	return rows.Err()
}

// page is how many entries are read at once. No query is open while they are
// looked at: the caller may write meanwhile, and keys are read in between.
const page = 200

const (
	within        = " AND time >= ? AND time < ? AND (? = '' OR kind = ?) AND seq > ? ORDER BY seq LIMIT ?"
	entriesOfAll  = "SELECT " + columns + " FROM entries WHERE 1 = 1" + within
	entriesOfRun  = "SELECT " + columns + " FROM entries WHERE run = ?" + within
	entriesOfWho  = "SELECT " + columns + " FROM entries WHERE seq IN (" + seqsOfWho + ")" + within
	entriesOfBoth = "SELECT " + columns + " FROM entries WHERE run = ? AND seq IN (" + seqsOfWho + ")" + within
	seqsOfWho     = "SELECT seq FROM mentions WHERE person IN (SELECT person FROM names WHERE digest IN (?, ?, ?))"
)

// Entries implements [ledger.Store].
func (l *Ledger) Entries(ctx context.Context, f ledger.Filter) iter.Seq2[ledger.Entry, error] {
	query, args := l.selection(f)
	if f.Since.IsZero() {
		return l.paged(ctx, query, args, 0)
	}
	return func(yield func(ledger.Entry, error) bool) {
		var first int64
		if err := l.row(ctx, firstSince, nanos(f.Since, math.MinInt64)).Scan(&first); err != nil {
			yield(ledger.Entry{}, l.explain("read entries", err))
			return
		}
		if first > 0 {
			l.paged(ctx, query, args, first-1)(yield)
		}
	}
}

// firstSince is computed from the index on time: + 0 keeps the system from
// looking at every entry in turn. Clocks jump, so that it is no more than a bound.
const firstSince = "SELECT COALESCE(MIN(seq + 0), 0) FROM entries WHERE time >= ?"

// paged yields the entries that the query finds, whose last two arguments say
// after which entry it begins, and how many it reads.
func (l *Ledger) paged(ctx context.Context, query string, args []any, from int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		w := l.wallet(ctx)
		for after := from; ; {
			batch, err := l.records(ctx, query, append(args[:len(args):len(args)], after, page)...)
			if err != nil {
				yield(ledger.Entry{}, l.explain("read entries", err))
				return
			}
			for _, r := range batch {
				e, err := l.entry(r, w.key)
				if !yield(e, err) || err != nil {
					return
				}
			}
			if len(batch) < page {
				return
			}
			after = batch[len(batch)-1].seq
		}
	}
}

// selection is the query for f with its arguments but the last two: after, and limit.
func (l *Ledger) selection(f ledger.Filter) (query string, args []any) {
	query = entriesOfAll
	if f.Run != "" {
		query, args = entriesOfRun, append(args, string(f.Run))
	}
	if f.Who != "" {
		query = entriesOfWho
		if f.Run != "" {
			query = entriesOfBoth
		}
		args = append(args, l.keys.digest(ofKey, f.Who), l.keys.digest(ofName, f.Who), l.keys.digest(ofID, f.Who))
	}
	return query, append(args, nanos(f.Since, math.MinInt64), nanos(f.Until, math.MaxInt64), string(f.Kind), string(f.Kind))
}

func nanos(t time.Time, otherwise int64) int64 {
	if t.IsZero() {
		return otherwise
	}
	return t.UnixNano()
}

func (l *Ledger) records(ctx context.Context, query string, args ...any) ([]record, error) {
	rows, err := l.query(ctx, query, args...)
	return collect(rows, err, (*record).fields)
}

// collect reads all rows of a query, which may have ended with err, and closes them.
func collect[T any](rows *sql.Rows, err error, fields func(*T) []any) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		var row T
		if err := rows.Scan(fields(&row)...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// entry opens a record for people.
func (l *Ledger) entry(r record, keys keeper) (ledger.Entry, error) {
	o, err := open(r, l.id, keys)
	if err != nil {
		return ledger.Entry{}, fault.WithHint(l.explain("read entry", fmt.Errorf("entry %d: %w: %w", r.seq, fault.Invalid, err)),
			"rollcall audit verify tells what was altered")
	}
	e := ledger.Entry{
		Seq: r.seq, Time: r.at(), Run: ledger.RunID(r.run), Kind: ledger.Kind(r.kind), Op: plan.Op(r.op), Name: o.face.Name,
		Change: o.change, Outcome: o.outcome, Key: o.key, UserName: o.userName, Hash: plan.Digest(r.hash),
	}
	if o.text == nil {
		o.face.bare(&e, ledger.Result(r.result))
		return e, nil
	}
	switch e.Kind {
	case ledger.KindIntent, ledger.KindPart:
		e.Key, e.UserName = o.change.Key, o.change.UserName
	case ledger.KindRun, ledger.KindEnd, ledger.KindNote, ledger.KindForget, ledger.KindPlan, ledger.KindDecision, ledger.KindPrune:
		e.Note = json.RawMessage(o.text)
	case ledger.KindUnit:
		e.Name = o.unit
	case ledger.KindOutcome, ledger.KindAbsent, ledger.KindBack, ledger.KindCarry:
	}
	return e, nil
}

const (
	selectRuns  = "SELECT " + runColumns + " FROM runs WHERE began < ? ORDER BY began DESC LIMIT ?"
	selectNoted = "SELECT " + columns + " FROM entries WHERE seq IN (SELECT seq FROM notes WHERE name = ?)"
)

// Runs implements [ledger.Store].
func (l *Ledger) Runs(ctx context.Context) iter.Seq2[ledger.Run, error] {
	return func(yield func(ledger.Run, error) bool) {
		for before := int64(math.MaxInt64); ; {
			batch, err := l.runRows(ctx, before)
			if err != nil {
				yield(ledger.Run{}, l.explain("read runs", err))
				return
			}
			for _, r := range batch {
				run, err := l.runOf(ctx, r)
				if !yield(run, err) || err != nil {
					return
				}
			}
			if len(batch) < page {
				return
			}
			before = batch[len(batch)-1].began
		}
	}
}

func (l *Ledger) runRows(ctx context.Context, before int64) ([]runRow, error) {
	rows, err := l.query(ctx, selectRuns, before, page)
	return collect(rows, err, (*runRow).fields)
}

// runOf reads what a run's first and last entries say.
func (l *Ledger) runOf(ctx context.Context, r runRow) (ledger.Run, error) {
	run := ledger.Run{ID: ledger.RunID(r.run), Intents: int(r.intents), Settled: int(r.settled), Failed: int(r.failed)}
	began, err := l.noteAt(ctx, selectEntry, r.began)
	if err == nil {
		run.Began, err = began.Time, json.Unmarshal(began.Note, &run.Start)
	}
	if err == nil && r.ended != 0 {
		var ended ledger.Entry
		if ended, err = l.noteAt(ctx, selectEntry, r.ended); err == nil {
			run.Ended, err = ended.Time, json.Unmarshal(ended.Note, &run.Ending)
		}
	}
	return run, l.explain("read run "+r.run, err)
}

// noteAt is the one entry that the query finds; its zero value where there is none.
func (l *Ledger) noteAt(ctx context.Context, query string, arg any) (ledger.Entry, error) {
	found, err := l.records(ctx, query, arg)
	if err != nil || len(found) == 0 {
		return ledger.Entry{}, err
	}
	return l.entry(found[0], l.wallet(ctx).key)
}

// Noted implements [ledger.Notebook].
func (l *Ledger) Noted(ctx context.Context, name string) (json.RawMessage, error) {
	e, err := l.noteAt(ctx, selectNoted, name)
	return e.Note, l.explain("read note "+name, err)
}

const selectUnsettled = "SELECT " + columns + " FROM entries WHERE seq IN (SELECT seq FROM opens) AND seq > ? ORDER BY seq LIMIT ?"

// Unsettled implements [ledger.Recovery].
func (l *Ledger) Unsettled(ctx context.Context) iter.Seq2[ledger.Unsettled, error] {
	return func(yield func(ledger.Unsettled, error) bool) {
		for e, err := range l.paged(ctx, selectUnsettled, nil, 0) {
			if err != nil {
				yield(ledger.Unsettled{}, err)
				return
			}
			if !e.Erased && !yield(ledger.Unsettled{Run: e.Run, Since: e.Time, Change: *e.Change}, nil) {
				return
			}
		}
	}
}

const (
	countSettled = "SELECT e.op, COUNT(*), SUM(e.people) FROM entries e LEFT JOIN runs r ON r.run = e.run " +
		"WHERE e.time >= ? AND e.kind = 'outcome' AND e.result IN ('done', 'found') AND COALESCE(r.command, '') NOT IN ('revert', 'rekey') GROUP BY e.op"
	countOpen = "SELECT o.op, COUNT(*), SUM(o.people) FROM opens o LEFT JOIN runs r ON r.run = o.run " +
		"WHERE o.since >= ? AND COALESCE(r.command, '') NOT IN ('revert', 'rekey') GROUP BY o.op"
)

// Counts implements [ledger.Counter].
func (l *Ledger) Counts(ctx context.Context, since time.Time) (map[plan.Op]int, error) {
	out := map[plan.Op]int{}
	for _, query := range []string{countSettled, countOpen} {
		if err := l.count(ctx, query, nanos(since, math.MinInt64), out); err != nil {
			return nil, l.explain("count changes", err)
		}
	}
	return out, nil
}

func (l *Ledger) count(ctx context.Context, query string, since int64, out map[plan.Op]int) error {
	rows, err := l.query(ctx, query, since)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			op        plan.Op
			n, people int
		)
		if err := rows.Scan(&op, &n, &people); err != nil {
			return err
		}
		out[op] += n
		if op == plan.Leave {
			out[plan.GroupRemovals] += people
		}
	}
	return rows.Err()
}
