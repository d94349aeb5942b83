package report_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/internal/report"
)

// A clock is set by the test.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestProgress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		terminal bool
		budget   int
		steps    []time.Duration // after which another 50 of 200 changes have ended
		want     []string        // lines, carriage returns as line ends
	}{
		"a log gets a plain line every ten seconds": {
			steps: []time.Duration{2 * time.Second, 10 * time.Second, 10 * time.Second},
			want:  []string{"rollcall: 100 of 200 changes, 8.3 a second, 12s left, 1 failed", "rollcall: 150 of 200 changes, 6.8 a second, 7s left, 1 failed"},
		},
		"a terminal gets a bar in place": {
			terminal: true,
			steps:    []time.Duration{2 * time.Second, 2 * time.Second},
			want: []string{
				"[######..................] 50 of 200 changes, 25.0 a second, 6s left, 1 failed",
				"[############............] 100 of 200 changes, 25.0 a second, 4s left, 1 failed",
			},
		},
		"what is left comes at the budget's pace, however fast the window began": {
			terminal: true, budget: 60,
			steps: []time.Duration{2 * time.Second},
			want:  []string{"[######..................] 50 of 200 changes, 25.0 a second, 2m30s left, 1 failed"},
		},
		"steps in quick succession are drawn once": {
			terminal: true,
			steps:    []time.Duration{time.Second, time.Millisecond, time.Millisecond},
			want:     []string{"[######..................] 50 of 200 changes, 50.0 a second, 3s left, 1 failed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			c := &clock{at: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
			p := report.NewProgress(&out, tt.terminal, c.now)
			p.Begin(200, tt.budget)
			for i, d := range tt.steps {
				c.at = c.at.Add(d)
				p.Step(50*(i+1), 200, 1)
			}
			text := strings.ReplaceAll(out.String(), "\x1b[K", "")
			got := strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' })
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestProgressShowsThatItLivesWhileItWaits(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	c := &clock{at: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	p := report.NewProgress(&out, true, c.now)
	p.Tick()
	if out.Len() > 0 {
		t.Errorf("a tick before the run began drew %q", out.String())
	}
	p.Begin(10, 0)
	c.at = c.at.Add(time.Second)
	p.Step(5, 10, 0)
	before := out.Len()
	c.at = c.at.Add(5 * time.Second)
	p.Tick()
	if out.Len() == before {
		t.Error("a tick while the run waits drew nothing")
	}
	p.Close()
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("Close left the line: %q", out.String())
	}
}
