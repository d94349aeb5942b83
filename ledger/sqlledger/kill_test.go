package sqlledger_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/ledger"
	"rollcall/ledger/ledgertest"
	"rollcall/ledger/sqlledger"
	"rollcall/plan"
	"rollcall/source"
)

const victimEnv = "ROLLCALL_TEST_LEDGER"

// TestVictim is the process that TestKilled kills. It tells what is durable,
// line by line, until it dies.
func TestVictim(t *testing.T) {
	place := os.Getenv(victimEnv)
	if place == "" {
		return // run by itself it has nothing to do
	}
	l := open(t, place, opening(place))
	defer func() { _ = l.Close() }()
	run, err := l.Begin(t.Context(), ledger.Start{Org: "org", Actor: "victim", Host: "here", Process: os.Getpid()})
	if fault.Of(err) == fault.Busy {
		_, _ = fmt.Println("busy")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Println("begun")
	for i := 0; ; i++ {
		var batch []plan.Change
		var outcomes []ledger.Outcome
		for j := range 5 {
			key := source.Key(fmt.Sprintf("%s-%d-%d", run, i, j))
			batch, outcomes = append(batch, ledgertest.Creation(key)), append(outcomes, ledgertest.Created(key, "u-"+string(key)))
		}
		if err := l.Intend(t.Context(), run, batch); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Println("intended", batch[0].Key)
		if err := l.Settle(t.Context(), run, outcomes); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Println("settled", batch[0].Key)
	}
}

// kill lets a victim say n lines and kills it at once, or a little later in
// the midst of something. It answers all that it said.
func kill(t *testing.T, place string, n int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$") // this test's own binary
	cmd.Env = append(os.Environ(), victimEnv+"="+place)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said = append(said, lines.Text()); len(said) == n {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	if len(said) < n {
		t.Fatalf("the victim died by itself: %q", said)
	}
	return said
}

// Whatever instant a process is killed at: what it was told to be durable is
// there, the ledger is sound, the lock is free, and what was open can be settled.
func TestKilled(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killed(t, place)
		})
	}
}

func killed(t *testing.T, place string) {
	t.Helper()
	for round := range 8 {
		said := kill(t, place, 1+round*3%10)
		l := open(t, place, opening(place))
		v, err := l.Verify(t.Context(), "")
		if err != nil || len(v.Faults) > 0 {
			t.Fatalf("round %d: Verify() = %q, %v", round, v.Faults, err)
		}
		links := map[string]plan.Link{}
		for link, err := range l.Links(t.Context(), ledger.LinkQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			links[string(link.Key)] = link
		}
		for _, line := range said {
			what, key, _ := strings.Cut(line, " ")
			link, there := links[key]
			if what == "intended" && !there || what == "settled" && link.Ref.ID != "u-"+key {
				t.Errorf("round %d: %s, and the link is %+v", round, line, link)
			}
		}
		settleOpen(t, l, links)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// settleOpen is what the next run does.
func settleOpen(t *testing.T, l *sqlledger.Ledger, links map[string]plan.Link) {
	t.Helper()
	run, err := l.Begin(t.Context(), ledger.Start{Org: "org"})
	if err != nil {
		t.Fatalf("Begin() = %v, want the dead process's lock", err)
	}
	for key, link := range links {
		if link.Open == "" {
			continue
		}
		c := ledgertest.Creation(source.Key(key))
		if err := l.Intend(t.Context(), run, []plan.Change{c}); err != nil {
			t.Fatal(err)
		}
		if err := l.Settle(t.Context(), run, []ledger.Outcome{ledgertest.Created(source.Key(key), "u-"+key)}); err != nil {
			t.Fatal(err)
		}
	}
	for link, err := range l.Links(t.Context(), ledger.LinkQuery{}) {
		if err != nil || link.Open != "" {
			t.Errorf("link %+v, %v, want nothing open", link, err)
		}
	}
	if err := l.End(t.Context(), run, ledger.Ending{Result: "done"}); err != nil {
		t.Fatal(err)
	}
}

// While a process lives, another is told who has the lock; when it died, the lock is free.
func TestAnotherProcessHasTheLock(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			taken(t, place)
		})
	}
}

func taken(t *testing.T, place string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$") // this test's own binary
	cmd.Env = append(os.Environ(), victimEnv+"="+place)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	l := open(t, place, opening(place))
	defer func() { _ = l.Close() }()
	_, err = l.Begin(t.Context(), ledger.Start{Org: "org"})
	if fault.Of(err) != fault.Busy || !strings.Contains(err.Error(), fmt.Sprintf("process %d, by victim", cmd.Process.Pid)) {
		t.Errorf("Begin() = %v, want Busy that names the process", err)
	}
	_ = cmd.Process.Kill()
	for lines.Scan() { // to its end, which is the process's
	}
	_ = cmd.Wait()
	run, err := l.Begin(t.Context(), ledger.Start{Org: "org"})
	if err != nil {
		t.Fatalf("Begin() = %v, want the dead process's lock", err)
	}
	if err := l.End(t.Context(), run, ledger.Ending{}); err != nil {
		t.Fatal(err)
	}
}

// A second attempt within the process that has the lock must not give it back.
func TestARefusedBeginKeepsTheLock(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, place)
		})
	}
}

func refused(t *testing.T, place string) {
	t.Helper()
	l := open(t, place, opening(place))
	defer func() { _ = l.Close() }()
	if _, err := l.Begin(t.Context(), ledger.Start{Org: "org"}); err != nil {
		t.Fatal(err)
	}
	second := open(t, place, opening(place))
	defer func() { _ = second.Close() }()
	for _, one := range []*sqlledger.Ledger{l, second} {
		if _, err := one.Begin(t.Context(), ledger.Start{Org: "org"}); fault.Of(err) != fault.Busy {
			t.Errorf("Begin() = %v, want Busy", err)
		}
	}
	if said := kill(t, place, 1); said[0] != "busy" {
		t.Errorf("another process says %q, want busy", said)
	}
}
