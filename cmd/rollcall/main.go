// Command rollcall brings the users of a Genesys Cloud organization in line
// with where a company keeps its people. See rollcall --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // a bare machine has no zones of its own

	"rollcall/internal/cli"
)

func main() {
	// A reader of our output that went away (rollcall apply | head) must not
	// kill a run in the middle: writing then fails, and the run goes on.
	signal.Ignore(syscall.SIGPIPE)

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
