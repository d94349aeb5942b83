package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rollcall/internal/cli"
	"rollcall/internal/sampledata"
	"rollcall/ledger/ledgertest/pgtest"
	"rollcall/target/genesyssim"
)

func TestMain(m *testing.M) {
	testscript.Main(pgtest.M{M: m}, map[string]func(){"rollcall": main, "later": later, "mortal": mortal})
}

// later DURATION ARG...: rollcall, so much later.
func later() {
	ahead, err := time.ParseDuration(os.Args[1])
	if err != nil {
		panic(err)
	}
	os.Exit(cli.Main(context.Background(), cli.Process{
		Args: os.Args[2:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.LookupEnv,
		Now: func() time.Time { return time.Now().Add(ahead) },
	}))
}

// TestScripts drives the real program against the simulator: what a person types and sees.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("NO_COLOR", "1")
			e.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"simulator": simulator,
			"company":   company,
			"requests":  requests,
			"users":     users,
			"truth":     truth,
			"control":   control,
			"json":      jsonField,
			"sed":       sed,
			"absent":    absent,
			"exits":     exits,
			"sent":      sent,
			"repeat":    repeat,
			"encode":    encode,
			"mode":      mode,
			"appears":   appears,
			"alter":     alter,
			"postgres":  postgres,
			"keep":      keep,
		},
		RequireExplicitExec: true,
	})
}

// simulator start [FILE]: an organization on a free port; the environment then
// holds its addresses and the first client's credentials.
func simulator(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 || args[0] != "start" {
		ts.Fatalf("usage: simulator start [FILE]")
	}
	c := genesyssim.Config{Seed: genesyssim.DefaultSeed}
	if len(args) == 2 {
		var err error
		c, err = genesyssim.ParseConfig(args[1], []byte(ts.ReadFile(args[1])))
		ts.Check(err)
	} else {
		names := sampledata.Organization()
		c.Roles, c.Skills, c.Languages = append([]string{"employee", "admin"}, names.Roles...), names.Skills, names.Languages
		for _, g := range names.Groups {
			c.Groups = append(c.Groups, genesyssim.Group{Name: g})
		}
	}
	c.Listen = "127.0.0.1:0"
	srv, err := genesyssim.New(c, genesyssim.Options{Now: time.Now})
	ts.Check(err)
	ctx, stop := context.WithCancel(context.Background())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- srv.Run(ctx, func(api, _ string) { address <- api }) }()
	ts.Defer(func() { stop(); <-ended })
	select {
	case err := <-ended:
		ended <- err
		ts.Fatalf("simulator: %v", err)
	case api := <-address:
		ts.Setenv("GENESYS_BASE_URL", api)
		ts.Setenv("GENESYS_LOGIN_URL", api)
		ts.Setenv("GENESYS_CLIENT_ID", srv.Clients()[0].ID)
		ts.Setenv("GENESYS_CLIENT_SECRET", srv.Clients()[0].Secret)
	}
}

// postgres: a place for a ledger on a PostgreSQL server, whose URL is in LEDGER.
func postgres(ts *testscript.TestScript, _ bool, _ []string) {
	place, err := pgtest.Place()
	ts.Check(err)
	ts.Setenv("LEDGER", place)
}

// company: the sample company's files in the working directory.
func company(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range []string{sampledata.People, sampledata.Config} {
		f, err := sampledata.Files().Open(name)
		ts.Check(err)
		text, err := io.ReadAll(f)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), text, 0o600))
	}
}

// requests METHOD PATH COUNT: the simulator answered so many of these well (2xx), by its own count.
func requests(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: requests METHOD PATH COUNT")
	}
	var stats struct {
		By []struct {
			Method, Path  string
			Status, Count int
		}
	}
	ts.Check(json.Unmarshal(get(ts, "/_sim/stats"), &stats))
	got := 0
	for _, b := range stats.By {
		if b.Method == args[0] && b.Path == args[1] && b.Status/100 == 2 {
			got += b.Count
		}
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	if (got == want) == neg {
		ts.Fatalf("requests %s %s: got %d, want %d (negated: %t): %+v", args[0], args[1], got, want, neg, stats.By)
	}
}

