// Package sdktest drives the official JavaScript SDK against the simulator.
package sdktest_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rollcall/target/genesyssim"
)

// TestTheOfficialSDK logs in, lists, creates, patches, replaces, deletes and
// restores users and patches groups with the unmodified official SDK, over real
// sockets. See sdk.mjs.
func TestTheOfficialSDK(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("node_modules/purecloud-platform-client-v2"); errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the SDK is not installed: run make deps")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("Node 18 or later is needed: %v", err)
	}
	config, err := genesyssim.ParseConfig("sim.yaml", []byte("users: 100\ngroups: [Tool Design]\nlisten: 127.0.0.1:0\n"))
	if err != nil {
		t.Fatal(err)
	}
	sim, err := genesyssim.New(config, genesyssim.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	where, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- sim.Run(ctx, func(api, _ string) { where <- api }) }()
	select {
	case url := <-where:
		c := exec.CommandContext(ctx, node, "sdk.mjs", url)
		c.Env = append(os.Environ(), "HOME="+t.TempDir(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "the SDK is content") {
			t.Errorf("node sdk.mjs: %v\n%s", err, out)
		}
	case err := <-done:
		t.Fatalf("Run: %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
