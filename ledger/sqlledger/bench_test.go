package sqlledger_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
	"rollcall/ledger/sqlledger"
	"rollcall/plan"
	"rollcall/source"
)

// filled is a ledger of n people, each created.
func filled(b *testing.B, n int) (*sqlledger.Ledger, ledger.RunID) {
	b.Helper()
	l := open(b, filepath.Join(b.TempDir(), "rollcall.db"), sqlledger.Options{Now: time.Now, Together: together})
	b.Cleanup(func() { _ = l.Close() })
	run, err := l.Begin(b.Context(), ledger.Start{Org: "org"})
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < n; i += 1000 {
		create(b, l, run, i, min(1000, n-i))
	}
	return l, run
}

// together uses every core, as the program does.
func together(work ...func()) {
	var wg sync.WaitGroup
	for _, do := range work {
		wg.Go(do)
	}
	wg.Wait()
}

func create(b *testing.B, l *sqlledger.Ledger, run ledger.RunID, from, n int) {
	b.Helper()
	var batch []plan.Change
	var outcomes []ledger.Outcome
	for i := range n {
		key := source.Key(strconv.Itoa(from + i))
		batch, outcomes = append(batch, ledgertest.Creation(key)), append(outcomes, ledgertest.Created(key, "u-"+string(key)))
	}
	if err := l.Intend(b.Context(), run, batch); err != nil {
		b.Fatal(err)
	}
	if err := l.Settle(b.Context(), run, outcomes); err != nil {
		b.Fatal(err)
	}
}

// One change is an intent and an outcome, 50 of each in one commit.
func BenchmarkChanges(b *testing.B) {
	l, run := filled(b, 0)
	n := 0
	for b.Loop() {
		create(b, l, run, n, 50)
		n += 50
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
}

// The same by 50 workers, each with one change at a time: they share commits.
func BenchmarkWorkers(b *testing.B) {
	const workers = 50
	l, run := filled(b, 0)
	n := 0
	for b.Loop() {
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() { create(b, l, run, n+i, 1) })
		}
		wg.Wait()
		n += workers
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
}

func BenchmarkLinks(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		for _, image := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/image=%v", n, image), func(b *testing.B) {
				l, _ := filled(b, n)
				q := ledger.LinkQuery{Shape: ledgertest.Shape(), Image: image}
				seen := 0
				b.ReportAllocs()
				for b.Loop() {
					for _, err := range l.Links(b.Context(), q) {
						if err != nil {
							b.Fatal(err)
						}
						seen++
					}
				}
				b.ReportMetric(float64(seen)/b.Elapsed().Seconds(), "links/s")
			})
		}
	}
}

// Every person is created once (the dearest ledger to verify: two entries a
// person), or changed ten times.
func BenchmarkVerify(b *testing.B) {
	for _, changes := range []int{1, 10} {
		b.Run(fmt.Sprint("changes=", changes), func(b *testing.B) {
			l, run := filled(b, 40_000/changes)
			for i := range changes - 1 {
				again(b, l, run, 40_000/changes, i)
			}
			n := 0
			for b.Loop() {
				v, err := l.Verify(b.Context(), "")
				if err != nil || len(v.Faults) > 0 {
					b.Fatal(v.Faults, err)
				}
				n += int(v.Entries)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// again changes the title of n people.
func again(b *testing.B, l *sqlledger.Ledger, run ledger.RunID, n, round int) {
	b.Helper()
	var batch []plan.Change
	var outcomes []ledger.Outcome
	for i := range n {
		c := ledgertest.Creation(source.Key(strconv.Itoa(i)))
		title := ledgertest.Text(fmt.Sprint("Agent ", round))
		c.Op, c.ID, c.Target.ID = plan.Update, fmt.Sprint("update-", i, "-", round), "u-"+string(c.Key)
		c.Edits = []plan.Edit{{Path: "title", Whole: true, Before: ledgertest.Text("Agent"), Set: title}}
		o := ledgertest.Created(c.Key, c.Target.ID)
		o.Change, o.Status, o.Seen = c.ID, 200, ledgertest.Seen("title", title)
		batch, outcomes = append(batch, c), append(outcomes, o)
	}
	if err := l.Intend(b.Context(), run, batch); err != nil {
		b.Fatal(err)
	}
	if err := l.Settle(b.Context(), run, outcomes); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkEntriesOfOne(b *testing.B) {
	l, _ := filled(b, 20_000)
	for b.Loop() {
		n := 0
		for _, err := range l.Entries(b.Context(), ledger.Filter{Who: "777@example.com"}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 2 {
			b.Fatalf("%d entries, want 2", n)
		}
	}
}
