package cli

import (
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/fault"
)

// Root is the whole command line without a process behind it: what reference
// pages, manual pages and completion are made from.
func Root() *cobra.Command { return (&session{}).root() }

const about = `rollcall brings the users of a Genesys Cloud organization in line with where a
company keeps its people. It plans first, sends the smallest SCIM PATCH under
the version it read, stays within the request budget, and writes down what it
does.`

// ExitCodes are the exit codes as every help text ends with them.
const ExitCodes = `Exit codes:
  0    done; findings of severity info and warning included
  1    failed
  2    usage, configuration, or a file that cannot be read
  3    changes pending (--exit-code)
  4    a planned change failed or was held, or a person could not be planned
  5    refused or waiting: a limit, a reading that is not believed
  6    a saved plan had parts that moved
  7    another run holds the lock
  130  interrupted`

func (s *session) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "rollcall COMMAND [flags]",
		Short:         "bring Genesys Cloud users in line with where a company keeps its people",
		Long:          about,
		Example:       "  rollcall demo\n  rollcall init --from hr-export.csv\n  rollcall plan\n  rollcall apply",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return s.unknown(args[0])
		},
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true, DisableDefaultCmd: true},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&s.config, "config", "c", "rollcall.yaml", "the configuration `FILE`")
	flags.BoolVar(&s.json, "json", false, "write one JSON document to standard output")
	flags.StringVar(&s.logLevel, "log-level", "warn", "how much to log to standard error: debug, info, warn, error")
	flags.StringVar(&s.as, "as", "", "act in the `NAME` of this person; default: the operating system's user")
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.WithHint(usageError{err}, cmd.CommandPath()+" --help lists the flags")
	})
	root.SetHelpTemplate(root.HelpTemplate() + "\n" + ExitCodes + "\n")
	root.AddCommand(
		s.initCommand(), s.checkCommand(), s.planCommand(), s.applyCommand(), s.patchCommand(), s.explainCommand(), s.driftCommand(), s.rekeyCommand(),
		s.runsCommand(), s.showCommand(), s.revertCommand(), s.approveCommand(), s.rejectCommand(), s.auditCommand(), s.forgetCommand(),
		s.simCommand(), s.demoCommand(), s.benchCommand(), s.versionCommand(), s.completionCommand(), s.manCommand(),
	)
	return root
}

// unknown is the error for a word that is no command, with the nearest one.
func (s *session) unknown(word string) error {
	var names []string
	for _, c := range s.root().Commands() {
		names = append(names, c.Name())
	}
	if near := fault.Nearest(word, names); near != "" {
		return fault.WithHint(usage("unknown command %q", word), "did you mean rollcall "+near+"?")
	}
	return fault.WithHint(usage("unknown command %q", word), "rollcall --help lists the commands")
}

// Version is set when a release is built.
var version = "development"

func (s *session) versionCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:     "version",
		Short:   "say which rollcall this is",
		Example: "  rollcall version --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc := struct {
				Schema   string `json:"schema"`
				Version  string `json:"version"`
				Revision string `json:"revision,omitempty"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{"rollcall.version/1", version, revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if s.json {
				return s.encode(doc)
			}
			cmd.Println(strings.TrimSpace("rollcall " + doc.Version + " " + doc.Revision + " " + doc.Go + " " + doc.Platform))
			return nil
		},
	})
}

func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, kv := range info.Settings {
		if kv.Key == "vcs.revision" {
			return kv.Value
		}
	}
	return ""
}
