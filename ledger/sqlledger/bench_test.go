package sqlledger_test

import (
	"fmt"
	"path/filepath"
	"strconv"
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
	l := open(b, filepath.Join(b.TempDir(), "rollcall.db"), sqlledger.Options{Now: time.Now})
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

func BenchmarkVerify(b *testing.B) {
	const people = 20_000
	l, _ := filled(b, people)
	n := 0
	for b.Loop() {
		v, err := l.Verify(b.Context(), "")
		if err != nil || len(v.Faults) > 0 {
			b.Fatal(v.Faults, err)
		}
		n += int(v.Entries)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
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
