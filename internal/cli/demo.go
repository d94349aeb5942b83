package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/internal/app"
)

// acts are what happens in the demo, in order. Each must end well.
var acts = []struct {
	says   string
	args   []string
	before func(app.Stage) error // what happens meanwhile; may be nil
}{
	{"Harbor & Pine keeps its people in an HR export. Is everything there that is needed?", []string{"check"}, nil},
	{"Plan, and do it: every change lies between an intent and an outcome in the ledger.", []string{"apply", "--yes"}, nil},
	{"And now? Nothing is left to do.", []string{"plan", "--exit-code"}, nil},
	{"The next morning: one person left, one married, one was promoted to the day shift.", []string{"apply", "--yes"}, app.Stage.NextMorning},
	{"What happened, and can anybody have altered the record of it?", []string{"runs"}, nil},
	{"", []string{"audit", "verify"}, nil},
}

func (s *session) demoCommand() *cobra.Command {
	return command(&cobra.Command{
		Use:   "demo",
		Short: "the main job from beginning to end, on a simulated organization",
		Long: "Starts the simulator on a free port, syncs a small invented company into it, and shows that a second plan is\n" +
			"empty and the ledger sound. Needs nothing, leaves nothing behind.",
		Example: "  rollcall demo\n  rollcall demo --json > report.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.host.Demo(cmd.Context(), s.play)
		},
	})
}

// play types the demo's commands as a person would.
func (s *session) play(ctx context.Context, stage app.Stage) error {
	for _, act := range acts {
		if act.before != nil {
			if err := act.before(stage); err != nil {
				return err
			}
		}
		if !s.json {
			if act.says != "" {
				fmt.Fprintf(s.Stdout, "\n# %s\n", act.says)
			}
			fmt.Fprintf(s.Stdout, "$ rollcall %s\n", strings.Join(act.args, " "))
		}
		if code := Main(ctx, s.actor(stage, act.args)); code != 0 {
			return exit(code)
		}
	}
	return nil
}

// quiet leaves of the whole demo one document: the report of its run.
func (s *session) quiet(p Process, args []string) Process {
	if args[0] == "apply" && !s.answered {
		s.answered = true
		p.Args = append(p.Args, "--json")
	} else {
		p.Stdout = io.Discard
	}
	return p
}

// actor is the process of one act: this one's screen, the stage's environment.
func (s *session) actor(stage app.Stage, args []string) Process {
	p := s.Process
	p.Args = slices.Clone(args)
	if s.json {
		p = s.quiet(p, args)
	}
	p.Args = append(p.Args, "--config", filepath.Join(stage.Dir, "rollcall.yaml"), "--log-level", s.logLevel)
	p.Env = func(name string) (string, bool) {
		if name == "NO_COLOR" || name == "TERM" {
			return s.Env(name)
		}
		return stage.Env(name)
	}
	return p
}
