package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/cli"
	"rollcall/ledger"
	"rollcall/ledger/sqlledger"
	"rollcall/plan"
	"rollcall/target/genesyssim"
)

// A town is an organization through which people pass: every day two are born
// (hired), and each goes through a life of changes until they are deleted. Every
// day so asks for every kind of change, and none is ever asked for twice.
type town struct {
	*stage

	day  int
	seen int // requests of the simulator that were looked at
	last int64
	made map[string]int // creations that the simulator committed, by userName
}

const townRules = `name: town
ledger: rollcall.db
source: {file: hr.csv, key: id}
target: {genesys: {concurrency: 4, batch: 3, backoff: {first: 2ms, factor: 1, attempts: 4}}}
people:
  externalId: row.id
  userName: row.mail
  displayName: row.name
  active: row.active == "1"
  title: row.title
  manager: person(row.boss)
  roles: {value: '[row.role]', own: mine}
  skills: {value: 'skills(row.skills)', own: exact}
groups:
  Day: row.shift == "Day"
  Night: row.shift == "Night"
leavers: {action: delete, restore: [roles, skills, groups]}
limits: {deactivate: 100000, delete: 100000, update: 100000, rename: 100000, group_removals: 100000}
`

func newTown(t *testing.T, seed int64) *town {
	t.Helper()
	w := &town{made: map[string]int{}}
	w.stage = newStage(t, genesyssim.Config{
		Seed: seed, Listen: "127.0.0.1:0", Roles: []string{"employee", "Agent", "Lead"}, Skills: []string{"Billing", "Orders"},
		Groups: []genesyssim.Group{{Name: "Day"}, {Name: "Night"}}, Switches: genesyssim.Switches{"rate": "off"},
	})
	w.write("rollcall.yaml", townRules)
	for range 4 { // until everybody's life is under way
		w.dawn()
		w.finish()
	}
	return w
}

func (w *town) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// A citizen is somebody on one day: what the source says of them.
type citizen struct {
	key, mail, name, active, title, boss, role, skills, shift string
}

func (c citizen) line() string {
	return strings.Join([]string{c.key, c.mail, c.name, c.active, c.title, c.boss, c.role, c.skills, c.shift}, ",") + "\n"
}

// life is what becomes of the two who were born on a day:
//
//	age | the first                       | the second
//	--- | ------------------------------- | ------------------------
//	0   | is created                      | is created, reports to the first
//	1   | is promoted, works by day too   | is renamed
//	2   | has other roles, skills, shift  | is deactivated
//	3   | is deleted                      | is active again
//	4   |                                 | is deleted
func life(born, age int) (alive []citizen) {
	n := strconv.Itoa(born)
	first := citizen{"a" + n, "a" + n + "@x.example", "Ann " + n, "1", "Agent", "", "Agent", "Billing:2", "Night"}
	second := citizen{"b" + n, "b" + n + "@x.example", "Bob " + n, "1", "Agent", "a" + n, "Agent", "Orders:1", "Day"}
	if age >= 1 {
		first.title, second.mail = "Lead", "bob"+n+"@x.example"
	}
	if age >= 2 {
		first.role, first.skills, first.shift = "Lead", "Billing:4;Orders:2", "Day"
	}
	if age == 2 {
		second.active = "0"
	}
	if age >= 3 {
		second.boss = ""
	}
	switch {
	case age < 0 || age > 3:
		return nil
	case age == 3:
		return []citizen{second}
	default:
		return []citizen{first, second}
	}
}

// citizens are those of today.
func (w *town) citizens() (all []citizen) {
	for born := w.day - 4; born <= w.day; born++ {
		if born > 0 {
			all = append(all, life(born, w.day-born)...)
		}
	}
	return all
}

// dawn begins a new day: the source says what there is to do.
func (w *town) dawn() {
	w.t.Helper()
	w.day++
	var b strings.Builder
	b.WriteString("id,mail,name,active,title,boss,role,skills,shift\n")
	for _, c := range w.citizens() {
		b.WriteString(c.line())
	}
	w.write("hr.csv", b.String())
}

