package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/fault"
	"rollcall/internal/report"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/target"
)

func (s *session) runsCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:     "runs",
		Short:   "list the runs, newest first",
		Example: "  rollcall runs",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := s.openLedger(cmd)
			if err != nil {
				return err
			}
			defer l.Close()
			waiting, err := s.petitions(cmd.Context(), l)
			if err != nil {
				return err
			}
			if s.json {
				return s.listJSON("rollcall.runs/1", "runs", each(l.Runs(cmd.Context()), func(r ledger.Run) any { return runDoc(r, waiting) }))
			}
			style := s.style(s.Stdout, target.Dialect{})
			if err := report.Petitions(s.Stdout, waiting, style); err != nil {
				return err
			}
			return report.Runs(s.Stdout, l.Runs(cmd.Context()), style)
		},
	})
}

// petitions are the plans of which something can still become.
func (s *session) petitions(ctx context.Context, store ledger.Store) (open []reconcile.Petition, err error) {
	desk, ok := store.(ledger.Desk)
	if !ok {
		return nil, nil
	}
	for w, err := range desk.WaitingPlans(ctx) {
		if err != nil {
			return nil, err
		}
		if p := reconcile.NewPetition(w, s.host.Clock()()); p.Open() {
			open = append(open, p)
		}
	}
	return open, nil
}

func runDoc(r ledger.Run, waiting []reconcile.Petition) any {
	type doc struct {
		Run      ledger.RunID `json:"run"`
		Sync     string       `json:"sync,omitempty"`
		Org      string       `json:"org"`
		Command  string       `json:"command"`
		Actor    string       `json:"actor"`
		Because  string       `json:"because,omitempty"`
		Began    time.Time    `json:"began"`
		Ended    *time.Time   `json:"ended"`
		Result   string       `json:"result"`
		Intended int          `json:"intended"`
		Settled  int          `json:"settled"`
		Failed   int          `json:"failed"`

		Plan *reconcile.Petition `json:"plan,omitempty"` // its, where that waits or was approved
	}
	d := doc{r.ID, r.Start.Sync, r.Start.Org, r.Start.Command, r.Start.Actor, r.Start.Reason, r.Began, nil, r.Ending.Result, r.Intents, r.Settled, r.Failed, nil}
	if i := slices.IndexFunc(waiting, func(p reconcile.Petition) bool { return p.ID == r.ID }); i >= 0 {
		d.Plan = &waiting[i]
	}
	if !r.Ended.IsZero() {
		d.Ended = &r.Ended
	}
	return d
}

func (s *session) showCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:   "show RUN",
		Short: "show one run, or the plan that waits because of it, in full",
		Long: "Shows one run: what was asked for, what became of it, and every request it sent; and the plan that waits for a\n" +
			"person because of it, with what was decided. RUN may be cut short as long as it is unambiguous; \"last\" is the\nnewest run.",
		Example: "  rollcall show last\n  rollcall show 20261123-144501-k3f9 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := s.openLedger(cmd)
			if err != nil {
				return err
			}
			defer l.Close()
			run, err := findRun(l.Runs(cmd.Context()), args[0])
			if err != nil {
				return err
			}
			rep, err := reportOf(run)
			if err != nil {
				return err
			}
			return s.showRun(cmd.Context(), l, run, rep)
		},
	})
}

// reportOf is the report of a run, as far as it has come.
func reportOf(run ledger.Run) (*reconcile.Report, error) {
	rep := &reconcile.Report{Schema: "rollcall.report/1", Run: run.ID, Command: run.Start.Command, Result: "not ended", Began: run.Began}
	if len(run.Ending.Report) == 0 {
		return rep, nil
	}
	if err := json.Unmarshal(run.Ending.Report, rep); err != nil {
		return nil, fmt.Errorf("show %s: %w: %w", run.ID, fault.Internal, err)
	}
	return rep, nil
}

// showRun writes the report of a run, its rows, and the plan that was kept of it.
func (s *session) showRun(ctx context.Context, l ledger.Store, run ledger.Run, rep *reconcile.Report) error {
	kept, err := s.petition(ctx, l, run.ID)
	if err != nil {
		return err
	}
	rows := reconcile.Rows(ctx, l, run.ID)
	if s.json {
		s.answered = true
		if rep.Plan, err = kept.whole(); err != nil {
			return err
		}
		return rep.Write(s.Stdout, rows)
	}
	style := s.style(s.Stdout, s.dialect())
	report.Start(s.Stdout, run)
	if err := report.Report(s.Stdout, rep, nil, style); err != nil {
		return err
	}
	if err := report.Rows(s.Stdout, rows, style); err != nil || kept == nil {
		return err
	}
	if err := report.Petition(s.Stdout, kept.Petition, kept.void, style); err != nil {
		return err
	}
	return report.Plan(s.Stdout, kept.plan, style)
}

// kept is a plan that waits, or waited, with its changes.
type kept struct {
	reconcile.Petition

	plan *plan.Plan
	void int // changes of people who were forgotten since
}

