//go:build realinput

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollcall/target/genesyssim"
)

// These tests read what nobody on this project wrote: make real-input REAL_INPUT=DIR.

const export = "hr-export.psv"

// realConfig is the configuration of design §6; only the target is the simulator.
const realConfig = `name: adventure-works
ledger: rollcall.db
timezone: America/New_York

source:
  file: hr-export.psv
  delimiter: "|"
  key: LoginID
  where: row.Status == "Current"
  expect: {records: 200.., columns: [EmailAddress, Title]}

target:
  genesys:
    api: env:GENESYS_BASE_URL
    client_id: env:GENESYS_CLIENT_ID
    client_secret: env:GENESYS_CLIENT_SECRET
    budget: 70%
    concurrency: 10
    batch: 50
    conflict_retries: 1
    backoff: {first: 1s, factor: 2, attempts: 3}
    scopes: []

lifecycle: full
match: [externalId, userName]

people:
  externalId: row.LoginID
  userName: lower(row.EmailAddress)
  displayName: row.FirstName + " " + row.LastName
  active: row.CurrentFlag == "1"
  title: row.Title
  phoneNumbers[type eq "work"].value: {value: 'phone(row.Phone, "US")', own: once}
  department: row.DepartmentName
  manager: person(row.ManagerLoginID)
  division: {value: '"Home"', own: once}
  roles: {value: 'row.DepartmentName == "Sales" ? ["Sales Agent"] : []', own: mine}
  skills: {value: 'row.DepartmentName == "Sales" ? skills("Billing:3") : []', own: exact}

groups:
  Tool Design: row.DepartmentName == "Tool Design"
  Managers: {when: 'row.Title contains "Manager"', own: exact}

leavers: {action: deactivate, after: 0d, then: delete, then_after: 90d, restore: [roles, groups, skills, division], restore_within: 14d}
protect: {users: ["*@admins.adventure-works.com"], roles: {admin: {min: 2, change: never}}}
limits: {deactivate: 10 or 2%, rename: 5 or 1%, rekey: 5 or 1%, update: 50 or 50%, group_removals: 5 or 25%, adopt: 0, delete: 0}
approval: over-limit
schedule: {quick: every 5m, full: daily at 02:00, drift: hourly}
`

// realStage is an empty organization with what the mapping refers to, and the
// export, alone in a directory.
func realStage(t *testing.T) *stage {
	t.Helper()
	dir := os.Getenv("REAL_INPUT")
	if dir == "" {
		t.Fatal("REAL_INPUT does not name the directory of the real input: make real-input REAL_INPUT=DIR")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", dir) // of the repository, where make runs
	}
	text, err := os.ReadFile(filepath.Join(dir, "adventureworks", export))
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, genesyssim.Config{
		Seed: genesyssim.DefaultSeed, Listen: "127.0.0.1:0",
		Groups: []genesyssim.Group{{Name: "Tool Design"}, {Name: "Managers"}}, Switches: genesyssim.Switches{"rate": "off"},
	})
	s.dir = t.TempDir()
	s.write(export, string(text))
	return s
}

