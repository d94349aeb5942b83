package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"rollcall/fault"
)

// A Benchmark is what this machine takes for generated organizations: rollcall.bench/1.
type Benchmark struct {
	Schema  string  `json:"schema"`
	Machine Machine `json:"machine"`
	Laps    []Lap   `json:"laps"`
}

// A Machine is what the figures are of.
type Machine struct {
	Processors int    `json:"processors"`
	Platform   string `json:"platform"`
	Go         string `json:"go"`
	Collector  string `json:"collector"` // GOGC of the program
}

// A Lap is one process, from its start to its end.
type Lap struct {
	People     int     `json:"people"`
	Run        string  `json:"run"`
	Changes    int     `json:"changes"`
	Requests   int     `json:"requests"` // counted by the simulator
	PerChange  float64 `json:"requestsPerChange,omitzero"`
	Seconds    float64 `json:"seconds"`          // on the clock, without limits
	Processor  float64 `json:"processorSeconds"` // of all cores
	PerSecond  float64 `json:"peoplePerSecond"`
	Peak       int64   `json:"peakBytes,omitzero"`      // resident at most
	PerPerson  float64 `json:"bytesPerPerson,omitzero"` // against the smaller organization of the same benchmark
	AtRate     float64 `json:"secondsAtRate"`           // what the requests take at 300 a minute
	TimesFloor float64 `json:"timesFloor,omitzero"`     // processor time, over that of reading and decoding alone
	Against    []Ratio `json:"against,omitempty"`       // of the ordinary client
}

// A Ratio is what the ordinary client took over what a run of rollcall did for
// the same changes. At a granted rate time is requests.
type Ratio struct {
	Run      string  `json:"run"`
	Requests float64 `json:"requests"`
	Seconds  float64 `json:"seconds"` // without limits
}

// rate is the requests a minute that the service grants (dossier §3.1).
const rate = 300

// A BenchOptions says what is measured.
type BenchOptions struct {
	People []int // sizes, ascending
	Naive  bool  // an ordinary client does the same
	Lap    func(Lap)
}

