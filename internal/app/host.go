// Package app is where concrete types meet: it turns a configuration into a job
// with a real source, client, ledger and mapping. Nothing here decides what to
// do; commands and tests start the same app.
package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"rollcall/fault"
)

// A Host is the machine and the person behind a command. The zero value is this
// machine with an empty environment.
type Host struct {
	Env       func(string) (string, bool)
	Now       func() time.Time  // nil: the clock
	Transport http.RoundTripper // nil: the network
	Log       *slog.Logger      // nil: silence
	Name      string            // "": this machine's
	User      string            // "": the operating system's user
}

// Clock is the host's time.
func (h Host) Clock() func() time.Time {
	if h.Now != nil {
		return h.Now
	}
	return time.Now
}

func (h Host) env(name string) (string, bool) {
	if h.Env == nil {
		return "", false
	}
	return h.Env(name)
}

func (h Host) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

func (h Host) name() string {
	if h.Name != "" {
		return h.Name
	}
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// actor is who acts: named, or the operating system's user.
func (h Host) actor() string {
	if h.User != "" {
		return h.User
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

// Logger logs to w from level on: debug, info, warn or error.
func Logger(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: %w: it is debug, info, warn or error", level, fault.Invalid)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// Every calls do at this interval until the function it answers is called,
// which waits for the last call to end.
func Every(interval time.Duration, do func()) (stop func()) {
	ticker, done, ended := time.NewTicker(interval), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				do()
			case <-done:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
		<-ended
	}
}

// ReadLine reads one line from a person. It is the one place that leaves a
// goroutine behind: a read of standard input cannot be interrupted, and where
// ctx ends first, the process does too.
func ReadLine(ctx context.Context, r io.Reader) (string, error) {
	type answer struct {
		text string
		err  error
	}
	c := make(chan answer, 1)
	go func() {
		text, err := bufio.NewReader(r).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		c <- answer{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("read an answer: %w", fault.Interrupted)
	case a := <-c:
		return a.text, a.err
	}
}
