package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/fault"
	"rollcall/internal/app"
	"rollcall/internal/config"
	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
)

func (s *session) approveCommand() *cobra.Command {
	var because string
	cmd := command(&cobra.Command{
		Use:   "approve PLAN",
		Short: "approve a plan that waits for a person",
		Long: "Records in the ledger that this person approves the plan, and why. Nothing is sent: rollcall apply PLAN carries\n" +
			"it out. The plan's maker cannot approve it, unless approvals.by is anyone. rollcall runs lists the plans that wait.",
		Example: "  rollcall approve 20261123-144501-k3f9 --because \"agreed with HR\"\n  rollcall apply 20261123-144501-k3f9",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(because) == "" {
				return fault.WithHint(usage("approve needs a reason"), `add --because "why"`)
			}
			return s.decide(cmd, ledger.Decision{Plan: ledger.RunID(args[0]), Standing: ledger.Approved, Because: because})
		},
	})
	cmd.Flags().StringVar(&because, "because", "", "why, in a `TEXT` that the ledger keeps; required")
	return cmd
}

func (s *session) rejectCommand() *cobra.Command {
	var because string
	cmd := command(&cobra.Command{
		Use:     "reject PLAN",
		Short:   "reject a plan that waits for a person, or take an approval back",
		Long:    "Records in the ledger that this person rejects the plan. It can not be approved or carried out any more; the\nnext run makes another one where there is still something to wait.",
		Example: "  rollcall reject 20261123-144501-k3f9 --because \"the export lacks a department\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.decide(cmd, ledger.Decision{Plan: ledger.RunID(args[0]), Standing: ledger.Rejected, Because: because})
		},
	})
	cmd.Flags().StringVar(&because, "because", "", "why, in a `TEXT` that the ledger keeps")
	return cmd
}

// decide records a decision and says it.
func (s *session) decide(cmd *cobra.Command, d ledger.Decision) error {
	if err := s.prepare(); err != nil {
		return err
	}
	w, err := s.host.Decide(cmd.Context(), s.config, cmd.Flags().Changed("config"), d)
	if err != nil {
		return err
	}
	if s.json {
		return s.encode(reconcile.NewPetition(w, s.host.Clock()()))
	}
	fmt.Fprintf(s.Stdout, "plan %s: %s by %s\n", w.ID, w.Decided.Standing, w.Decided.By)
	if w.Decided.Standing == ledger.Approved {
		s.say("carry it out before %s with: %s", w.Expires.Local().Format(time.DateTime), s.again("apply", string(w.ID), runFlags{}, nil))
	}
	return nil
}

// applyPlan carries out a plan that waited and was approved.
func (s *session) applyPlan(cmd *cobra.Command, id ledger.RunID, f runFlags) (err error) {
	if err := s.prepare(); err != nil {
		return err
	}
	w, err := s.host.WaitingPlan(cmd.Context(), s.config, cmd.Flags().Changed("config"), id)
	if err != nil {
		return err
	}
	y, err := s.openFor(cmd, w.Command, f.Intent)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, y.Close()) }()
	y.Job.Input.Basis.Reverts = w.Basis.Reverts
	propose := func(ctx context.Context) (*reconcile.Proposal, error) { return y.Job.Approved(ctx, id) }
	return s.run(cmd.Context(), y, w.Command, s.words("apply", string(id), f), propose, f)
}

// openFor opens what command needs to write.
func (s *session) openFor(cmd *cobra.Command, command string, in app.Intent) (*app.Sync, error) {
	if command == "apply" {
		return s.open(cmd.Context(), true, in)
	}
	return s.openPatch(cmd, true, in)
}

// A wording is how the command that runs is typed again, with the flags that
// allow what exceeds these limits.
type wording func(limits []plan.Limit) string

func (s *session) words(command, arg string, f runFlags) wording {
	return func(limits []plan.Limit) string { return s.again(command, arg, f, limits) }
}

// again is the command line that does the same, and allows what exceeds these limits.
func (s *session) again(command, arg string, f runFlags, limits []plan.Limit) string {
	line := []string{"rollcall", command}
	add := func(flag, value string) {
		if value != "" {
			line = append(line, strings.TrimSpace(flag+" "+shell(value)))
		}
	}
	add("", arg)
	if s.config != config.DefaultFile {
		add("-c", s.config)
	}
	for _, who := range f.Only {
		add("--only", who)
	}
	if f.Believe {
		line = append(line, "--believe")
	}
	over := reconcile.AllowFlags(limits)
	for _, word := range f.allow {
		kind, _, _ := strings.Cut(word, "=")
		if !strings.Contains(over, kind+"=") {
			add("--allow", word)
		}
	}
	if over != "" {
		line = append(line, over)
	}
	return strings.Join(line, " ")
}

// planName is what the ledger calls a plan that waits.
var planName = regexp.MustCompile(`^\d{8}-\d{6}-[a-z2-7]{4}$`)

var plain = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shell is word as a shell reads it back.
func shell(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
