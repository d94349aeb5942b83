package cli

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/apply"
	"rollcall/fault"
	"rollcall/internal/app"
	"rollcall/internal/report"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/target"
)

// runFlags are what plan, apply, patch and revert share.
type runFlags struct {
	app.Intent

	yes   bool
	allow []string
}

func (f *runFlags) add(cmd *cobra.Command, yes bool) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.Only, "only", nil, "only this person: a source `KEY`, userName, externalId or Genesys id; repeatable")
	flags.StringArrayVar(&f.allow, "allow", nil, "lift a limit for this run: `KIND[=N]`; repeatable, needs --because")
	flags.StringVar(&f.Because, "because", "", "why, in a `TEXT` that the ledger keeps")
	flags.BoolVar(&f.Believe, "believe", false, "take the source's reading as it is; needs --because")
	if yes {
		flags.BoolVar(&f.yes, "yes", false, "do not ask; required where standard input is no terminal")
	}
}

// parse checks what the flags say together.
func (f *runFlags) parse() error {
	var err error
	if f.Allow, err = app.ParseAllow(f.allow); err != nil {
		return usageError{err}
	}
	if (len(f.allow) > 0 || f.Believe) && strings.TrimSpace(f.Because) == "" {
		return fault.WithHint(usage("--allow and --believe need a reason"), `add --because "why"`)
	}
	return nil
}

// run carries a proposal out: shown, asked about, applied, reported.
func (s *session) run(ctx context.Context, y *app.Sync, command string, again wording, propose reconcile.Propose, f runFlags) error {
	if !f.yes && !terminal(s.Stdin) {
		return fault.WithHint(usage("%s: standard input is no terminal, so nobody can be asked", command), "add --yes, after a look: "+preview(command))
	}
	out := s.style(s.Stdout, y.Dialect)
	out.Allow = again
	bar := report.NewProgress(s.Stderr, terminal(s.Stderr), s.host.Clock())
	defer app.Every(time.Second/4, bar.Tick)()
	defer context.AfterFunc(ctx, func() { s.say("stopping: what is in flight is settled and recorded; no more is taken up") })()
	failed := 0
	rep, err := y.Job.Apply(ctx, command, propose, reconcile.Hooks{
		Show: func(p *reconcile.Proposal) {
			if !s.json && p.Plan != nil {
				_ = report.Plan(s.Stdout, p.Plan, out) // a screen that is gone does not stop the run
			}
		},
		Confirm: func(ctx context.Context, p *reconcile.Proposal) error {
			if !f.yes && p.Plan.Len() > 0 {
				if err := s.sure(ctx, "apply", fmt.Sprintf("apply these %d changes?", p.Plan.Len())); err != nil {
					return err
				}
			}
			bar.Begin(p.Plan.Len(), p.Plan.Basis.Granted)
			return nil
		},
		Progress: func(e apply.Event) {
			if e.Outcome.Result == ledger.Failed || e.Outcome.Result == ledger.Unknown {
				failed++
			}
			bar.Step(e.Done, e.Total, failed)
		},
	})
	bar.Close()
	if rep == nil {
		return err
	}
	if shown := s.report(ctx, y, rep, out); shown != nil && err == nil {
		err = shown
	}
	return s.conclude(rep, err)
}

// report writes what became of the run, to people or as the one JSON document.
func (s *session) report(ctx context.Context, y *app.Sync, rep *reconcile.Report, out report.Style) error {
	var rows iter.Seq2[reconcile.Row, error]
	if rep.Run != "" {
		rows = reconcile.Rows(context.WithoutCancel(ctx), y.Job.Store, rep.Run)
	}
	if s.json {
		s.answered = true
		return rep.Write(s.Stdout, rows)
	}
	return report.Report(s.Stdout, rep, rows, out)
}