// Bench measures plan and apply on generated organizations. The simulator is a
// process of its own and has no limits; so is every run. Nothing is left behind.
func (h Host) Bench(ctx context.Context, o BenchOptions) (*Benchmark, error) {
	all := &Benchmark{Schema: "rollcall.bench/1", Machine: Machine{
		Processors: runtime.NumCPU(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Collector: h.collector(),
	}}
	for _, n := range o.People {
		t := &track{Host: h, people: n, naive: o.Naive, take: func(l Lap) { all.add(l, o.Lap) }}
		if err := t.open(ctx); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (b *Benchmark) add(l Lap, tell func(Lap)) {
	l.compare(b.Laps)
	if b.Laps = append(b.Laps, l); tell != nil {
		tell(l)
	}
}

// open runs the race in a directory of its own.
func (t *track) open(ctx context.Context) (err error) {
	if t.dir, err = os.MkdirTemp("", "rollcall-bench-"); err != nil {
		return fmt.Errorf("bench: %w: %w", fault.Unavailable, err)
	}
	return errors.Join(t.race(ctx), os.RemoveAll(t.dir))
}

func (h Host) collector() string {
	if set, ok := h.env("GOGC"); ok {
		return set
	}
	return "25" // as cmd/rollcall sets it
}

// compare completes l by the laps before it.
func (l *Lap) compare(before []Lap) {
	l.AtRate = float64(l.Requests) * 60 / rate
	if l.Seconds > 0 {
		l.PerSecond = float64(l.People) / l.Seconds
	}
	if l.Changes > 0 {
		l.PerChange = float64(l.Requests) / float64(l.Changes)
	}
	for _, b := range before {
		switch {
		case b.Run == l.Run && b.People < l.People && b.Peak > 0:
			l.PerPerson = float64(l.Peak-b.Peak) / float64(l.People-b.People)
		case b.Run == floorLap && b.People == l.People && b.Processor > 0:
			l.TimesFloor = l.Processor / b.Processor
		case strings.HasPrefix(l.Run, "ordinary") && b.People == l.People && strings.HasPrefix(b.Run, "apply") && b.Changes == l.Changes && b.Requests > 0:
			l.Against = append(l.Against, Ratio{b.Run, float64(l.Requests) / float64(b.Requests), l.Seconds / b.Seconds})
		}
	}
}

// A track is one organization with a source, and the runs over it.
type track struct {
	Host

	dir    string
	people int
	naive  bool
	take   func(Lap)

	url, client, secret string
	promoted            int // by the last promotion
}

// largest is the size from which not everybody is changed.
const largest = 100_000

func (t *track) race(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	sim, err := t.simulate(ctx)
	if err != nil {
		return err
	}
	defer func() { stop(); _ = sim.Wait() }()
	for _, step := range t.steps() {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// steps are what happens on a track, in order.
func (t *track) steps() []func(context.Context) error {
	steps := []func(context.Context) error{
		t.export, t.floor,
		t.lap("plan, nobody linked", false, "plan", "--allow", "adopt", "--because", "bench"),
		t.lap("adopt everybody", false, "apply", "--yes", "--allow", "adopt", "--because", "bench"),
		t.lap("plan, nothing changed", false, "plan"),
		t.lap("plan --quick, nothing changed", false, "plan", "--quick"),
		t.promote(100, "I"),
		t.lap("plan, 1% changed", true, "plan"),
		t.lap("apply, 1% changed", true, "apply", "--yes"),
		t.promote(100, "II"),
		t.lap("apply --quick, 1% changed", true, "apply", "--quick", "--yes"),
		t.promote(100, "III"),
		t.ordinary("ordinary client, 1% changed"),
	}
	if t.people <= largest {
		steps = append(steps,
			t.promote(1, "IV"), t.lap("plan, all changed", true, "plan"), t.lap("apply, all changed", true, "apply", "--yes"),
			t.promote(1, "V"), t.ordinary("ordinary client, all changed"),
		)
	}
	return steps
}

// simulate starts the simulator with generated people, and waits until it listens.
func (t *track) simulate(ctx context.Context) (*exec.Cmd, error) {
	config := fmt.Sprintf("users: %d\nswitches: {rate: off}\n", t.people)
	if err := os.WriteFile(filepath.Join(t.dir, "sim.yaml"), []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("bench: %w: %w", fault.Unavailable, err)
	}
	cmd, err := t.program(ctx, "sim", "--config", "sim.yaml", "--listen", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("bench: start the simulator: %w: %w", fault.Unavailable, err)
	}
	for lines := bufio.NewScanner(out); t.secret == "" && lines.Scan(); {
		t.hear(strings.Fields(lines.Text()))
	}
	if t.secret == "" {
		return cmd, fmt.Errorf("bench: the simulator ended before it listened: %w", fault.Internal)
	}
	return cmd, nil
}

// hear takes in one line that the simulator says at its start.
func (t *track) hear(words []string) {
	switch {
	case len(words) == 2 && words[0] == "listening":
		t.url = words[1]
	case len(words) == 4 && words[0] == "client":
		t.client, t.secret = words[1], words[3]
	}
}

// program is this program as a process of its own.
func (t *track) program(ctx context.Context, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("bench: %w: %w", fault.Unsupported, err)
	}
	cmd := exec.CommandContext(ctx, self, args...) //nolint:gosec // it is this program
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Dir = t.dir
	cmd.Env = append(cmd.Environ(), "NO_COLOR=1", "GENESYS_BASE_URL="+t.url, "GENESYS_LOGIN_URL="+t.url, "GENESYS_CLIENT_ID="+t.client, "GENESYS_CLIENT_SECRET="+t.secret)
	return cmd, nil
}

// lap is one run of the program, which must end well.
func (t *track) lap(name string, changes bool, args ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		cmd, err := t.program(ctx, args...)
		if err != nil {
			return err
		}
		var words tail
		cmd.Stderr = &words
		before, err := t.requests(ctx)
		if err != nil {
			return err
		}
		l := Lap{People: t.people, Run: name}
		if changes {
			l.Changes = t.promoted
		}
		if err := t.time(cmd, &l); err != nil {
			return fmt.Errorf("bench: rollcall %s: %w: %w\n%s", strings.Join(args, " "), fault.Internal, err, words.text)
		}
		after, err := t.requests(ctx)
		l.Requests = after - before
		t.take(l)
		return err
	}
}

// time runs cmd to its end and notes what it took.
func (t *track) time(cmd *exec.Cmd, l *Lap) error {
	began := t.Clock()()
	err := cmd.Run()
	l.Seconds = elapsed(began, t.Clock()())
	l.Processor = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		l.Peak = used.Maxrss * 1024
	}
	return err
}

// A tail keeps the last of what is written.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	t.text = slices.Clone(t.text[max(0, len(t.text)-4096):])
	return len(p), nil
}

// requests is how many the simulator has answered.
func (t *track) requests(ctx context.Context) (int, error) {
	var stats struct{ Requests int }
	err := t.ask(ctx, "/_sim/stats", func(d *json.Decoder) error { return d.Decode(&stats) })
	return stats.Requests, err
}

// ask gets one document of the simulator.
func (t *track) ask(ctx context.Context, path string, read func(*json.Decoder) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("bench: %w: %w", fault.Unavailable, err)
	}
	defer answer.Body.Close()
	return read(json.NewDecoder(bufio.NewReaderSize(answer.Body, 1<<20)))
}

func elapsed(began, ended time.Time) float64 { return ended.Sub(began).Seconds() }
