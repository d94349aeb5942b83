package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding/charmap"
)

// exits CODE PROGRAM ARG...: the program ends with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		ts.Check(err)
	}
	got := 0
	if failed != nil {
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// sent COUNT REGEXP: so many requests reached the simulator of which the line
// "METHOD PATH?QUERY STATUS If-Match=VERSION BODY" matches. COUNT may be N.. (or more).
func sent(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: sent COUNT REGEXP")
	}
	var log struct {
		Requests []struct {
			Method, Path, IfMatch, Body string
			Status                      int
		}
	}
	ts.Check(json.Unmarshal(get(ts, "/_sim/requests"), &log))
	re, got := regexp.MustCompile(args[1]), 0
	var lines strings.Builder
	for _, r := range log.Requests {
		line := fmt.Sprintf("%s %s %d If-Match=%s %s", r.Method, r.Path, r.Status, r.IfMatch, r.Body)
		fmt.Fprintln(&lines, line)
		if re.MatchString(line) {
			got++
		}
	}
	least, more := strings.CutSuffix(args[0], "..")
	want, err := strconv.Atoi(least)
	ts.Check(err)
	if got != want && !(more && got > want) {
		ts.Fatalf("sent %q: got %d, want %s of\n%s", args[1], got, args[0], lines.String())
	}
}

// repeat FILE FROM TO TEMPLATE: appends TEMPLATE for every number, in the place
// of each {}; \n is a new line. {3} pads the number to three digits.
func repeat(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: repeat FILE FROM TO TEMPLATE")
	}
	from, err := strconv.Atoi(args[1])
	ts.Check(err)
	to, err := strconv.Atoi(args[2])
	ts.Check(err)
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	if !errors.Is(err, fs.ErrNotExist) {
		ts.Check(err)
	}
	var b strings.Builder
	b.Write(text)
	template := strings.ReplaceAll(args[3], `\n`, "\n")
	for i := from; i <= to; i++ {
		b.WriteString(strings.NewReplacer("{}", strconv.Itoa(i), "{3}", fmt.Sprintf("%03d", i)).Replace(template))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}

// encode FILE ENCODING: rewrites a UTF-8 file in windows-1252, or puts a byte order mark (bom) before it.
func encode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: encode FILE windows-1252|bom")
	}
	text := ts.ReadFile(args[0])
	switch args[1] {
	case "windows-1252":
		var err error
		text, err = charmap.Windows1252.NewEncoder().String(text)
		ts.Check(err)
	case "bom":
		text = "\ufeff" + text
	default:
		ts.Fatalf("encode: no encoding is named %s", args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// mode FILE 0600: who may read and write it.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: mode FILE OCTAL")
	}
	st, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", st.Mode().Perm()); (got == args[1]) == neg {
		ts.Fatalf("mode %s: got %s, want %s", args[0], got, args[1])
	}
}

// appears FILE REGEXP: waits until a process in the background has written it.
func appears(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: appears FILE REGEXP")
	}
	re := regexp.MustCompile(args[1])
	for start := time.Now(); time.Since(start) < 20*time.Second; {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && re.Match(text) {
			return
		}
	}
	ts.Fatalf("appears: %q is not in %s", args[1], args[0])
}

// alter FILE SQL: alters a ledger behind its back, without the triggers that forbid it.
func alter(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: alter FILE SQL")
	}
	ctx := context.Background()
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(ts.MkAbs(args[0] + suffix)); !errors.Is(err, fs.ErrNotExist) {
			ts.Check(err)
		}
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	var triggers []string
	rows, err := db.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'trigger'")
	ts.Check(err)
	for rows.Next() {
		var name string
		ts.Check(rows.Scan(&name))
		triggers = append(triggers, name)
	}
	ts.Check(rows.Err())
	ts.Check(rows.Close())
	for _, name := range triggers {
		_, err := db.ExecContext(ctx, "DROP TRIGGER "+name)
		ts.Check(err)
	}
	_, err = db.ExecContext(ctx, args[1])
	ts.Check(err)
}
