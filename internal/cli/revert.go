package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/plan"
	"rollcall/reconcile"
)

type revertFlags struct {
	runFlags

	force []string
	out   string
}

func (s *session) revertCommand() *cobra.Command {
	var o revertFlags
	cmd := command(&cobra.Command{
		Use:   "revert RUN",
		Short: "take a run back, as far as nobody changed the values since",
		Long: "Plans the inverse of what a run did, by what the ledger says was there before each change: values, roles, skills,\n" +
			"memberships, accounts that were closed or deleted. Everybody concerned is read first; what somebody changed since is\n" +
			"shown and left alone, unless --force-over-changes names the person. Who was created is deactivated (deleted with\n" +
			"--allow delete). It is a plan like any other: shown, bounded by limits, asked about, recorded; and a revert is a run,\n" +
			"which can be taken back. RUN may be cut short as long as it is unambiguous; \"last\" is the newest run.",
		Example: "  rollcall revert last\n  rollcall revert 20261123-144501-k3f9 --only jo@example.com --yes --because \"wrong export\"\n" +
			"  rollcall revert last -o back.plan && rollcall apply back.plan",
		Args:    cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error { return o.parse() },
		RunE:    func(cmd *cobra.Command, args []string) error { return s.revert(cmd, args[0], o) },
	})
	o.add(cmd, true)
	cmd.Flags().StringArrayVar(&o.force, "force-over-changes", nil, "take back what somebody changed since, too, of this person: `WHO`; repeatable")
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "save the plan in `FILE`, and write nothing else")
	return cmd
}

// revert takes a run back, or saves the plan that would.
func (s *session) revert(cmd *cobra.Command, word string, o revertFlags) error {
	y, err := s.openPatch(cmd, o.out == "", o.Intent)
	if err != nil {
		return err
	}
	defer y.Close()
	run, err := findRun(y.Ledger.Runs(cmd.Context()), word)
	if err != nil {
		return err
	}
	y.Job.Input.Basis.Reverts = string(run.ID)
	back := reconcile.Reversal{Run: run.ID, Force: o.force, Locked: o.out == ""}
	propose := func(ctx context.Context) (*reconcile.Proposal, error) { return y.Job.Revert(ctx, back) }
	again := func(limits []plan.Limit) string {
		return s.again("revert", string(run.ID), o.runFlags, limits) + forced(o.force)
	}
	if o.out != "" {
		return s.proposed(cmd.Context(), y, propose, again, o.out, false)
	}
	return s.run(cmd.Context(), y, "revert", again, propose, o.runFlags)
}

// forced are the flags that name these people again.
func forced(who []string) string {
	var flags strings.Builder
	for _, w := range who {
		flags.WriteString(" --force-over-changes " + shell(w))
	}
	return flags.String()
}
