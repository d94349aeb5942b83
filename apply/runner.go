package apply

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/target"
)

// A runner is one Run.
type runner struct {
	Options

	reader  target.Reader
	writer  target.Writer
	journal ledger.Journal

	tally    *Tally
	began    time.Time
	stopping <-chan struct{} // closed: take no more changes, stop waiting
	halt     context.CancelCauseFunc
	known    memory
}

// ended is a change with what became of it.
type ended struct {
	change  plan.Change
	outcome ledger.Outcome
}

// waves takes the plan's waves in order. Nothing of a wave is begun before
// everything of the one before has ended and is settled.
func (x *runner) waves(ctx context.Context, p *plan.Plan) error {
	next, stop := iter.Pull(p.Changes())
	defer stop()
	c, more := next()
	for more && ctx.Err() == nil {
		wave := c.Wave
		take := func() (batch []plan.Change) {
			for ; more && c.Wave == wave && len(batch) < x.Batch; c, more = next() {
				if c.Held != "" {
					x.held(c)
					continue
				}
				batch = append(batch, c)
			}
			return batch
		}
		if err := x.wave(ctx, take); err != nil {
			return err
		}
	}
	return nil
}

// wave carries out the batches that take gives until it gives none. The calling
// goroutine intends and settles; workers send. The next batch is intended while
// the last requests of the one before are under way, so that no worker waits
// for more than a commit.
func (x *runner) wave(ctx context.Context, take func() []plan.Change) error {
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	feed, done := make(chan plan.Change), make(chan ended, x.Batch)
	var workers sync.WaitGroup
	for range x.Workers {
		workers.Go(func() {
			for c := range feed {
				done <- ended{c, x.do(work, c)}
			}
		})
	}
	s := settler{runner: x, kill: kill, done: done, stopping: x.stopping}
	var err error
	for batch := take(); len(batch) > 0 && ctx.Err() == nil; batch = take() {
		x.keep(work, batch)
		if err = x.journal.Intend(context.WithoutCancel(ctx), x.Run, batch); err != nil {
			break
		}
		for _, c := range batch {
			s.give(work, feed, c)
		}
	}
	close(feed)
	for s.open > 0 {
		s.receive(work, nil, plan.Change{})
	}
	workers.Wait()
	s.settle(work)
	return errors.Join(err, s.err)
}

// A settler gives changes to the workers and settles what comes back. It is
// for the goroutine of Run.
type settler struct {
	*runner

	kill     context.CancelFunc
	done     <-chan ended
	stopping <-chan struct{}  // nil once it was seen
	grace    <-chan time.Time // runs once stopping was seen
	open     int              // given and not back
	batch    []ledger.Outcome // back and not settled
	err      error            // the journal's
}

// give hands c to a worker and takes what comes back meanwhile. A change that
// was intended is always given: whoever gets it sees that the run is stopping.
func (s *settler) give(ctx context.Context, feed chan<- plan.Change, c plan.Change) {
	s.open++
	for !s.receive(ctx, feed, c) {
		continue
	}
}

// receive waits for one thing to happen and tells whether it was c being taken.
func (s *settler) receive(ctx context.Context, feed chan<- plan.Change, c plan.Change) (taken bool) {
	select {
	case feed <- c:
		return true
	case e := <-s.done:
		s.open--
		s.batch = append(s.batch, e.outcome)
		s.tally.add(e.outcome)
		s.report(e.change, e.outcome)
		if len(s.batch) >= s.Batch {
			s.settle(ctx)
		}
	case <-s.stopping:
		s.stopping, s.grace = nil, time.After(s.Grace)
	case <-s.grace:
		s.kill()
	}
	return false
}

// settle records what has come back. After an error of the journal nothing
// more is recorded: what is open then is looked up by the next run.
func (s *settler) settle(ctx context.Context) {
	if len(s.batch) == 0 || s.err != nil {
		return
	}
	if s.err = s.journal.Settle(context.WithoutCancel(ctx), s.Run, s.batch); s.err != nil {
		s.halt(s.err)
	}
	s.batch = s.batch[:0:0]
}

func (x *runner) held(c plan.Change) {
	x.tally.Held++
	x.report(c, ledger.Outcome{Result: ledger.LeftOut, At: x.Now(), Error: "waits: " + c.Held})
}

func (x *runner) report(c plan.Change, o ledger.Outcome) {
	t := x.tally
	x.Progress(Event{
		Change: c, Outcome: o, Total: t.Planned, Elapsed: x.Now().Sub(x.began),
		Done: t.Succeeded + t.Failed + t.LeftOut + t.Held,
	})
}
