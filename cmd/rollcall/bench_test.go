package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/internal/sampledata"
)

// A yard is where whole runs are measured: a generated company, and a simulated
// organization without limits that is a process of its own.
type yard struct {
	b   *testing.B
	dir string
	url string
	env []string

	people int
}

func newYard(b *testing.B, people int) *yard {
	b.Helper()
	y := &yard{b: b, dir: b.TempDir(), people: people}
	config, err := fs.ReadFile(sampledata.Files(), sampledata.Config)
	if err != nil {
		b.Fatal(err)
	}
	y.file(sampledata.Config, string(config))
	y.file("sim.yaml", simulated())
	generated{people: people}.save(b, y.dir)

	sim := exec.Command("rollcall", "sim", "--config", filepath.Join(y.dir, "sim.yaml"), "--listen", "127.0.0.1:0")
	sim.Stderr = os.Stderr
	out, err := sim.StdoutPipe()
	if err == nil {
		err = sim.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = sim.Process.Signal(os.Interrupt)
		_ = sim.Wait()
	})
	client, secret := "", ""
	for lines := bufio.NewScanner(out); secret == "" && lines.Scan(); {
		switch words := strings.Fields(lines.Text()); {
		case len(words) == 2 && words[0] == "listening":
			y.url = words[1]
		case len(words) == 4 && words[0] == "client":
			client, secret = words[1], words[3]
		}
	}
	y.env = append(os.Environ(), "NO_COLOR=1", "GENESYS_BASE_URL="+y.url, "GENESYS_LOGIN_URL="+y.url, "GENESYS_CLIENT_ID="+client, "GENESYS_CLIENT_SECRET="+secret)
	return y
}

// simulated is an empty organization with what the sample configuration names, and no rate limit.
func simulated() string {
	names := sampledata.Organization()
	list := func(names ...string) string { return `["` + strings.Join(names, `", "`) + `"]` }
	text := "switches: {rate: off}\nroles: " + list(append(names.Roles, "employee", "admin")...) +
		"\nskills: " + list(names.Skills...) + "\nlanguages: " + list(names.Languages...) + "\ngroups:\n"
	for _, g := range names.Groups {
		text += "  - name: " + g + "\n"
	}
	return text
}

func (y *yard) file(name, text string) {
	y.b.Helper()
	if err := os.WriteFile(filepath.Join(y.dir, name), []byte(text), 0o600); err != nil {
		y.b.Fatal(err)
	}
}

// empty takes everybody out of the organization, and forgets them.
func (y *yard) empty() {
	y.b.Helper()
	resp, err := http.Post(y.url+"/_sim/reset", "application/json", nil)
	if err != nil {
		y.b.Fatal(err)
	}
	_ = resp.Body.Close()
	books, err := filepath.Glob(filepath.Join(y.dir, "rollcall.db*"))
	if err != nil {
		y.b.Fatal(err)
	}
	for _, name := range books {
		if err := os.Remove(name); err != nil {
			y.b.Fatal(err)
		}
	}
	generated{people: y.people}.save(y.b, y.dir)
}

// A lap is what one process took.
type lap struct {
	wall     time.Duration
	cpu      time.Duration
	peak     int64 // bytes resident at most
	requests int
	out      []byte
}

// rollcall runs the program to its end; it must exit with 0.
func (y *yard) rollcall(args ...string) lap {
	y.b.Helper()
	var out, stderr bytes.Buffer
	before := y.requests()
	cmd := exec.Command("rollcall", args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = y.dir, y.env, &tail{keep: 4096, b: &out}, &tail{keep: 4096, b: &stderr}
	began := time.Now()
	if err := cmd.Run(); err != nil {
		y.b.Fatalf("rollcall %s: %v\n%s%s", strings.Join(args, " "), err, out.Bytes(), stderr.Bytes())
	}
	l := lap{wall: time.Since(began), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), out: out.Bytes()}
	if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		l.peak = used.Maxrss * 1024
	}
	l.requests = y.requests() - before
	return l
}

// requests is how many the simulator has answered.
func (y *yard) requests() int {
	y.b.Helper()
	resp, err := http.Get(y.url + "/_sim/stats")
	if err != nil {
		y.b.Fatal(err)
	}
	defer resp.Body.Close()
	var stats struct{ By []struct{ Count int } }
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
		y.b.Fatal(err)
	}
	n := 0
	for _, s := range stats.By {
		n += s.Count
	}
	return n
}

// A tail keeps the end of what is written: a parent that grew would be counted
// into the peak of its next child.
type tail struct {
	keep int
	b    *bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	if over := t.b.Len() - t.keep; over > t.keep {
		t.b.Next(over)
	}
	return len(p), nil
}

// measure reports what the runs of a benchmark took, each after its own preparation.
func (y *yard) measure(people, changes int, prepare func(*yard), args ...string) {
	var sum lap
	runs := 0
	for y.b.Loop() {
		y.b.StopTimer()
		prepare(y)
		y.b.StartTimer()
		l := y.rollcall(args...)
		sum.wall, sum.cpu, sum.requests, sum.peak = sum.wall+l.wall, sum.cpu+l.cpu, sum.requests+l.requests, max(sum.peak, l.peak)
		runs++
	}
	y.b.ReportMetric(float64(people*runs)/sum.wall.Seconds(), "people/s")
	y.b.ReportMetric(sum.cpu.Seconds()/float64(runs), "cpu-s")
	y.b.ReportMetric(float64(sum.requests)/float64(runs), "requests")
	if changes > 0 {
		y.b.ReportMetric(float64(sum.requests)/float64(runs*changes), "requests/change")
	}
	y.b.ReportMetric(float64(sum.peak)/1e6, "peak-MB")
	y.b.ReportMetric(float64(sum.peak)/float64(people), "B/person")
}

// BenchmarkWhole measures the program as a person runs it, against a simulated
// organization on the same machine: people to create, then nothing, one in a
// hundred, and everybody changed.
func BenchmarkWhole(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { whole(b, n) })
	}
}

func whole(b *testing.B, n int) {
	y := newYard(b, n)
	run := func(name string, changes int, prepare func(*yard), args ...string) {
		b.Run(name, func(b *testing.B) {
			at := *y
			at.b = b
			at.measure(n, changes, prepare, args...)
		})
	}
	moved := func(one int) func(*yard) { // one in so many; 0: nobody
		return func(y *yard) {
			generated{people: n, moved: func(i int) bool { return one > 0 && i%one == 0 }}.save(y.b, y.dir)
		}
	}
	run("plan-all-new", 0, moved(0), "plan")
	run("apply-all-new", n, (*yard).empty, "apply", "--yes")
	run("plan-unchanged", 0, moved(0), "plan", "--exit-code")
	run("plan-1%-changed", 0, moved(100), "plan")
	run("plan-all-changed", 0, moved(1), "plan", "--allow", "update", "--because", "bench")
}