// inside runs rollcall in this process.
func (w *town) inside(args ...string) (int, string) {
	w.t.Helper()
	var out bytes.Buffer
	code := cli.Main(w.t.Context(), cli.Process{
		Args: append(args, "--config", filepath.Join(w.dir, "rollcall.yaml")), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out,
		Env: func(name string) (string, bool) {
			for _, kv := range slices.Backward(w.env) {
				if value, ok := strings.CutPrefix(kv, name+"="); ok {
					return value, true
				}
			}
			return "", false
		},
	})
	return code, out.String()
}

// kill runs rollcall as a process until its n-th step, or after so long where
// that is not 0, and tells whether it was killed. steps is how many it took if not.
func (w *town) kill(n int, after time.Duration) (killed bool, steps int) {
	w.t.Helper()
	count := filepath.Join(w.dir, "steps")
	cmd := exec.Command("mortal", "apply", "--yes")
	cmd.Dir, cmd.Env = w.dir, append(slices.Clone(w.env), "MORTAL_DIES="+strconv.Itoa(n), "MORTAL_STEPS="+count)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	if after > 0 {
		time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return true, 0
	}
	text, err := os.ReadFile(count)
	if err != nil {
		w.t.Fatalf("%v: %s", err, out.String())
	}
	steps, err = strconv.Atoi(string(text))
	if err != nil {
		w.t.Fatal(err)
	}
	return false, steps
}

// finish is the run after a death: it ends well, with everything as the source
// says, and all of it is in the ledger.
func (w *town) finish() {
	w.t.Helper()
	if code, out := w.inside("apply", "--yes"); code != 0 {
		w.t.Errorf("day %d: the next run exits %d\n%s", w.day, code, out)
	}
	if diff := cmp.Diff(w.wanted(), w.there()); diff != "" {
		w.t.Errorf("day %d: the organization (-want +got):\n%s", w.day, diff)
	}
	w.accounted()
	if code, out := w.inside("plan", "--exit-code"); code != 0 {
		w.t.Errorf("day %d: there is something left to do: exit %d\n%s", w.day, code, out)
	}
	if w.t.Failed() {
		_, out := w.inside("audit", "--since", "1m")
		w.t.Fatal(out)
	}
}

// wanted is how the organization has to look today, by userName.
func (w *town) wanted() map[string]string {
	want := map[string]string{}
	for _, c := range w.citizens() {
		if c.active == "1" {
			want[c.mail] = strings.Join([]string{"active", c.name, c.title, c.boss, c.role, c.skills, c.shift}, " ")
		} else {
			want[c.mail] = strings.Join([]string{"inactive", c.name, c.title}, " ")
		}
	}
	return want
}

