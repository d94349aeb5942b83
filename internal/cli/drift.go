package cli

import (
	"context"

	"github.com/spf13/cobra"

	"rollcall/internal/app"
	"rollcall/internal/report"
)

type driftFlags struct {
	app.Intent

	profileOnly, exitCode bool
}

func (s *session) driftCommand() *cobra.Command {
	var o driftFlags
	cmd := command(&cobra.Command{
		Use:   "drift",
		Short: "show what others changed since rollcall's last writes",
		Long: "Compares every linked user with what it was like after rollcall's last write, attribute by attribute, and managed\n" +
			"groups with the memberships that rollcall gave; tells who was deactivated or deleted by another hand, and who in\n" +
			"the organization is unlinked. Writes nothing, neither there nor here. --profile-only compares versions and reads\n" +
			"only who moved: a few requests for thousands of users, but roles, skills, languages and memberships move no\n" +
			"version; it says what it did not look at.",
		Example: "  rollcall drift\n  rollcall drift --only jo@example.com --json\n  rollcall drift --profile-only --exit-code",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.prepare(); err != nil {
				return err
			}
			return s.drift(cmd.Context(), o)
		},
	})
	flags := cmd.Flags()
	flags.StringArrayVar(&o.Only, "only", nil, "only this person: a source `KEY`, userName, externalId or Genesys id; repeatable")
	flags.BoolVar(&o.profileOnly, "profile-only", false, "compare versions alone, and read only users whose version moved")
	flags.BoolVar(&o.exitCode, "exit-code", false, "exit 3 when there is drift")
	return cmd
}

func (s *session) drift(ctx context.Context, o driftFlags) error {
	y, err := s.host.OpenDrift(ctx, s.config, o.Intent)
	if err != nil {
		return err
	}
	defer y.Close()
	d, err := y.Job.Drift(ctx, o.profileOnly)
	switch {
	case err != nil:
		return err
	case s.json:
		err = s.encode(d)
	default:
		err = report.Drift(s.Stdout, d, s.style(s.Stdout, y.Dialect))
	}
	if err == nil && o.exitCode && d.Any() {
		return leave(3)
	}
	return err
}
