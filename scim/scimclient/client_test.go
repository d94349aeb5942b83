package scimclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/scim/scimclient"
	"rollcall/target"
)

var (
	get   = scimclient.Call{Method: http.MethodGet, Path: "/users/1"}
	post  = scimclient.Call{Method: http.MethodPost, Path: "/users", Body: []byte(`{}`)}
	patch = scimclient.Call{Method: http.MethodPatch, Path: "/users/1", Version: "42", Body: []byte(`{}`)}
	wipe  = scimclient.Call{Method: http.MethodDelete, Path: "/users/1", Version: "42"}
)

func TestRefusalsAreToldApartByContent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		call   scimclient.Call
		status int
		body   string
		want   fault.Kind
		code   string
	}{
		"a stale version as 400 invalidVers":             {patch, 400, `{"status":"400","scimType":"invalidVers","detail":"x"}`, fault.Stale, "invalidVers"},
		"a stale version as 400 with a sentence":         {patch, 400, `{"status":400,"code":"bad.request","message":"Version 3 does not match the current version 4."}`, fault.Stale, "bad.request"},
		"a stale version as 409":                         {patch, 409, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","detail":"Version does not match current version."}`, fault.Stale, ""},
		"a stale version as 409 of the platform":         {wipe, 409, `{"status":409,"code":"general.conflict","message":"conflict"}`, fault.Stale, "general.conflict"},
		"a stale version as 412":                         {patch, 412, ``, fault.Stale, ""},
		"a name in use when creating":                    {post, 409, `{"status":"409","detail":"User name already in use by non-deleted user."}`, fault.Taken, ""},
		"a name in use when changing":                    {patch, 409, `{"status":"409","scimType":"uniqueness"}`, fault.Taken, "uniqueness"},
		"a name in use when changing, in words":          {patch, 409, `{"status":"409","detail":"User name already in use."}`, fault.Taken, ""},
		"a conflict without words when creating":         {post, 409, ``, fault.Taken, ""},
		"a wrong value":                                  {post, 400, `{"status":"400","scimType":"invalidValue","detail":"x"}`, fault.Invalid, "invalidValue"},
		"a body too long":                                {post, 413, `{"status":413,"code":"request.entity.too.large","message":"x"}`, fault.Invalid, "request.entity.too.large"},
		"a foreign media type":                           {post, 415, `{}`, fault.Invalid, ""},
		"nothing there":                                  {wipe, 404, `{"status":404,"code":"not.found","message":"x"}`, fault.Missing, "not.found"},
		"a missing permission":                           {post, 403, `{"status":403,"code":"missing.permissions","message":"x"}`, fault.Denied, "missing.permissions"},
		"a method that is not served":                    {post, 405, `{}`, fault.Unsupported, ""},
		"a write that ran out of time":                   {patch, 408, `{"code":"client.timeout"}`, fault.Unavailable, "client.timeout"},
		"an error of the service":                        {patch, 503, `{"status":503,"code":"service.unavailable","message":"x"}`, fault.Unavailable, "service.unavailable"},
		"a page of the edge":                             {patch, 502, `<html><body>Bad gateway</body></html>`, fault.Unavailable, ""},
		"a page of a proxy that says yes":                {patch, 200, `<html><body>Please log in</body></html>`, fault.Unavailable, ""},
		"a redirection, which leads away from the API":   {patch, 302, ``, fault.Unavailable, ""},
		"an answer that is half of one":                  {patch, 200, `{"id":"1","userN`, fault.Unavailable, ""},
		"a scimType wins over the status it came with":   {patch, 400, `{"status":"400","scimType":"uniqueness"}`, fault.Taken, "uniqueness"},
		"a status that is text in the platform's own":    {patch, 404, `{"status":"404","code":"not.found"}`, fault.Missing, "not.found"},
		"an array where an object was to be":             {patch, 404, `["x"]`, fault.Missing, ""},
		"messageParams that are no object at all":        {patch, 403, `{"message":"x","messageParams":[1],"code":"missing.permissions"}`, fault.Denied, "missing.permissions"},
		"a mention of version in another sentence":       {patch, 400, `{"scimType":"invalidValue","detail":"version is read-only"}`, fault.Invalid, "invalidValue"},
		"gone for good":                                  {wipe, 410, ``, fault.Missing, ""},
		"a mutability fault of a unique attribute is no": {patch, 400, `{"scimType":"mutability","detail":"already in use"}`, fault.Invalid, "mutability"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(always(tt.status, tt.body, "X-Correlation", "c-1"))
			r, err := c.Do(t.Context(), tt.call)
			var f *target.Failure
			if !errors.As(err, &f) || fault.Of(err) != tt.want {
				t.Fatalf("Do: %v (kind %v), want kind %v", err, fault.Of(err), tt.want)
			}
			if f.Code != tt.code || f.Status != tt.status || f.Correlation != "c-1" || f.Attempts != 1 || r.Attempts != 1 {
				t.Errorf("Do: %+v, attempts %d; want code %q, status %d, correlation c-1, one attempt", f, r.Attempts, tt.code, tt.status)
			}
		})
	}
}

