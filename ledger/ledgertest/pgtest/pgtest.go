// Package pgtest gives tests a PostgreSQL server of their own: made from the
// installed programs in a temporary directory, listening on a socket there and
// nowhere else, and gone with the test binary, however that ends.
//
// A test binary that uses it has a TestMain that runs [M].
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A server is a running server.
type server struct {
	dir   string
	stdin io.Closer // which it ends with
	cmd   *exec.Cmd
}

// running is the server, started when it is first asked for.
var (
	running = sync.OnceValues(start)
	asked   atomic.Bool
)

// M runs the tests and stops the server, where one was started.
type M struct{ *testing.M }

// Run is what TestMain calls.
func (m M) Run() int {
	code := m.M.Run()
	if asked.Load() {
		if s, err := running(); err == nil {
			s.stop()
		}
	}
	return code
}

// URL is a place for one ledger: a schema that nobody else uses, not made yet.
func URL(t testing.TB) string {
	t.Helper()
	place, err := Place()
	if err != nil {
		t.Fatalf("start PostgreSQL (make deps installs it): %v", err)
	}
	return place
}

// Place is URL for tests that have no testing.TB.
func Place() (string, error) {
	asked.Store(true)
	s, err := running()
	if err != nil {
		return "", err
	}
	return s.url() + "&schema=t" + strings.ToLower(rand.Text()[:12]), nil
}

func (s *server) url() string {
	return "postgres://rollcall@/postgres?" + url.Values{"host": {s.dir}}.Encode()
}

// start makes a server and waits until it answers.
func start() (_ *server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg") // a socket's path is short
	if err != nil {
		return nil, err
	}
	as, err := unprivileged(dir)
	if err == nil {
		err = run(as, filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "rollcall", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	}
	s := &server{dir: dir}
	if err == nil {
		err = s.launch(as, filepath.Join(bin, "postgres"))
	}
	if err == nil {
		err = s.await()
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// programs is the directory of the newest server that is installed.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	newest, at := 0, ""
	for _, path := range found {
		bin := filepath.Dir(path)
		if n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))); n > newest {
			newest, at = n, bin
		}
	}
	if at != "" {
		return at, nil
	}
	path, err := exec.LookPath("initdb")
	return filepath.Dir(path), err
}

// unprivileged is what commands begin with: the server refuses to be root, so
// that root becomes somebody else, to whom dir is given.
func unprivileged(dir string) ([]string, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return []string{"setpriv", "--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups"}, os.Chown(dir, uid, gid)
}

func run(as []string, command ...string) error {
	line := slices.Concat(as, command)
	out, err := exec.CommandContext(context.Background(), line[0], line[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command[0], err, out)
	}
	return nil
}

// settings trade what nobody needs of a server that lives for a minute.
const settings = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB -c log_min_messages=fatal"

// launch starts the server under a shell that waits for the end of its own
// standard input, which comes with the end of this process.
func (s *server) launch(as []string, postgres string) error {
	script := fmt.Sprintf("'%s' -D '%s/data' -k '%s' %s >'%s/log' 2>&1 & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid; rm -rf '%s'", postgres, s.dir, s.dir, settings, s.dir, s.dir)
	line := slices.Concat(as, []string{"sh", "-c", script})
	s.cmd = exec.CommandContext(context.Background(), line[0], line[1:]...)
	var err error
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	return s.cmd.Start()
}

// await waits until the server answers.
func (s *server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.url())
		if err == nil {
			return c.Close(ctx)
		}
		if ctx.Err() != nil {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("%w: %s", err, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop ends the server, which removes what it leaves.
func (s *server) stop() {
	if s.stdin != nil {
		_ = s.stdin.Close()
		_ = s.cmd.Wait()
	}
	_ = os.RemoveAll(s.dir)
}
