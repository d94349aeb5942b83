// Command rollcall brings the users of a Genesys Cloud organization in line
// with where a company keeps its people. See rollcall --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // a bare machine has no zones of its own

	"rollcall/internal/cli"
)

func main() {
	// A reader of our output that went away (rollcall apply | head) must not
	// kill a run in the middle: writing then fails, and the run goes on.
	signal.Ignore(syscall.SIGPIPE)

	// What a run keeps of its people are packed rows without pointers: walking
	// them is nearly free, so that collecting four times as often costs less
	// than the memory it saves (docs/performance.md).
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}

	// The first signal ends the run in good order; once it has come, the next
	// one ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, cli.Process{
		Args:   os.Args[1:],
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Env:    os.LookupEnv,
	}))
}
