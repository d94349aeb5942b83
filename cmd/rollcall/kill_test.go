package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/internal/sampledata"
	"rollcall/target/genesyssim"
)

// A stage is the sample company and a simulated organization, with the program
// as a process of its own.
type stage struct {
	t   *testing.T
	dir string
	url string
	env []string
}

func newStage(t *testing.T, c genesyssim.Config) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir()}
	err := fs.WalkDir(sampledata.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(sampledata.Files(), name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(s.dir, name), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := genesyssim.New(c, genesyssim.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- srv.Run(ctx, func(api, _ string) { address <- api }) }()
	t.Cleanup(func() { stop(); <-ended })
	select {
	case s.url = <-address:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	client := srv.Clients()[0]
	s.env = append(os.Environ(), "NO_COLOR=1",
		"GENESYS_BASE_URL="+s.url, "GENESYS_LOGIN_URL="+s.url, "GENESYS_CLIENT_ID="+client.ID, "GENESYS_CLIENT_SECRET="+client.Secret)
	return s
}

func sampleConfig() genesyssim.Config {
	names := sampledata.Organization()
	c := genesyssim.Config{
		Seed: genesyssim.DefaultSeed, Listen: "127.0.0.1:0", Roles: append([]string{"employee", "admin"}, names.Roles...),
		Skills: names.Skills, Languages: names.Languages, Switches: genesyssim.Switches{"rate": "off"},
	}
	for _, g := range names.Groups {
		c.Groups = append(c.Groups, genesyssim.Group{Name: g})
	}
	return c
}

// command is rollcall with these arguments, ready to start.
func (s *stage) command(args ...string) *exec.Cmd {
	cmd := exec.Command("rollcall", args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// run runs rollcall to its end and gives exit code and all output.
func (s *stage) run(args ...string) (int, string) {
	s.t.Helper()
	out, err := s.command(args...).CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	if failed != nil {
		return failed.ExitCode(), string(out)
	}
	return 0, string(out)
}

func (s *stage) put(path, body string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPut, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		s.t.Fatalf("PUT %s: %s %s", path, resp.Status, text)
	}
}

func (s *stage) get(path string, into any) {
	s.t.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		s.t.Fatal(err)
	}
}

// created counts the creations that the simulator committed, by userName: the
// answered ones and those whose answer was lost.
func (s *stage) users() map[string]int {
	s.t.Helper()
	var truth struct {
		Users []struct{ UserName string }
	}
	s.get("/_sim/users", &truth)
	count := map[string]int{}
	for _, u := range truth.Users {
		count[u.UserName]++
	}
	return count
}

// Killed again and again in the middle of an apply, with answers lost on top:
// the next run finishes, nobody is created twice, and the ledger is sound.
func TestKilledApplyIsFinishedByTheNextRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, sampleConfig())
	s.put("/_sim/faults", `[{"match": "POST /users", "do": "slow", "ms": 15}, {"match": "POST /users", "do": "lose-answer", "probability": 0.05}, {"match": "PATCH /users/*", "do": "lose-answer", "probability": 0.1}]`)

	const kills = 12
	random := rand.New(rand.NewPCG(1, uint64(kills)))
	killed := 0
	for range kills {
		cmd := s.command("apply", "--yes")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(60+random.IntN(250))*time.Millisecond, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
		if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() == -1 {
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("no run was killed in the middle: the test proves nothing")
	}

	s.put("/_sim/faults", `[]`)
	if code, out := s.run("apply", "--yes"); code != 0 {
		t.Fatalf("apply after %d kills: exit %d\n%s", killed, code, out)
	}
	if code, out := s.run("plan", "--exit-code"); code != 0 {
		t.Errorf("plan afterwards: exit %d, want 0\n%s", code, out)
	}
	if code, out := s.run("audit", "verify"); code != 0 {
		t.Errorf("audit verify: exit %d, want 0\n%s", code, out)
	}
	users := s.users()
	if got, want := len(users), 38; got != want {
		t.Errorf("there are %d users, want %d", got, want)
	}
	for name, n := range users {
		if n != 1 {
			t.Errorf("%s was created %d times", name, n)
		}
	}
}

// Interrupted, a run takes no more changes, records those in flight, and exits 130.
func TestInterruptedApplySettlesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	s := newStage(t, sampleConfig())
	s.put("/_sim/faults", `[{"match": "POST /users", "do": "slow", "ms": 200}]`)
	cmd := s.command("apply", "--yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); len(s.users()) == 0; {
		if time.Since(start) > 20*time.Second {
			t.Fatal("the run created nobody")
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("exit %d, want 130", got)
	}
	if got := len(s.users()); got == 0 || got >= 38 {
		t.Errorf("%d users were created: the run was not stopped in the middle", got)
	}
	code, out := s.run("audit", "--format", "jsonl", "--kind", "outcome")
	if code != 0 {
		t.Fatalf("audit: exit %d\n%s", code, out)
	}
	if got, want := strings.Count(out, `"statusCode":201`), len(s.users()); got != want {
		t.Errorf("%d creations have an outcome, the organization has %d users", got, want)
	}
	s.put("/_sim/faults", `[]`)
	if code, out := s.run("apply", "--yes"); code != 0 || len(s.users()) != 38 {
		t.Errorf("the next run: exit %d, %d users\n%s", code, len(s.users()), out)
	}
}

// Nothing of a column that no expression uses leaves the source reader: not into
// a request, the ledger, a plan, the log, an error or the screen.
func TestUnmanagedColumnsNeverLeave(t *testing.T) {
	t.Parallel()
	s := newStage(t, sampleConfig())
	canaries := s.plantCanaries()
	var seen strings.Builder
	for _, args := range [][]string{
		{"check"},
		{"plan"},
		{"plan", "--json"},
		{"plan", "-o", "saved.plan"},
		{"apply", "--yes", "--log-level", "debug"},
		{"plan", "--log-level", "debug"},
		{"show", "last", "--json"},
		{"audit", "--format", "jsonl"},
		{"audit"},
		{"explain-nothing"},
	} {
		_, out := s.run(args...)
		seen.WriteString(out)
	}
	var log json.RawMessage
	s.get("/_sim/requests", &log)
	seen.Write(log)
	var truth json.RawMessage
	s.get("/_sim/users", &truth)
	seen.Write(truth)
	for _, name := range []string{"saved.plan", "rollcall.db", "rollcall.db-wal"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		seen.Write(text)
	}
	if !strings.Contains(seen.String(), "Thorvaldsen") {
		t.Fatal("the search does not even find what was sent: it proves nothing")
	}
	for column, word := range canaries {
		if strings.Contains(seen.String(), word) {
			t.Errorf("the canary of column %s was seen outside", column)
		}
	}
}

// plantCanaries replaces every value of the columns that no expression names,
// and breaks a row, so that errors are searched too.
func (s *stage) plantCanaries() map[string]string {
	s.t.Helper()
	name := filepath.Join(s.dir, sampledata.People)
	text, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(s.dir, sampledata.Config))
	if err != nil {
		s.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	header := strings.Split(lines[0], ",")
	canaries := map[string]string{}
	for i, column := range header {
		if strings.Contains(string(config), "row."+column) || strings.Contains(string(config), `row["`+column+`"]`) || column == "EmployeeNo" {
			continue
		}
		canaries[column] = fmt.Sprintf("canary-%02d-%x", i, i*7919)
	}
	for n, line := range lines[1:] {
		fields := strings.Split(line, ",")
		for i, column := range header {
			if word, unmanaged := canaries[column]; unmanaged && i < len(fields) {
				fields[i] = word
			}
		}
		lines[n+1] = strings.Join(fields, ",")
	}
	if len(canaries) < 8 {
		s.t.Fatalf("only %d columns are unmanaged", len(canaries))
	}
	lines = append(lines, lines[len(lines)-1]+",one field too many")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return canaries
}
