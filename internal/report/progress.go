package report

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A Progress tells how far a run is: one line redrawn in place on a terminal,
// a plain line every few seconds elsewhere. It is safe for concurrent use.
type Progress struct {
	out      io.Writer
	terminal bool
	now      func() time.Time

	mu     sync.Mutex
	began  time.Time
	shown  time.Time
	moved  time.Time // when the last change ended
	budget int       // requests a minute; 0: not known
	drawn  bool
	done   int
	total  int
	failed int
}

// How often a line may change: on a terminal for the eye, in a log for its reader.
const (
	redraw  = 100 * time.Millisecond
	logLine = 10 * time.Second
)

// NewProgress writes to out, which is the conversation, not the result.
func NewProgress(out io.Writer, terminal bool, now func() time.Time) *Progress {
	return &Progress{out: out, terminal: terminal, now: now}
}

// Begin says that a run of total changes begins now, which may send budget
// requests a minute; 0: not known.
func (p *Progress) Begin(total, budget int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.budget = total, budget
	p.began = p.now()
	p.shown, p.moved = p.began, p.began
}

// Step says that done of total changes have ended, failed of them badly.
func (p *Progress) Step(done, total, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.done, p.total, p.failed, p.moved = done, total, failed, now
	p.draw(now)
}

// Tick draws what has been told so far: a run that waits for its budget shows
// that it lives.
func (p *Progress) Tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw(p.now())
}

// draw writes the line where the last one has stood long enough.
func (p *Progress) draw(now time.Time) {
	pause := logLine
	if p.terminal {
		pause = redraw
	}
	if !p.began.IsZero() && now.Sub(p.shown) >= pause {
		p.shown = now
		p.write(now)
	}
}

// Close draws the last state and leaves the line.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal && p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *Progress) write(now time.Time) {
	line := p.line(now)
	if !p.terminal {
		fmt.Fprintf(p.out, "rollcall: %s\n", line)
		return
	}
	const width = 24
	filled := 0
	if p.total > 0 {
		filled = p.done * width / p.total
	}
	bar := make([]byte, width)
	for i := range bar {
		bar[i] = '.'
		if i < filled {
			bar[i] = '#'
		}
	}
	fmt.Fprintf(p.out, "\r\x1b[K[%s] %s", bar, line)
	p.drawn = true
}

// line is "37 of 290 changes, 4.8 a second, 53s left, 1 failed".
func (p *Progress) line(now time.Time) string {
	line := fmt.Sprintf("%d of %s", p.done, plural(p.total, "change"))
	if took := now.Sub(p.began); p.done > 0 && took >= time.Second {
		rate := float64(p.done) / took.Seconds()
		line += fmt.Sprintf(", %.1f a second, %s left", rate, p.left(rate, now).Round(time.Second))
	}
	if p.stalled(now) {
		line += ", waiting for the service"
	}
	if p.failed > 0 {
		line += fmt.Sprintf(", %d failed", p.failed)
	}
	return line
}

// left is how long the rest takes. The service grants requests by the minute,
// and a minute that was granted whole is used whole: what comes after it waits
// for the next one.
func (p *Progress) left(rate float64, now time.Time) time.Duration {
	rest := max(p.total-p.done, 0)
	if p.budget > 0 && p.stalled(now) {
		return time.Minute - now.Sub(p.began)%time.Minute + time.Duration(max(rest-1, 0)/p.budget)*time.Minute
	}
	if pace := float64(p.budget) / time.Minute.Seconds(); pace > 0 {
		rate = min(rate, pace)
	}
	return time.Duration(float64(rest) / rate * float64(time.Second))
}

// stalled tells that nothing has ended for a while.
func (p *Progress) stalled(now time.Time) bool { return now.Sub(p.moved) > 3*time.Second }
