package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"rollcall/fault"
)

func (s *session) completionCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "write the shell's completion script",
		Long:      "Writes a script that completes commands and flags.\n\n  bash: rollcall completion bash > /etc/bash_completion.d/rollcall\n  zsh:  rollcall completion zsh > \"${fpath[1]}/_rollcall\"\n  fish: rollcall completion fish > ~/.config/fish/completions/rollcall.fish",
		Example:   "  source <(rollcall completion bash)",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(s.Stdout, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(s.Stdout)
			default:
				return cmd.Root().GenFishCompletion(s.Stdout, true)
			}
		},
	})
}

func (s *session) manCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:     "man [DIR]",
		Short:   "write the manual pages",
		Long:    "Writes rollcall's manual page to standard output, or one page for every command into a directory.",
		Example: "  rollcall man | man -l -\n  rollcall man /usr/local/share/man/man1",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// A fixed date: the same program writes the same page.
			date := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
			header := &doc.GenManHeader{Title: "ROLLCALL", Section: "1", Source: "rollcall", Manual: "rollcall", Date: &date}
			root := Root()
			root.DisableAutoGenTag = true
			if len(args) == 0 {
				return doc.GenMan(root, header, s.Stdout)
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // manual pages are for everybody
				return fmt.Errorf("man: %w: %w", fault.Invalid, err)
			}
			return doc.GenManTree(root, header, args[0])
		},
	})
}