// conclude is the exit code of report and error together; the error is said once.
func (s *session) conclude(rep *reconcile.Report, err error) error {
	code := rep.Exit()
	if err != nil {
		code = worse(code, s.fail(err))
	}
	return leave(code)
}

// sure asks on standard error and reads one line. Only "yes" is yes.
func (s *session) sure(ctx context.Context, op, question string) error {
	fmt.Fprintf(s.Stderr, "rollcall: %s only \"yes\" is taken as yes: ", question)
	text, err := app.ReadLine(ctx, s.Stdin)
	if err != nil {
		fmt.Fprintln(s.Stderr)
		return err
	}
	if text != "yes" {
		return fmt.Errorf("%s: nothing was changed: %w: not confirmed", op, fault.Refused)
	}
	return nil
}

func (s *session) planCommand() *cobra.Command {
	var o struct {
		runFlags

		out             string
		exitCode, quick bool
	}
	cmd := command(&cobra.Command{
		Use:   "plan",
		Short: "show what would change, and write nothing",
		Long: "Reads the source and the organization, and shows every change that would bring the two together, what it\n" +
			"costs in requests, and what is to be known beside it. Nothing is written, neither there nor here.",
		Example: "  rollcall plan\n  rollcall plan --quick\n  rollcall plan --only jo@example.com --json\n  rollcall plan -o tonight.plan && rollcall apply tonight.plan",
		PreRunE: func(*cobra.Command, []string) error { return o.parse() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			y, err := s.open(cmd.Context(), false, o.Intent)
			if err != nil {
				return err
			}
			defer y.Close()
			return s.proposed(cmd.Context(), y, y.Job.Computed(o.quick), s.words("apply", "", o.runFlags), o.out, o.exitCode)
		},
	})
	o.add(cmd, false)
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "save the plan with the versions it rests on in `FILE`")
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit 3 when changes are pending")
	quickly(cmd, &o.quick)
	return cmd
}

func quickly(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "quick", false, "compare with what the ledger remembers, and read nobody but those who are due")
}

// proposed makes a plan, writes it where it is wanted, and gives its exit code.
func (s *session) proposed(ctx context.Context, y *app.Sync, propose reconcile.Propose, again wording, out string, exitCode bool) error {
	p, err := propose(ctx)
	if err == nil && out != "" {
		err = app.SavePlan(out, p.Plan)
	}
	if err == nil {
		err = s.showPlan(p.Plan, y.Dialect, again)
	}
	if err != nil {
		return err
	}
	if out != "" {
		s.say("saved in %s; carry it out with: rollcall apply %s", out, out)
	}
	return leave(planExit(p.Plan, exitCode))
}

// showPlan writes a plan, to people or as the one JSON document.
func (s *session) showPlan(p *plan.Plan, d target.Dialect, again wording) error {
	if s.json {
		s.answered = true
		return plan.Encode(s.Stdout, p)
	}
	style := s.style(s.Stdout, d)
	style.Allow = again
	return report.Plan(s.Stdout, p, style)
}

// planExit is the exit code that a plan calls for.
func planExit(p *plan.Plan, exitCode bool) int {
	code := 0
	if exitCode && p.Len() > 0 {
		code = 3
	}
	for _, f := range p.Findings {
		if f.Severity == plan.Error {
			code = worse(code, 4)
		}
	}
	for _, l := range p.Limits {
		if l.Exceeded {
			code = worse(code, 5)
		}
	}
	return code
}

