package genesyssim_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/target/genesyssim"
)

func TestABodyWithBadChunksIsRefusedAloud(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	s, err := genesyssim.New(genesyssim.Config{}, genesyssim.Options{
		Now: func() time.Time { return noon }, Log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	token := (&sim{T: t, server: s, http: http.Client{Transport: s.Transport()}}).demo().token
	web := httptest.NewServer(s.Handler())
	status, body := chunked(t, web.Listener.Addr().String(), token)
	web.Close() // handlers have ended, and said what they had to
	var e struct{ Code, ContextID string }
	if err := json.Unmarshal(body, &e); err != nil || status != http.StatusBadRequest || e.Code != "bad.request" || e.ContextID == "" {
		t.Errorf("answer = %d %s, want 400 bad.request with a correlation id", status, body)
	}
	if !strings.Contains(said.String(), "body not read") {
		t.Errorf("log = %q, want a line about the body", said.String())
	}
}

// chunked posts a body whose chunk has no length.
func chunked(t *testing.T, address, token string) (status int, body []byte) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /api/v2/scim/users HTTP/1.1\r\nHost: sim.example\r\nAuthorization: Bearer "+token+
		"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}