func (s *stage) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// must runs rollcall to an exit code and gives its output, standard error too.
func (s *stage) must(code int, args ...string) string {
	s.t.Helper()
	got, out := s.run(args...)
	if got != code {
		s.t.Fatalf("rollcall %s: exit %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return out
}

type realPlan struct {
	Summary  struct{ Create, Adopt, Update, Rename, Deactivate, Reactivate, Delete, Groups, Findings int }
	Findings []struct{ Severity, Code string }
	Changes  []struct {
		Op, Key string
		After   map[string]json.RawMessage
	}
}

// plan is the plan of --json.
func (s *stage) plan(code int) realPlan {
	s.t.Helper()
	cmd := s.command("plan", "--json")
	out, err := cmd.Output()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("plan --json: exit %d, want %d: %v\n%s", got, code, err, out)
	}
	var p realPlan
	if err := json.Unmarshal(out, &p); err != nil {
		s.t.Fatal(err)
	}
	return p
}

type realUser struct {
	ID, UserName, DisplayName, Title, State string
	PhoneNumbers                            []struct{ Type, Value string }
	Roles                                   []struct{ Value string }
	Enterprise                              struct {
		Department string
		Manager    struct{ Value string }
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

func (s *stage) people() []realUser {
	s.t.Helper()
	var truth struct{ Users []realUser }
	s.get("/_sim/users", &truth)
	return truth.Users
}

type realRequest struct {
	Method, Path, Body string
	Status             int
}

func (s *stage) requests() []realRequest {
	s.t.Helper()
	var log struct{ Requests []realRequest }
	s.get("/_sim/requests", &log)
	return log.Requests
}

// changes are the requests that change something, from the n-th request on.
func (s *stage) changes(from int) []realRequest {
	s.t.Helper()
	return slices.DeleteFunc(s.requests()[from:], func(r realRequest) bool {
		return r.Method == "GET" || strings.HasPrefix(r.Path, "/oauth/")
	})
}

// What init writes needs nothing but the target and the credentials, and maps
// no column that no contact center needs.
func TestRealInputInit(t *testing.T) {
	t.Parallel()
	s := realStage(t)
	s.must(0, "init", "--from", export)
	config := s.read("rollcall.yaml")
	for line := range strings.Lines(config) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			continue
		}
		for _, column := range []string{
			"NationalID", "BirthDate", "BaseRate", "PayFrequency", "SalariedFlag", "MaritalStatus", "Gender", "EmergencyContact", "VacationHours", "SickLeaveHours", "EmployeePhoto",
		} {
			if strings.Contains(line, column) {
				t.Errorf("init maps %s: %s", column, line)
			}
		}
	}
	p := s.plan(0)
	if p.Summary.Create != 290 || len(p.Changes) != 290 {
		t.Errorf("the plan creates %d in %d changes, want 290 and nothing else", p.Summary.Create, len(p.Changes))
	}
}

// The whole of AdventureWorks into an empty organization, and a day after.
func TestRealInput(t *testing.T) {
	t.Parallel()
	s := realStage(t)
	s.write("rollcall.yaml", realConfig)

	out := s.must(0, "check")
	if !strings.Contains(out, "\nready\n") || regexp.MustCompile(`(?m)^(error|unknown)`).MatchString(out) {
		t.Errorf("check is not clean:\n%s", out)
	}
	p := s.plan(0)
	if p.Summary.Create != 290 {
		t.Errorf("the plan creates %d, want 290", p.Summary.Create)
	}
	phones, found := 0, 0
	for _, c := range p.Changes {
		if string(c.After[`phoneNumbers[type eq "work"].value`]) > `"+` {
			phones++
		}
	}
	for _, f := range p.Findings {
		if f.Code == "bad-phone" {
			found++
		}
	}
	if phones != 145 || found != 145 {
		t.Errorf("%d phones are sent and %d are findings, want 145 and 145", phones, found)
	}

	s.must(0, "apply", "--yes")
	s.arrived()
	s.must(0, "plan", "--exit-code")
	if p := s.plan(0); len(p.Changes) != 0 {
		t.Errorf("the next plan has %d changes", len(p.Changes))
	}
	s.aDayLater()
	s.must(0, "plan", "--exit-code")
	s.must(0, "audit", "verify")
}

// arrived looks whether everybody is there as the export has them.
func (s *stage) arrived() {
	s.t.Helper()
	people := s.people()
	if len(people) != 290 {
		s.t.Fatalf("there are %d users, want 290", len(people))
	}
	names, phones, managed := map[string]bool{}, 0, 0
	for _, u := range people {
		names[u.DisplayName] = true
		if u.Enterprise.Manager.Value != "" {
			managed++
		}
		for _, n := range u.PhoneNumbers {
			if n.Type != "work" {
				continue
			}
			if phones++; !strings.HasPrefix(n.Value, "+1") {
				s.t.Errorf("%s has the phone %s", u.UserName, n.Value)
			}
		}
	}
	if !names["Ken Sánchez"] || !slices.ContainsFunc(people, func(u realUser) bool { return strings.HasSuffix(u.DisplayName, " D'Hers") }) {
		s.t.Error("Ken Sánchez or D'Hers did not arrive as they are spelled")
	}
	if phones != 145 {
		s.t.Errorf("%d users have a phone, want 145", phones)
	}
	if managed != 289 {
		s.t.Errorf("%d users have a manager, want all but one", managed)
	}
	s.inOrder()

	var truth struct {
		Groups []struct {
			DisplayName string
			Members     []struct{ Value string }
		}
	}
	s.get("/_sim/groups", &truth)
	for _, g := range truth.Groups {
		in := func(u realUser) bool { return u.Enterprise.Department == "Tool Design" }
		if g.DisplayName == "Managers" {
			in = func(u realUser) bool { return strings.Contains(u.Title, "Manager") }
		}
		want := 0
		for _, u := range people {
			if in(u) {
				want++
			}
		}
		if len(g.Members) != want || want == 0 {
			s.t.Errorf("group %s has %d members, want %d", g.DisplayName, len(g.Members), want)
		}
	}
}

// inOrder looks whether each was created with the manager, hence after them.
func (s *stage) inOrder() {
	s.t.Helper()
	posts, alone := 0, 0
	for _, r := range s.changes(0) {
		switch {
		case r.Method == "POST" && r.Path == "/users" && r.Status == 201:
			posts++
			if !strings.Contains(r.Body, `"manager"`) {
				alone++
			}
		case r.Method == "PATCH" && strings.HasPrefix(r.Path, "/users/"):
			s.t.Errorf("a user was patched in the first run: %s", r.Body)
		}
	}
	if posts != 290 || alone != 1 {
		s.t.Errorf("%d were created, %d of them without a manager: want 290 and 1", posts, alone)
	}
}

// aDayLater changes ten rows and drops two people: exactly that is sent.
func (s *stage) aDayLater() {
	s.t.Helper()
	lines := strings.Split(strings.TrimRight(s.read(export), "\n"), "\n")
	header := strings.Split(strings.TrimRight(lines[0], "\r"), "|")
	at := func(name string) int { return slices.Index(header, name) }
	boss := map[string]bool{}
	for _, line := range lines[1:] {
		boss[strings.TrimRight(strings.Split(line, "|")[at("ManagerLoginID")], "\r")] = true
	}
	var kept []string
	changed, dropped := 0, 0
	for i, line := range lines {
		f := strings.Split(line, "|")
		plain := i > 0 && f[at("Status")] == "Current" && !boss[f[at("LoginID")]] && f[at("DepartmentName")] == "Production"
		switch {
		case plain && dropped < 2:
			dropped++
			continue
		case plain && changed < 10:
			changed++
			f[at("Title")] = "Senior " + f[at("Title")]
			line = strings.Join(f, "|")
		}
		kept = append(kept, line)
	}
	s.write(export, strings.Join(kept, "\n")+"\n")

	p := s.plan(0)
	if p.Summary.Update != 10 || p.Summary.Deactivate != 2 || len(p.Changes) != 12 {
		s.t.Errorf("the plan has %d updates, %d deactivations, %d changes: want 10, 2, 12", p.Summary.Update, p.Summary.Deactivate, len(p.Changes))
	}
	before := len(s.requests())
	s.must(0, "apply", "--yes")
	titles, leavers := 0, 0
	for _, r := range s.changes(before) {
		var patch struct {
			Operations []struct {
				Op, Path string
				Value    any
			}
		}
		if r.Method != "PATCH" || r.Status != 200 || json.Unmarshal([]byte(r.Body), &patch) != nil || len(patch.Operations) != 1 {
			s.t.Errorf("sent besides: %s %s %d %s", r.Method, r.Path, r.Status, r.Body)
			continue
		}
		switch op := patch.Operations[0]; {
		case op.Path == "title" && strings.HasPrefix(fmt.Sprint(op.Value), "Senior "):
			titles++
		case op.Path == "active" && op.Value == false:
			leavers++
		default:
			s.t.Errorf("sent besides: %s", r.Body)
		}
	}
	if titles != 10 || leavers != 2 {
		s.t.Errorf("%d titles and %d deactivations were sent, want 10 and 2", titles, leavers)
	}
}

// Nothing of a column that no expression names is seen anywhere outside.
func TestRealInputCanaries(t *testing.T) {
	t.Parallel()
	s := realStage(t)
	s.write("rollcall.yaml", realConfig)
	canaries := s.poison()

	var seen strings.Builder
	for _, args := range [][]string{
		{"check", "--log-level", "debug"},
		{"plan"},
		{"plan", "--json"},
		{"plan", "-o", "saved.plan"},
		{"apply", "--yes", "--log-level", "debug"},
		{"plan", "--log-level", "debug"},
		{"apply", "saved.plan", "--yes"},
		{"show", "last", "--json"},
		{"runs"},
		{"audit"},
		{"audit", "--format", "jsonl"},
		{"init", "--from", export, "--config", "guessed.yaml"},
	} {
		_, out := s.run(args...)
		seen.WriteString(out)
	}
	for _, path := range []string{"/_sim/requests", "/_sim/users", "/_sim/groups"} {
		var text json.RawMessage
		s.get(path, &text)
		seen.Write(text)
	}
	for _, name := range []string{"saved.plan", "guessed.yaml", "rollcall.db", "rollcall.db-wal", "rollcall.db-shm"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		seen.Write(text)
	}
	all := seen.String()
	if !strings.Contains(all, "Ken Sánchez") || len(s.people()) < 289 { // whoever has a row that cannot be read waits
		t.Fatal("the search does not even find what was sent: it proves nothing")
	}
	for column, word := range canaries {
		if strings.Contains(all, word) {
			t.Errorf("the canary of column %s was seen outside", column)
		}
	}
}

// poison plants a canary in every value of every unmanaged column, and two rows
// that cannot be read, so that errors are searched too.
func (s *stage) poison() map[string]string {
	s.t.Helper()
	lines := strings.Split(strings.TrimRight(s.read(export), "\n"), "\n")
	header := strings.Split(strings.TrimRight(lines[0], "\r"), "|")
	canaries := map[string]string{}
	for i, column := range header {
		if !regexp.MustCompile(`(row\.|key: )` + column + `\b`).MatchString(realConfig) {
			canaries[column] = fmt.Sprintf("canary-%02d-%x", i, i*7919)
		}
	}
	if len(canaries) < 15 {
		s.t.Fatalf("only %d columns are unmanaged: %v", len(canaries), canaries)
	}
	for n, line := range lines[1:] {
		f := strings.Split(line, "|")
		for i, column := range header {
			if word, unmanaged := canaries[column]; unmanaged {
				f[i] = word
			}
		}
		lines[n+1] = strings.Join(f, "|")
	}
	last := lines[len(lines)-1]
	lines = append(lines, last+"|one|too|many", last[:len(last)/2])
	s.write(export, strings.Join(lines, "\n")+"\n")
	return canaries
}
