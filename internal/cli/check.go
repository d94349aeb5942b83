package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/internal/app"
	"rollcall/internal/report"
)

func (s *session) checkCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:   "check",
		Short: "look at configuration, source, credentials, permissions and names before anything else",
		Long: "Reads the whole source through the mapping, logs in, finds out what the client may do, and looks up every role,\n" +
			"division, skill, language and group that people refer to. Says what is missing and how to get it. Changes nothing.",
		Example: "  rollcall check\n  rollcall check --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			y, err := s.open(cmd.Context(), false, app.Intent{})
			if err != nil {
				return err
			}
			defer y.Close()
			checks := y.Check(cmd.Context())
			if err := cmd.Context().Err(); err != nil {
				return interrupted("check")
			}
			bad := 0
			for _, c := range checks {
				if c.State == "error" {
					bad++
				}
			}
			if s.json {
				err = s.encode(struct {
					Schema string      `json:"schema"`
					Ready  bool        `json:"ready"`
					Checks []app.Check `json:"checks"`
				}{"rollcall.check/1", bad == 0, checks})
			} else {
				err = s.printChecks(checks, bad)
			}
			if err == nil && bad > 0 {
				err = exit(1)
			}
			return err
		},
	})
}

func (s *session) printChecks(checks []app.Check, bad int) error {
	style := s.style(s.Stdout, s.dialect())
	for _, c := range checks {
		report.Check(s.Stdout, c.State, c.Area, c.Text, c.Hint, style)
	}
	last := "ready"
	if bad > 0 {
		last = fmt.Sprintf("not ready: %d of %d checks failed", bad, len(checks))
	}
	_, err := fmt.Fprintln(s.Stdout, last)
	return err
}