// petition is the plan that was kept of a run; nil where none was.
func (s *session) petition(ctx context.Context, l ledger.Store, id ledger.RunID) (*kept, error) {
	w, p, void, err := reconcile.Waiting(ctx, l, id)
	switch {
	case w.ID == "" && errors.Is(err, fault.Invalid):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &kept{reconcile.NewPetition(w, s.host.Clock()()), p, void}, nil
}

// whole is k as JSON shows it; nil of none.
func (k *kept) whole() (*reconcile.Petition, error) {
	if k == nil {
		return nil, nil
	}
	p, err := k.Whole(k.plan, k.void)
	return &p, err
}

func findRun(runs iter.Seq2[ledger.Run, error], word string) (ledger.Run, error) {
	var found []ledger.Run
	for r, err := range runs {
		if err != nil {
			return ledger.Run{}, err
		}
		if word == "last" || string(r.ID) == word {
			return r, nil
		}
		if strings.HasPrefix(string(r.ID), word) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return ledger.Run{}, fault.WithHint(usage("there is no run %q", word), "rollcall runs lists them")
	default:
		return ledger.Run{}, fault.WithHint(usage("%q begins %d runs", word, len(found)), "give more of its name: rollcall runs lists them")
	}
}

// verifyGC lets memory grow further than usual between collections: that saves a fifth of the time.
const verifyGC = 200

func (s *session) verifyCommand() *cobra.Command {
	var kept string
	cmd := command(&cobra.Command{
		Use:   "verify",
		Short: "prove that no entry of the ledger was altered, removed, added or reordered",
		Long: "Replays the whole ledger: the hash chain, the seals, the Merkle log with its signed heads, and everything that\n" +
			"is derived from entries. A checkpoint kept elsewhere proves besides that the ledger was not rewritten as a\n" +
			"whole: keep what this command prints.",
		Example: "  rollcall audit verify > checkpoint.txt\n  rollcall audit verify --checkpoint checkpoint.txt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			checkpoint, err := checkpointIn(kept)
			if err != nil {
				return err
			}
			l, err := s.openLedger(cmd)
			if err != nil {
				return err
			}
			defer l.Close()
			defer debug.SetGCPercent(debug.SetGCPercent(verifyGC))
			v, err := l.Verify(cmd.Context(), checkpoint)
			if err != nil {
				return err
			}
			return s.verified(v)
		},
	})
	cmd.Flags().StringVar(&kept, "checkpoint", "", "a `FILE` with a signed head that was kept")
	return cmd
}

// checkpointIn reads a file; none where it has no name.
func checkpointIn(file string) (ledger.Checkpoint, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("audit verify: %w: %w", fault.Invalid, err)
	}
	return ledger.Checkpoint(text), nil
}

// verified says what verifying found. Faults are an error.
func (s *session) verified(v ledger.Verification) error {
	if s.json {
		if err := s.encode(verificationDoc(v)); err != nil {
			return err
		}
	} else {
		for _, f := range v.Faults {
			fmt.Fprintln(s.Stderr, "rollcall: "+f)
		}
		fmt.Fprint(s.Stdout, v.Checkpoint)
	}
	if len(v.Faults) > 0 {
		return fault.WithHint(fmt.Errorf("audit verify: %w: the ledger is not as it was written: %d faults", fault.Internal, len(v.Faults)),
			"keep this file as evidence, and restore the ledger from a copy made before")
	}
	if !s.json {
		s.sound(v)
	}
	return nil
}

// sound says of what the ledger was proven.
func (s *session) sound(v ledger.Verification) {
	s.say("sound: %d entries of %d runs", v.Entries-v.Pruned, v.Runs)
	if v.Pruned > 0 {
		s.say("%d entries of before %s were pruned: that they were there is proven, what they said is gone", v.Pruned, v.PrunedTo.Format(time.DateOnly))
	}
}

func verificationDoc(v ledger.Verification) any {
	return struct {
		Schema     string            `json:"schema"`
		Sound      bool              `json:"sound"`
		Entries    int64             `json:"entries"`
		Runs       int               `json:"runs"`
		Pruned     int64             `json:"pruned"`
		Head       string            `json:"head"`
		Checkpoint ledger.Checkpoint `json:"checkpoint"`
		Faults     []string          `json:"faults"`
	}{"rollcall.verification/1", len(v.Faults) == 0, v.Entries, v.Runs, v.Pruned, fmt.Sprintf("%x", v.Head), v.Checkpoint, append([]string{}, v.Faults...)}
}

// each turns a sequence into one of documents.
func each[T any](in iter.Seq2[T, error], doc func(T) any) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for v, err := range in {
			var d any
			if err == nil {
				d = doc(v)
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// listJSON streams one document with a list in it.
func (s *session) listJSON(schema, name string, docs iter.Seq2[any, error]) error {
	s.answered = true
	fmt.Fprintf(s.Stdout, "{\n  \"schema\": %q,\n  %q: [", schema, name)
	between := "\n    "
	for d, err := range docs {
		if err != nil {
			return err
		}
		text, err := json.Marshal(d)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Stdout, "%s%s", between, text)
		between = ",\n    "
	}
	_, err := fmt.Fprint(s.Stdout, "\n  ]\n}\n")
	return err
}
