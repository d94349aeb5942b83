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
	pace     float64 // changes a second that the budget bears; 0: not known

	mu     sync.Mutex
	began  time.Time
	shown  time.Time
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
	p.total, p.pace = total, float64(budget)/time.Minute.Seconds()
	p.began = p.now()
	p.shown = p.began
}

// Step says that done of total changes have ended, failed of them badly.
func (p *Progress) Step(done, total, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total, p.failed = done, total, failed
	p.draw(p.now())
}

// Tick draws what has been told so far: a run that waits for its budget shows
// that it lives.
func (p *Progress) Tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.began.IsZero() {
		p.draw(p.now())
	}
}

// draw writes the line where the last one has stood long enough.
func (p *Progress) draw(now time.Time) {
	pause := logLine
	if p.terminal {
		pause = redraw
	}
	if now.Sub(p.shown) < pause {
		return
	}
	p.shown = now
	p.write(now)
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
	line := p.line(now.Sub(p.began))
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
func (p *Progress) line(took time.Duration) string {
	line := fmt.Sprintf("%d of %s", p.done, plural(p.total, "change"))
	if rate := float64(p.done) / took.Seconds(); p.done > 0 && took >= time.Second {
		// A window that was granted whole is used whole: what comes after it comes at the budget's pace.
		steady := rate
		if p.pace > 0 {
			steady = min(rate, p.pace)
		}
		left := time.Duration(float64(p.total-p.done) / steady * float64(time.Second))
		line += fmt.Sprintf(", %.1f a second, %s left", rate, left.Round(time.Second))
	}
	if p.failed > 0 {
		line += fmt.Sprintf(", %d failed", p.failed)
	}
	return line
}
