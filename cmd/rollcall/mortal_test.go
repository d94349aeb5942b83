package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"

	"modernc.org/sqlite"

	"rollcall/internal/cli"
)

// mortal is rollcall as a process that kills itself, by SIGKILL, at the step
// that MORTAL_DIES names, counted from 1; 0 and a step that is never reached let
// it live. It writes the number of steps that it took, alive, to the file MORTAL_STEPS.
func mortal() {
	at, err := strconv.Atoi(os.Getenv("MORTAL_DIES"))
	if err != nil {
		panic(err)
	}
	m := &mortality{at: int64(at), network: http.DefaultTransport.(*http.Transport).Clone()}
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { m.step(); return 0 })
		return nil
	})
	code := cli.Main(context.Background(), cli.Process{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.LookupEnv, Network: m,
	})
	if err := os.WriteFile(os.Getenv("MORTAL_STEPS"), fmt.Append(nil, m.steps.Load()), 0o600); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// A mortality counts the steps of a process: every commit, just before it is
// one, every request, just before it leaves, and every answer, just after it came.
type mortality struct {
	network http.RoundTripper
	at      int64
	steps   atomic.Int64
}

func (m *mortality) step() {
	if m.steps.Add(1) != m.at {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the rest of the process may live a moment longer: not this step
}

// RoundTrip implements [http.RoundTripper].
func (m *mortality) RoundTrip(r *http.Request) (*http.Response, error) {
	m.step()
	answer, err := m.network.RoundTrip(r)
	m.step()
	return answer, err
}
