package genesys_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

// granted is an organization whose client has these permissions.
func granted(permissions ...string) genesyssim.Config {
	c := few
	c.Clients = []genesyssim.Client{{ID: "demo", Secret: "demo-secret", Permissions: permissions}}
	return c
}

func verdicts(c genesys.Checked, of genesys.Verdict) []string {
	var out []string
	for _, p := range c.Proofs {
		if p.Verdict == of {
			out = append(out, p.Permission)
		}
	}
	slices.Sort(out)
	return out
}

func TestCheckReadsItsOwnGrantsWhereItMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, granted("directory:user:add", "directory:user:edit", "directory:group:edit", "authorization:*:*"))
	got, err := w.client.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"directory:user:delete", "directory:user:setPassword", "routing:language:assign", "routing:skill:assign", "routing:skill:view", "telephony:extension:assign"}
	if diff := cmp.Diff(want, verdicts(got, genesys.Lacking)); diff != "" {
		t.Errorf("lacking (-want +got):\n%s", diff)
	}
	if n := len(verdicts(got, genesys.Untold)); n > 0 || got.Organization == "" || got.OrganizationID == "" || got.Granted != 300 || got.ClientID != "demo" {
		t.Errorf("Check() = %+v; want organization, 300 requests a minute, and nothing untold", got)
	}
	for _, p := range got.Proofs {
		if p.Purpose == "" || p.How == "" || (p.Hint == "") != (p.Verdict == genesys.Proven) {
			t.Errorf("proof %+v is incomplete", p)
		}
	}
	for _, r := range w.calls() {
		if r.Method != http.MethodGet {
			t.Errorf("check sent %s %s although it may read its grants", r.Method, r.Path)
		}
	}
}

func TestCheckProbesWithRequestsThatCannotChangeAnything(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		permissions, proven, lacking []string
	}{
		"nothing but users": {
			[]string{"directory:user:add", "directory:user:edit"},
			[]string{"directory:user:add", "directory:user:edit"},
			[]string{"authorization:grant:view", "authorization:role:view", "directory:group:edit", "directory:user:delete", "routing:skill:view"},
		},
		"nothing at all": {
			[]string{"none:none:none"},
			nil,
			[]string{"authorization:grant:view", "authorization:role:view", "directory:group:edit", "directory:user:add", "directory:user:delete", "directory:user:edit", "routing:skill:view"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, granted(tt.permissions...))
			before := w.users()
			c := w.connect(func(o *genesys.Options) { o.Transport = withoutOwnGrants(w) })
			w.requests()
			got, err := c.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.proven, verdicts(got, genesys.Proven)); diff != "" {
				t.Errorf("proven (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.lacking, verdicts(got, genesys.Lacking)); diff != "" {
				t.Errorf("lacking (-want +got):\n%s", diff)
			}
			untold := []string{"authorization:grant:add", "authorization:grant:delete", "directory:user:setPassword", "routing:language:assign", "routing:skill:assign", "telephony:extension:assign"}
			if diff := cmp.Diff(untold, verdicts(got, genesys.Untold)); diff != "" {
				t.Errorf("untold (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, w.users()); diff != "" {
				t.Errorf("check changed users:\n%s", diff)
			}
			for _, r := range w.calls() {
				if r.Method == http.MethodPost && r.Body != "{}" || r.Method == http.MethodPatch && !strings.Contains(r.Path, "00000000-0000") {
					t.Errorf("check sent %s %s %s", r.Method, r.Path, r.Body)
				}
			}
		})
	}
}

func TestCheckOfAClientThatCannotLogIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, few)
	c := w.connect(func(o *genesys.Options) { o.ClientSecret = "wrong" })
	if _, err := c.Check(t.Context()); fault.Of(err) != fault.Denied {
		t.Errorf("Check: %v, want Denied", err)
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		region, api, login string
		wantAPI, wantLogin string // "": Invalid
		hint               string
	}{
		"by domain":                        {"mypurecloud.ie", "", "", "https://api.mypurecloud.ie", "https://login.mypurecloud.ie", ""},
		"by AWS name":                      {"eu-west-2", "", "", "https://api.euw2.pure.cloud", "https://login.euw2.pure.cloud", ""},
		"in capitals":                      {" MyPureCloud.DE ", "", "", "https://api.mypurecloud.de", "https://login.mypurecloud.de", ""},
		"by the API's host":                {"https://api.mypurecloud.de/", "", "", "https://api.mypurecloud.de", "https://login.mypurecloud.de", ""},
		"a newer one by its URL":           {"", "https://api.mxc9.pure.cloud", "", "https://api.mxc9.pure.cloud", "https://login.mxc9.pure.cloud", ""},
		"a URL with the path of the API":   {"", "https://api.mypurecloud.de/api/v2", "", "https://api.mypurecloud.de", "https://login.mypurecloud.de", ""},
		"another host serves both":         {"", "http://127.0.0.1:8085", "", "http://127.0.0.1:8085", "http://127.0.0.1:8085", ""},
		"a proxy with a path":              {"", "https://proxy.example.com/genesys/", "", "https://proxy.example.com/genesys", "https://proxy.example.com/genesys", ""},
		"a login of its own":               {"", "http://127.0.0.1:8085", "http://127.0.0.1:8086/", "http://127.0.0.1:8085", "http://127.0.0.1:8086", ""},
		"a login of its own with a region": {"mypurecloud.de", "", "https://sso.example.com", "https://api.mypurecloud.de", "https://sso.example.com", ""},
		"a slip of the finger":             {"mypurecloud.ed", "", "", "", "", "did you mean mypurecloud.de?"},
		"an AWS name that is nearly right": {"eu-central1", "", "", "", "", "did you mean eu-central-1?"},
		"one that is not known":            {"genesys.cloud.example", "", "", "", "", "https://api.DOMAIN"},
		"none":                             {"", "", "", "", "", "such as mypurecloud.com"},
		"a URL that is none":               {"", "api.mypurecloud.de", "", "", "", "scheme and host"},
		"a URL with a password":            {"", "https://a:b@api.mypurecloud.de", "", "", "", "scheme and host"},
		"a login URL that is none":         {"mypurecloud.de", "", "ftp://x", "", "", "scheme and host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, login, err := genesys.Endpoints(tt.region, tt.api, tt.login)
			if tt.wantAPI == "" {
				if fault.Of(err) != fault.Invalid || !strings.Contains(fault.Hint(err), tt.hint) {
					t.Errorf("Endpoints: %v, hint %q; want Invalid with %q", err, fault.Hint(err), tt.hint)
				}
				return
			}
			if err != nil || api != tt.wantAPI || login != tt.wantLogin {
				t.Errorf("Endpoints = %s, %s, %v; want %s, %s", api, login, err, tt.wantAPI, tt.wantLogin)
			}
		})
	}
	names := map[string]bool{}
	for _, r := range genesys.Regions() {
		names[r.AWS], names[r.Domain] = true, true
	}
	if len(names) != 36 {
		t.Errorf("Regions() has %d names, want 18 regions with two each: %v", len(names), slices.Sorted(maps.Keys(names)))
	}
}