func (s *session) applyCommand() *cobra.Command {
	var o struct {
		runFlags

		quick bool
	}
	cmd := command(&cobra.Command{
		Use:   "apply [PLAN]",
		Short: "plan, ask, and carry out; or carry out a saved or an approved plan exactly",
		Long: "Plans, shows the plan, asks, and carries it out. PLAN is a file that plan -o saved, or the name of a\n" +
			"plan that waited and was approved: carries out exactly that; what somebody else changed since is left out and\n" +
			"listed. Ctrl-C takes no more changes, settles those in flight,\n" +
			"and records them; the next run goes on from there.",
		Example: "  rollcall apply\n  rollcall apply --yes --json > report.json\n  rollcall apply tonight.plan\n  rollcall apply 20261123-144501-k3f9\n  rollcall apply --allow deactivate=40 --because \"site closed\"",
		Args:    cobra.MaximumNArgs(1),
		PreRunE: func(*cobra.Command, []string) error { return o.parse() },
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && o.quick:
				return fault.WithHint(usage("--quick does not go with a plan: that is computed already"), "leave one of them out")
			case len(args) == 1 && planName.MatchString(args[0]):
				return s.applyPlan(cmd, ledger.RunID(args[0]), o.runFlags)
			}
			return s.apply(cmd.Context(), strings.Join(args, ""), o.runFlags, o.quick)
		},
	})
	o.add(cmd, true)
	quickly(cmd, &o.quick)
	return cmd
}

// apply carries out what is to be done now, or the plan that was saved in file.
func (s *session) apply(ctx context.Context, file string, f runFlags, quick bool) error {
	y, err := s.open(ctx, true, f.Intent)
	if err != nil {
		return err
	}
	defer y.Close()
	if file == "" {
		return s.run(ctx, y, "apply", s.words("apply", "", f), y.Job.Computed(quick), f)
	}
	saved, err := app.LoadPlan(file)
	if err != nil {
		return err
	}
	command := "apply"
	if y.Job.Input.Basis.Reverts = saved.Basis.Reverts; saved.Basis.Reverts != "" {
		command = "revert"
	}
	propose := func(ctx context.Context) (*reconcile.Proposal, error) { return y.Job.Saved(ctx, saved) }
	return s.run(ctx, y, command, s.words("apply", file, f), propose, f)
}

func (s *session) patchCommand() *cobra.Command {
	var o struct {
		runFlags

		dry bool
	}
	cmd := command(&cobra.Command{
		Use:   "patch FILE",
		Short: "carry out explicit SCIM operations per user",
		Long: "Carries out a JSON file of operations: {\"WHO\": [{\"op\": \"replace\", \"path\": \"title\", \"value\": \"Lead\"}]}, or\n" +
			"{\"updates\": [{\"user\": WHO, \"operations\": [...]}]}. WHO is a source key, a userName, an externalId or a Genesys\n" +
			"id. The file is checked whole before anything is sent; what changes nothing is dropped. Without a\n" +
			"configuration the environment is used: GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET, GENESYS_REGION or\n" +
			"GENESYS_BASE_URL; the ledger is then rollcall.db in the working directory.",
		Example: "  rollcall patch updates.json --dry-run\n  rollcall patch updates.json --yes --because \"request 4711\"",
		Args:    cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error { return o.parse() },
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return fault.WithHint(fmt.Errorf("patch: %w: %w", fault.Invalid, err), "name a JSON file of operations: rollcall patch --help shows its form")
			}
			if err := reconcile.CheckPatch(args[0], text, s.dialect()); err != nil {
				return err
			}
			y, err := s.openPatch(cmd, !o.dry, o.Intent)
			if err != nil {
				return err
			}
			defer y.Close()
			propose := func(ctx context.Context) (*reconcile.Proposal, error) { return y.Job.Patch(ctx, args[0], text) }
			again := s.words("patch", args[0], o.runFlags)
			if o.dry {
				return s.proposed(cmd.Context(), y, propose, again, "", false)
			}
			return s.run(cmd.Context(), y, "patch", again, propose, o.runFlags)
		},
	})
	o.add(cmd, true)
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "show what would be sent, and write nothing")
	return cmd
}

// preview is how a person looks at what a command would do, and does nothing.
func preview(command string) string {
	switch command {
	case "revert":
		return "rollcall revert RUN -o FILE"
	case "patch":
		return "rollcall patch FILE --dry-run"
	default:
		return "rollcall plan"
	}
}
