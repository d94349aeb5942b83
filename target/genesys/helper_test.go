package genesys_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func text(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// reply is the answer to a login with another body, which may use its token.
func reply(resp *http.Response, body func(token string) string) *http.Response {
	defer resp.Body.Close()
	var had struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&had); err != nil {
		return text(500, err.Error())
	}
	return text(resp.StatusCode, body(had.AccessToken))
}

// formOf reads the form of a request and leaves it to be read again.
func formOf(t *testing.T, r *http.Request) url.Values {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

// withoutOwnGrants is the service as it answers a client that may not read grants.
func withoutOwnGrants(w *world) http.RoundTripper {
	return tripFunc(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/authorization/subjects/me") || strings.HasSuffix(r.URL.Path, "/authorization/subjects/demo") {
			return text(http.StatusForbidden, `{"code":"missing.permissions","status":403,"message":"x"}`), nil
		}
		return w.sim.Transport().RoundTrip(r)
	})
}