type townsman struct {
	ID, UserName, DisplayName, Title, State string

	Roles      []struct{ Value string }
	Enterprise struct {
		Manager struct{ Value string }
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
	Genesys struct {
		RoutingSkills []struct {
			Name        string
			Proficiency float64
		}
	} `json:"urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"`
}

// there is how it looks: those who are not deleted, by userName.
func (w *town) there() map[string]string {
	w.t.Helper()
	var users struct{ Users []townsman }
	var groups struct {
		Groups []struct {
			DisplayName string
			Members     []struct{ Value string }
		}
	}
	w.get("/_sim/users", &users)
	w.get("/_sim/groups", &groups)
	keys, shifts, have := map[string]string{}, map[string][]string{}, map[string]string{}
	for _, u := range users.Users {
		keys[u.ID] = strings.Replace(u.UserName[:strings.IndexByte(u.UserName, '@')], "bob", "b", 1)
	}
	for _, g := range groups.Groups {
		for _, m := range g.Members {
			shifts[m.Value] = append(shifts[m.Value], g.DisplayName)
		}
	}
	for _, u := range users.Users {
		if u.State == "deleted" {
			continue
		}
		if _, twice := have[u.UserName]; twice {
			w.t.Errorf("day %d: %s is there twice", w.day, u.UserName)
		}
		have[u.UserName] = u.tell(keys, shifts[u.ID])
	}
	return have
}

// tell is what matters of u, as wanted says it.
func (u townsman) tell(keys map[string]string, shifts []string) string {
	if u.State == "inactive" {
		return strings.Join([]string{u.State, u.DisplayName, u.Title}, " ")
	}
	var roles, skills []string
	for _, r := range u.Roles {
		if r.Value != "employee" {
			roles = append(roles, r.Value)
		}
	}
	for _, s := range u.Genesys.RoutingSkills {
		skills = append(skills, fmt.Sprintf("%s:%g", s.Name, s.Proficiency))
	}
	slices.Sort(roles)
	slices.Sort(skills)
	slices.Sort(shifts)
	return strings.Join([]string{
		u.State, u.DisplayName, u.Title, keys[u.Enterprise.Manager.Value], strings.Join(roles, ";"), strings.Join(skills, ";"), strings.Join(shifts, ";"),
	}, " ")
}

// A wire is a write that the simulator saw and carried out, whether the answer arrived or not.
type wire struct {
	Seq                int
	Time               time.Time
	Method, Path, Body string
	Status             int
}

// writes are those since the last time.
func (w *town) writes() (all []wire) {
	w.t.Helper()
	var log struct {
		Requests []wire
		Last     int
	}
	w.get("/_sim/requests?since="+strconv.Itoa(w.seen), &log)
	w.seen = log.Last
	for _, r := range log.Requests {
		if r.Method != http.MethodGet && r.Status/100 == 2 && !strings.HasSuffix(r.Path, "/oauth/token") {
			all = append(all, r)
		}
	}
	return all
}

// accounted holds the writes against the ledger: each has an intent that was
// written before it and an outcome after it, both of the same person or group, and
// the outcomes name what was written. The ledger is sound, and nothing in it is open.
func (w *town) accounted() {
	w.t.Helper()
	ctx := w.t.Context()
	l, err := sqlledger.Open(ctx, filepath.Join(w.dir, "rollcall.db"), sqlledger.Options{Now: time.Now, ReadOnly: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	v, err := l.Verify(ctx, "")
	if err != nil || len(v.Faults) > 0 {
		w.t.Errorf("day %d: Verify = %v, %v", w.day, v.Faults, err)
	}
	for u, err := range l.Unsettled(ctx) {
		w.t.Errorf("day %d: nobody knows what became of %s %s of run %s, %v", w.day, u.Change.Op, u.Change.Key, u.Run, err)
	}
	intents, outcomes := w.lines(ctx, l)
	for _, r := range w.writes() {
		w.account(r, intents, outcomes)
	}
}

// A line is an intent or an outcome: of whom, when, and of which attributes.
type line struct {
	at    time.Time
	paths []string
	fine  bool
}

// lines are the intents and outcomes since the last time, by the id of the
// resource; those of creates by userName too.
func (w *town) lines(ctx context.Context, l ledger.Store) (intents, outcomes map[string][]line) {
	w.t.Helper()
	intents, outcomes = map[string][]line{}, map[string][]line{}
	for e, err := range l.Entries(ctx, ledger.Filter{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Seq <= w.last {
			continue
		}
		w.last = e.Seq
		switch {
		case e.Change != nil:
			n := line{at: e.Time, paths: bases(e.Change.Edits)}
			intents[e.Change.Target.ID] = append(intents[e.Change.Target.ID], n)
			if e.Op == plan.Create {
				intents[e.UserName] = append(intents[e.UserName], n)
			}
		case e.Outcome != nil:
			n := line{e.Time, bases(e.Outcome.Edits), e.Outcome.Result.Fine()}
			outcomes[e.Outcome.Ref.ID] = append(outcomes[e.Outcome.Ref.ID], n)
			if e.Op == plan.Create {
				outcomes[e.UserName] = append(outcomes[e.UserName], n)
			}
		}
	}
	return intents, outcomes
}

// bases are the attributes that edits name.
func bases(edits []plan.Edit) (names []string) {
	for _, e := range edits {
		names = append(names, base(string(e.Path)))
	}
	return names
}

func base(path string) string {
	name, _, _ := strings.Cut(path, "[")
	return strings.TrimSuffix(name, ".value")
}

// account finds what belongs to one write.
func (w *town) account(r wire, intents, outcomes map[string][]line) {
	w.t.Helper()
	who := r.Path[strings.LastIndexByte(r.Path, '/')+1:]
	var body struct {
		UserName   string
		Operations []struct{ Path string }
	}
	_ = json.Unmarshal([]byte(r.Body), &body) // a delete has none
	if r.Method == http.MethodPost && body.UserName != "" {
		who = body.UserName
		w.made[who]++
		if w.made[who] > 1 {
			w.t.Errorf("day %d: %s was created %d times", w.day, who, w.made[who])
		}
	}
	if grants := strings.TrimSuffix(r.Path, "/bulkadd"); grants != r.Path {
		who = grants[strings.LastIndexByte(grants, '/')+1:]
	}
	if !slices.ContainsFunc(intents[who], func(n line) bool { return !n.at.After(r.Time) }) {
		w.t.Errorf("day %d: %s %s was sent without an intent", w.day, r.Method, r.Path)
	}
	if !slices.ContainsFunc(outcomes[who], func(n line) bool { return n.fine && !n.at.Before(r.Time) }) {
		w.t.Errorf("day %d: nothing says what became of %s %s", w.day, r.Method, r.Path)
	}
	for _, op := range body.Operations {
		if !slices.ContainsFunc(outcomes[who], func(n line) bool { return n.fine && slices.Contains(n.paths, base(op.Path)) }) {
			w.t.Errorf("day %d: no outcome tells of %s, which %s %s wrote", w.day, op.Path, r.Method, r.Path)
		}
	}
}

const (
	everyAnswer = `[]`
	someAnswers = `[{"match": "POST /users", "do": "lose-answer", "probability": 0.3}, {"match": "PATCH *", "do": "lose-answer", "probability": 0.3},
		{"match": "DELETE *", "do": "lose-answer", "probability": 0.3}, {"match": "POST /api/v2/authorization/*", "do": "lose-answer", "probability": 0.3}]`
)

// everyStep is a day for the steps first, first+stride, ..., with a death at that
// step of a run, until a run comes to its end before it. It answers how many died.
func (w *town) everyStep(first, stride int, faults string) (deaths int) {
	w.t.Helper()
	for n := first; ; n += stride {
		w.dawn()
		w.put("/_sim/faults", faults)
		killed, steps := w.kill(n, 0)
		w.put("/_sim/faults", everyAnswer)
		w.finish()
		if !killed {
			w.t.Logf("a run has %d steps", steps)
			return deaths
		}
		deaths++
	}
}

// anyInstant is so many days with two runs, each of which may die at any instant.
func (w *town) anyInstant(days int) (deaths int) {
	w.t.Helper()
	w.dawn()
	began := time.Now()
	w.kill(0, 0)
	longest := time.Since(began)
	w.finish()
	random := rand.New(rand.NewPCG(1, 2))
	for range days {
		w.dawn()
		w.put("/_sim/faults", someAnswers)
		for range 2 {
			if killed, _ := w.kill(0, time.Duration(1+random.Int64N(int64(longest)))); killed {
				deaths++
			}
		}
		w.put("/_sim/faults", everyAnswer)
		w.finish()
	}
	return deaths
}

// TestKilledAtEveryStep kills the process at every commit, every request and
// every answer, where every answer arrives and where some are lost, and at random
// instants. Each time the next run ends as the source says, nobody is created twice,
// and the ledger is sound and knows of every write.
func TestKilledAtEveryStep(t *testing.T) { //nolint:tparallel // "all" ends when those in it have
	t.Parallel()
	const towns = 4 // side by side
	var deaths atomic.Int64
	t.Run("all", func(t *testing.T) {
		for name, faults := range map[string]string{"every answer": everyAnswer, "some answers": someAnswers} {
			for first := 1; first <= towns; first++ {
				t.Run(fmt.Sprintf("%s from %d", name, first), func(t *testing.T) {
					t.Parallel()
					deaths.Add(int64(newTown(t, int64(first)).everyStep(first, towns*crashStride, faults)))
				})
			}
		}
		t.Run("any instant", func(t *testing.T) {
			t.Parallel()
			deaths.Add(int64(newTown(t, towns+1).anyInstant(20 / crashStride)))
		})
	})
	if got := deaths.Load(); got < 200/crashStride {
		t.Errorf("%d processes were killed, want at least %d", got, 200/crashStride)
	}
	t.Logf("%d processes were killed", deaths.Load())
}
