package cli

import (
	"context"

	"github.com/spf13/cobra"

	"rollcall/internal/app"
	"rollcall/internal/report"
	"rollcall/reconcile"
)

func (s *session) explainCommand() *cobra.Command {
	var o struct{ last, whole bool }
	cmd := command(&cobra.Command{
		Use:   "explain WHO",
		Short: "tell the whole story of one person",
		Long: "Tells of one person what the source says and where, whether they are in scope, which user they are and why, what\n" +
			"each expression gave, what is there now and what becomes of it, the same of groups, what was done so far, and\n" +
			"what would be sent. WHO is a source key, a userName, an externalId or a Genesys id. Writes nothing.",
		Example: "  rollcall explain E1018\n  rollcall explain jo@example.com --json\n  rollcall explain jo@example.com --last",
		Args:    cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			if o.last && o.whole {
				return usage("explain: --last reads nothing, and --whole everything: choose one")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.prepare(); err != nil {
				return err
			}
			if o.last {
				e, err := s.host.Recall(cmd.Context(), s.config, cmd.Flags().Changed("config"), args[0])
				return s.told(e, err)
			}
			return s.explain(cmd.Context(), args[0], o.whole)
		},
	})
	cmd.Flags().BoolVar(&o.last, "last", false, "tell it from the ledger alone: no request is sent, no source is read")
	cmd.Flags().BoolVar(&o.whole, "whole", false, "make a whole plan, so that the limits count everybody")
	return cmd
}

func (s *session) explain(ctx context.Context, who string, whole bool) error {
	y, err := s.open(ctx, false, app.Intent{})
	if err != nil {
		return err
	}
	defer y.Close()
	e, err := y.Job.Explain(ctx, who, whole)
	return s.told(e, err)
}

// told writes a story, and gives its exit code.
func (s *session) told(e *reconcile.Explanation, err error) error {
	switch {
	case err != nil:
		return err
	case s.json:
		err = s.encode(e)
	default:
		err = report.Explain(s.Stdout, e, s.style(s.Stdout, s.dialect()))
	}
	if err != nil {
		return err
	}
	return leave(e.Exit())
}
