package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/internal/app"
)

func (s *session) initCommand() *cobra.Command {
	var from string
	cmd := command(&cobra.Command{
		Use:   "init",
		Short: "write a commented rollcall.yaml",
		Long: "Writes the configuration file, commented. With --from it looks at an export first, guesses delimiter, encoding, key\n" +
			"and mapping, and says what it guessed. What no contact center needs (pay, birth dates, national ids, ...) is not mapped.",
		Example: "  rollcall init\n  rollcall init --from hr-export.csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.prepare(); err != nil {
				return err
			}
			g, err := s.host.Init(cmd.Context(), s.config, from)
			if err != nil {
				return err
			}
			if s.json {
				return s.encode(struct {
					Schema string     `json:"schema"`
					File   string     `json:"file"`
					Guess  *app.Guess `json:"guess,omitempty"`
				}{"rollcall.init/1", s.config, g})
			}
			s.guessed(g)
			fmt.Fprintf(s.Stdout, "wrote %s\n", s.config)
			s.say("next: name the region and the credentials, then: rollcall check")
			return nil
		},
	})
	cmd.Flags().StringVar(&from, "from", "", "guess from this export `FILE`")
	return cmd
}

// guessed says what was guessed and why.
func (s *session) guessed(g *app.Guess) {
	if g == nil {
		return
	}
	s.say("looked at %d records with %d columns, as %s", g.Records, len(g.Columns), g.Format)
	if g.Key != "" {
		s.say("key: %s (%s)", g.Key, g.KeyWhy)
	} else {
		s.say("key: no column identifies a person; name one in the file")
	}
	if g.Where != "" {
		s.say("where: %s (%s)", g.Where, g.WhereWhy)
	}
	for _, m := range g.Mapping {
		s.say("%s: %s (%s)", m.Attribute, m.Expr, m.Why)
	}
	private := 0
	for _, c := range g.Columns {
		if c.Sensitive != "" {
			private++
		}
	}
	if private > 0 {
		s.say("%d columns hold what no contact center needs; they are not mapped and not read", private)
	}
	for _, note := range g.Notes {
		s.say("note: %s", note)
	}
}