func TestAVersionInAnyFormGoesOutStrongAndQuoted(t *testing.T) {
	t.Parallel()
	for _, version := range []string{`42`, `"42"`, `W/"42"`} {
		var got string
		c := newClient(serviceFunc(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("If-Match")
			return answer(http.StatusOK, `{}`)
		}))
		call := patch
		call.Version = version
		if _, err := c.Do(t.Context(), call); err != nil || got != `"42"` {
			t.Errorf("version %s went out as %s, %v; want \"42\"", version, got, err)
		}
	}
}

var errReset = errors.New("connection reset by peer")

func drop(*http.Request) (*http.Response, error) { return nil, errReset }

func TestWhatIsRepeatedAndWhatIsNot(t *testing.T) {
	t.Parallel()
	limited := always(429, `{"code":"too.many.requests.retry.after","limit":{"key":"k"}}`, "Retry-After", "7")
	for name, tt := range map[string]struct {
		call  scimclient.Call
		first serviceFunc
		sent  int
		waits time.Duration
		want  fault.Kind
	}{
		"a GET that broke":                         {get, drop, 2, time.Second, 0},
		"a GET with 503":                           {get, always(503, ``), 2, time.Second, 0},
		"a GET with 503 that names a wait":         {get, always(503, ``, "Retry-After", "5"), 2, 5 * time.Second, 0},
		"a GET with 408":                           {get, always(408, ``), 2, time.Second, 0},
		"a GET whose answer is cut":                {get, always(200, `{"id":`), 2, time.Second, 0},
		"a POST that broke is not":                 {post, drop, 1, 0, fault.Unavailable},
		"a POST with 503 is not":                   {post, always(503, ``), 1, 0, fault.Unavailable},
		"a PATCH with 504 is not":                  {patch, always(504, ``), 1, 0, fault.Unavailable},
		"a DELETE that broke is not":               {wipe, drop, 1, 0, fault.Unavailable},
		"a POST whose answer is cut is not":        {post, always(201, `{"id":`), 1, 0, fault.Unavailable},
		"a POST with 429, which was not processed": {post, limited, 2, 8 * time.Second, 0},
		"a PATCH with 429 after Retry-After + 1 s": {patch, limited, 2, 8 * time.Second, 0},
		"a PATCH with 429 without Retry-After":     {patch, always(429, ``), 2, time.Second, 0},
		"a 429 with a wait that is too long":       {patch, always(429, ``, "Retry-After", "181"), 1, 0, fault.Throttled},
		"a wrong request is not":                   {get, always(400, `{}`), 1, 0, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, sent := script(tt.first, always(200, `{}`))
				began := time.Now()
				r, err := newClient(service).Do(t.Context(), tt.call)
				if fault.Of(err) != tt.want || *sent != tt.sent || r.Attempts != tt.sent {
					t.Errorf("Do: %v after %d requests (%d attempts), want kind %q after %d", err, *sent, r.Attempts, tt.want, tt.sent)
				}
				if took := time.Since(began); took != tt.waits {
					t.Errorf("Do waited %v, want %v", took, tt.waits)
				}
			})
		})
	}
}

func TestBackoffGrowsByItsFactorWithJitterOnTopUpToItsAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, sent := script(always(500, ``))
		c := newClient(service, func(o *scimclient.Options) {
			o.Backoff = scimclient.Backoff{First: 2 * time.Second, Factor: 3, Attempts: 4}
			o.Rand = func() float64 { return 0.5 }
		})
		began := time.Now()
		_, err := c.Do(t.Context(), get)
		if want := (2 + 6 + 18) * time.Second * 3 / 2; time.Since(began) != want || *sent != 4 || fault.Of(err) != fault.Unavailable {
			t.Errorf("Do: %v after %d requests and %v; want Unavailable after 4 and %v", err, *sent, time.Since(began), want)
		}
	})
}

