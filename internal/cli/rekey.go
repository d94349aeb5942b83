package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rollcall/fault"
	"rollcall/internal/app"
	"rollcall/reconcile"
)

func (s *session) rekeyCommand() *cobra.Command {
	var o struct {
		app.Intent

		yes, dry bool
	}
	cmd := command(&cobra.Command{
		Use:   "rekey MAP.csv",
		Short: "relink people after their keys have changed",
		Long: "Gives links other keys, as a table of two columns says: the old key and the new one; a header is optional. For the\n" +
			"day on which another HR system gives everybody another number. The users stay the same, with all that the ledger\n" +
			"knows of them; the next apply updates what the mapping makes of the key, such as externalId. The table is checked\n" +
			"whole before anything is done: old keys without link, new keys that have one, and keys given twice are faults.\n" +
			"Nothing is sent to the organization.",
		Example: "  rollcall rekey map.csv --dry-run\n  rollcall rekey map.csv --yes --because \"new HR system\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			table, err := os.ReadFile(args[0])
			if err != nil {
				return fault.WithHint(fmt.Errorf("rekey: %w: %w", fault.Invalid, err), "name a table of two columns: old key, new key")
			}
			y, err := s.openPatch(cmd, !o.dry, o.Intent)
			if err != nil {
				return err
			}
			defer y.Close()
			propose := func(ctx context.Context) (*reconcile.Proposal, error) {
				return y.Job.Rekey(ctx, filepath.Base(args[0]), table)
			}
			flags := runFlags{Intent: o.Intent, yes: o.yes}
			again := s.words("rekey", args[0], flags)
			if o.dry {
				return s.proposed(cmd.Context(), y, propose, again, "", false)
			}
			return s.run(cmd.Context(), y, "rekey", again, propose, flags)
		},
	})
	flags := cmd.Flags()
	flags.BoolVar(&o.dry, "dry-run", false, "show who would be relinked, and write nothing")
	flags.BoolVar(&o.yes, "yes", false, "do not ask; required where standard input is no terminal")
	flags.StringVar(&o.Because, "because", "", "why, in a `TEXT` that the ledger keeps")
	return cmd
}