// users COUNT [STATE]: so many users there are.
func users(ts *testscript.TestScript, neg bool, args []string) {
	var truth struct{ Users []map[string]any }
	ts.Check(json.Unmarshal(get(ts, "/_sim/users"), &truth))
	got := 0
	for _, u := range truth.Users {
		if len(args) == 1 || u["state"] == args[1] {
			got++
		}
	}
	if want, err := strconv.Atoi(args[0]); err != nil || (got == want) == neg {
		ts.Fatalf("users: got %d, want %s", got, args[0])
	}
}

// truth users|groups REGEXP: the simulator's own state, one resource a line, matches.
func truth(ts *testscript.TestScript, neg bool, args []string) {
	var doc map[string]any
	ts.Check(json.Unmarshal(get(ts, "/_sim/"+args[0]), &doc))
	var lines strings.Builder
	for _, r := range doc[args[0]].([]any) {
		text, err := json.Marshal(r)
		ts.Check(err)
		lines.Write(text)
		lines.WriteByte('\n')
	}
	if regexp.MustCompile("(?m)"+args[1]).MatchString(lines.String()) == neg {
		ts.Fatalf("truth %s: match of %q is %t in\n%s", args[0], args[1], neg, lines.String())
	}
}

// control METHOD PATH BODY: a call to the simulator's control endpoints.
func control(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: control METHOD PATH BODY")
	}
	req, err := http.NewRequest(args[0], ts.Getenv("GENESYS_BASE_URL")+args[1], strings.NewReader(args[2]))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		ts.Fatalf("control %s %s: %s %s", args[0], args[1], resp.Status, body)
	}
}

func get(ts *testscript.TestScript, path string) []byte {
	resp, err := http.Get(ts.Getenv("GENESYS_BASE_URL") + path)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return body
}

// json FILE PATH VALUE: the value at a path of names and indexes, dots between, as JSON text.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var doc any
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(dec.Decode(&doc))
	if _, err := dec.Token(); err != io.EOF {
		ts.Fatalf("json %s: more than one document", args[0])
	}
	for step := range strings.SplitSeq(args[1], ".") {
		doc = enter(doc, step)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	ts.Check(enc.Encode(doc))
	if got := strings.TrimSpace(text.String()); (got == args[2]) == neg {
		ts.Fatalf("json %s %s: got %s, want %s", args[0], args[1], got, args[2])
	}
}

// keep VAR FILE PATH: the text that jsonField would compare becomes $VAR.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: keep VAR FILE PATH")
	}
	var doc any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &doc))
	for step := range strings.SplitSeq(args[2], ".") {
		doc = enter(doc, step)
	}
	ts.Setenv(args[0], fmt.Sprint(doc))
}

func enter(doc any, step string) any {
	switch d := doc.(type) {
	case map[string]any:
		return d[step]
	case []any:
		if step == "len" {
			return len(d)
		}
		if i, err := strconv.Atoi(step); err == nil && i < len(d) {
			return d[i]
		}
	}
	return fmt.Sprintf("nothing at %q", step)
}

// sed FILE OLD NEW: replaces text in a file; OLD is a regular expression
// that must occur; \n is a new line in both.
func sed(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: sed FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	re := regexp.MustCompile("(?m)" + args[1])
	if !re.MatchString(text) {
		ts.Fatalf("sed %s: nothing matches %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(re.ReplaceAllString(text, strings.ReplaceAll(args[2], `\n`, "\n"))), 0o600))
}

// absent WORD FILE...: the word is in none of the files, read as bytes; patterns are expanded.
func absent(ts *testscript.TestScript, _ bool, args []string) {
	for _, pattern := range args[1:] {
		names, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(names) == 0 {
			ts.Fatalf("absent: no file is named %s", pattern)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			ts.Check(err)
			if bytes.Contains(text, []byte(args[0])) {
				ts.Fatalf("absent: %q is in %s", args[0], name)
			}
		}
	}
}