func TestA429WaitsRetryAfterAndASecondWithJitterOnTop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, _ := script(always(429, ``, "Retry-After", "10"), always(429, ``, "Retry-After", "10"), always(200, `{}`))
		c := newClient(service, func(o *scimclient.Options) { o.Rand = func() float64 { return 0.5 } })
		began := time.Now()
		_, err := c.Do(t.Context(), post)
		if want := 2*11*time.Second + (500+1000)*time.Millisecond; err != nil || time.Since(began) != want {
			t.Errorf("Do: %v after %v, want success after %v", err, time.Since(began), want)
		}
		if s := c.Stats(); s.Throttled != 2 || s.Retries != 2 || s.Requests != 3 {
			t.Errorf("Stats() = %+v, want 3 requests, 2 throttled, 2 retries", s)
		}
	})
}

func TestA429HoldsAllWorkersBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, early := time.Now(), 0
		service, _ := script(always(429, `{"limit":{"key":"k"}}`, "Retry-After", "10"), func(*http.Request) (*http.Response, error) {
			if time.Since(began) < 11*time.Second {
				early++
			}
			return answer(200, `{}`)
		})
		c := newClient(service, func(o *scimclient.Options) {
			o.Limiter = scimclient.NewLimiter(scimclient.LimiterOptions{Now: time.Now})
		})
		send(t, c, 5, 20)
		if early > 0 {
			t.Errorf("%d requests went before Retry-After + 1 s was over", early)
		}
	})
}

func TestRefusedTokensAreReplacedOnce(t *testing.T) {
	t.Parallel()
	expired := always(401, `{"code":"credentials.expired","message":"x"}`)
	for name, tt := range map[string]struct {
		steps []serviceFunc
		sent  int
		want  fault.Kind
	}{
		"an expired token":              {[]serviceFunc{expired, always(200, `{}`)}, 2, 0},
		"a token that stays refused":    {[]serviceFunc{expired}, 2, fault.Denied},
		"an address that is not let in": {[]serviceFunc{always(401, `{"code":"ip.not.authorized"}`)}, 1, fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, sent := script(tt.steps...)
			var asked []string
			c := newClient(service, func(o *scimclient.Options) {
				o.Final = func(code string) bool { return code == "ip.not.authorized" }
				o.Token = func(_ context.Context, refused string) (string, error) {
					asked = append(asked, refused)
					return fmt.Sprint("t", len(asked)), nil
				}
			})
			_, err := c.Do(t.Context(), post)
			if fault.Of(err) != tt.want || *sent != tt.sent {
				t.Errorf("Do: %v after %d requests, want kind %q after %d", err, *sent, tt.want, tt.sent)
			}
			if want := []string{"", "t1"}[:tt.sent]; !cmp.Equal(asked, want) {
				t.Errorf("refused tokens told: %q, want %q", asked, want)
			}
		})
	}
}

func TestARefusedLoginIsNotRepeated(t *testing.T) {
	t.Parallel()
	service, sent := script(always(401, `{"code":"credentials.expired"}`))
	logins := 0
	c := newClient(service, func(o *scimclient.Options) {
		o.Token = func(_ context.Context, refused string) (string, error) {
			if logins++; refused != "" {
				return "", &target.Failure{Kind: fault.Denied, Status: 401}
			}
			return "t", nil
		}
	})
	if _, err := c.Do(t.Context(), get); fault.Of(err) != fault.Denied || *sent != 1 || logins != 2 {
		t.Errorf("Do: %v after %d requests and %d logins, want Denied after 1 and 2", err, *sent, logins)
	}
}

func TestHintsSayWhatItMeansAndCarryTheCorrelationID(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"401":             {401, `{"code":"bad.credentials"}`, "disabled"},
		"403":             {403, `{"code":"missing.permissions"}`, "permission"},
		"409 version":     {409, `{"detail":"Version does not match current version."}`, "somebody else changed"},
		"412":             {412, ``, "somebody else changed"},
		"429":             {429, ``, "same OAuth client"},
		"503":             {503, ``, "run again"},
		"400 invalidVers": {400, `{"scimType":"invalidVers"}`, "somebody else changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, err := newClient(always(tt.status, tt.body, "X-Correlation", "c-77")).Do(t.Context(), patch)
				if hint := fault.Hint(err); !strings.Contains(hint, tt.want) || !strings.Contains(hint, "c-77") {
					t.Errorf("hint %q, want one with %q and the correlation id", hint, tt.want)
				}
				if !strings.Contains(err.Error(), "c-77") {
					t.Errorf("error %q lacks the correlation id", err)
				}
			})
		})
	}
}

func TestMissingPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	body := `{"message":"You are missing the following permission(s): [routing:skill:assign]","code":"missing.permissions","status":403,"messageParams":{"permissions":"[routing:skill:assign, authorization:grant:add]"}}`
	_, err := newClient(always(403, body)).Do(t.Context(), patch)
	var f *target.Failure
	if !errors.As(err, &f) || !cmp.Equal(f.Permissions, []string{"routing:skill:assign", "authorization:grant:add"}) {
		t.Errorf("Do: %v, want both permissions named", err)
	}
}

func TestErrorsAndLogsHoldNoValues(t *testing.T) {
	t.Parallel()
	const canary = "Canary Ångström" // its parts are values too, and one is short
	said := fmt.Sprintf(`{"status":"400","scimType":"invalidValue","detail":"Value %s of kim.canary@example.com is not valid: '%s', \"%s\", +1 317 555 0100, ZQ, 7.25"}`, canary, canary, canary)
	call := scimclient.Call{
		Method: http.MethodPost, Path: "/users", Body: []byte(`{"displayName":"` + canary + `","title":"Canary","department":"ZQ","emails":[{"value":7.25}]}`),
		Query: url.Values{"filter": {`userName eq "kim.canary@example.com"`}},
	}
	var log bytes.Buffer
	for name, service := range map[string]serviceFunc{
		"refused": always(400, said),
		"broken": func(*http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: "https://x/?filter=kim.canary@example.com", Err: errReset}
		},
	} {
		c := newClient(service, func(o *scimclient.Options) {
			o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			o.Token = func(context.Context, string) (string, error) { return "canary-secret", nil }
		})
		_, err := c.Do(t.Context(), call)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for _, text := range []string{err.Error(), fault.Hint(err), log.String()} {
			for _, v := range []string{"anary", "ngström", "555", "secret", "ZQ", "7.25"} {
				if strings.Contains(text, v) {
					t.Errorf("%s: %q shows %q", name, text, v)
				}
			}
		}
	}
	for _, want := range []string{"method=POST", "path=/users", "status=400", "userName eq"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log %q lacks %s", log.String(), want)
		}
	}
}

func TestCancelingBeforeAndWhileAWriteIsSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := newClient(serviceFunc(func(r *http.Request) (*http.Response, error) {
			cancel()
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		r, err := c.Do(ctx, post)
		if fault.Of(err) != fault.Unavailable || r.Attempts != 1 {
			t.Errorf("a write that was sent: %v after %d attempts, want Unavailable: its fate is unknown", err, r.Attempts)
		}
		c = newClient(always(429, ``, "Retry-After", "60"))
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		r, err = c.Do(ctx, post)
		if fault.Of(err) != fault.Interrupted || r.Attempts != 1 {
			t.Errorf("a write that was refused and waits: %v after %d attempts, want Interrupted", err, r.Attempts)
		}
	})
}

func TestARequestThatTakesTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(serviceFunc(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}), func(o *scimclient.Options) { o.Timeout = 20 * time.Second })
		began := time.Now()
		if _, err := c.Do(t.Context(), post); fault.Of(err) != fault.Unavailable || time.Since(began) != 20*time.Second {
			t.Errorf("Do: %v after %v, want Unavailable after 20s", err, time.Since(began))
		}
	})
}

func TestTookLeavesWaitingOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, _ := script(always(429, ``, "Retry-After", "30"), func(*http.Request) (*http.Response, error) {
			time.Sleep(300 * time.Millisecond)
			return answer(200, `{}`)
		})
		r, err := newClient(service).Do(t.Context(), patch)
		if err != nil || r.Took != 300*time.Millisecond || r.Attempts != 2 {
			t.Errorf("Do: %v, took %v in %d attempts; want 300ms in 2", err, r.Took, r.Attempts)
		}
	})
}

func TestABodyThatEndsEarlyIsNoAnswer(t *testing.T) {
	t.Parallel()
	c := newClient(serviceFunc(func(r *http.Request) (*http.Response, error) {
		resp, err := answer(200, `{"id":"1"}`)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id"`), iotestErr{}))
		return resp, err
	}))
	if _, err := c.Do(t.Context(), patch); fault.Of(err) != fault.Unavailable {
		t.Errorf("Do: %v, want Unavailable", err)
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
