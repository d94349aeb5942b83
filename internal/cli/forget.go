package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/fault"
	"rollcall/ledger"
)

func (s *session) forgetCommand() *cobra.Command {
	var o struct {
		because string
		yes     bool
	}
	cmd := command(&cobra.Command{
		Use:   "forget WHO",
		Short: "destroy what the ledger knows of a person, for ever",
		Long: "Destroys the key that seals everything the ledger says about one person: values, names, images, notes, what\n" +
			"waits for them, and their link. It cannot be taken back, and their changes cannot be reverted any more. That there\n" +
			"were changes, when, and by whom remains, and audit verify still proves it. Nothing is sent to the organization:\n" +
			"their user stays as it is there. Whoever comes again in the source under the same key is somebody new, to be\n" +
			"matched and adopted, or created. Copies of the ledger that were made before still know them.",
		Example: "  rollcall forget E1001 --because \"erasure request 2026-114\"\n  rollcall forget jo@example.com --because \"left in 2019\" --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(o.because) == "" {
				return fault.WithHint(usage("forget needs a reason"), `add --because "why", without the person's name: the reason is kept`)
			}
			if !o.yes && !terminal(s.Stdin) {
				return fault.WithHint(usage("forget: standard input is no terminal, so nobody can be asked"), "add --yes, after a look at: rollcall audit --who "+shell(args[0]))
			}
			return s.forget(cmd, args[0], o.because, o.yes)
		},
	})
	flags := cmd.Flags()
	flags.StringVar(&o.because, "because", "", "why, in a `TEXT` that the ledger keeps; required")
	flags.BoolVar(&o.yes, "yes", false, "do not ask; required where standard input is no terminal")
	return cmd
}

func (s *session) forget(cmd *cobra.Command, who, because string, yes bool) error {
	if err := s.prepare(); err != nil {
		return err
	}
	sure := func(k ledger.Known) error {
		fmt.Fprintf(s.Stderr, "rollcall: forget %s: %s\n", who, known(k))
		if yes {
			return nil
		}
		return s.sure(cmd.Context(), "forget", "this cannot be taken back. Forget this person?")
	}
	k, err := s.host.Forget(cmd.Context(), s.config, cmd.Flags().Changed("config"), who, because, sure)
	if err != nil {
		return err
	}
	if s.json {
		return s.encode(struct {
			Schema  string `json:"schema"`
			Entries int    `json:"entries"`
			People  int    `json:"people"`
		}{"rollcall.forgotten/1", k.Entries, 1 + k.Former})
	}
	fmt.Fprintf(s.Stdout, "forgotten: what %d entries said of one person cannot be read any more\n", k.Entries)
	return nil
}

// known says in words whom the ledger knows.
func known(k ledger.Known) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("key", string(k.Key))
	add("userName", k.UserName)
	add("id", k.ID)
	if k.Linked {
		parts = append(parts, "linked")
	}
	if k.Former > 0 {
		parts = append(parts, fmt.Sprintf("%d former keys", k.Former))
	}
	return strings.Join(append(parts, fmt.Sprintf("%d entries", k.Entries)), ", ")
}
