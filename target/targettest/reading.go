package targettest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target"
)

// orders are the ways in which listings come.
var orders = map[string]Setting{
	"in a stable order":                {People: 777},
	"with its rows shuffled":           {People: 777, Behavior: map[string]string{"list_order": "shuffle"}},
	"while others move its rows":       {People: 777, Faults: []Fault{{Match: "GET /users", Do: "shift-pages", Probability: 0.05}}},
	"in small pages":                   {People: 777, Behavior: map[string]string{"page_max": "10"}},
	"with quoted versions":             {People: 60, Behavior: map[string]string{"version_form": "quoted"}},
	"with heavy pages":                 {People: 777, Behavior: map[string]string{"heavy_page": "1"}},
	"with an answer cut now and then":  {People: 777, Faults: []Fault{{Match: "GET /users", Do: "cut-body", Probability: 0.2}}},
	"with a service in trouble":        {People: 777, Faults: []Fault{{Match: "GET /users", Do: "503", Probability: 0.1}}},
	"with a page of the edge":          {People: 777, Faults: []Fault{{Match: "GET /users", Do: "html", Count: 1}}},
	"with a token that expires":        {People: 777, Faults: []Fault{{Match: "GET /users", Do: "expire-token", Count: 1}}},
	"with another word for expiry":     {People: 777, Faults: []Fault{{Match: "GET /users", Do: "expire-token", Count: 1}}, Behavior: map[string]string{"expired_code": "bad.credentials"}},
	"with JWTs for tokens":             {People: 60, Behavior: map[string]string{"tokens": "jwt"}},
	"asked for groups only by filter":  {People: 60, Behavior: map[string]string{"groups_need_filter": "true"}},
	"with phone numbers as tel URIs":   {People: 60, Behavior: map[string]string{"phone_form": "tel"}},
	"within a budget for all":          {People: 777, Behavior: map[string]string{"rate_by": "client", "page_max": "2"}},
	"within half of a small allowance": {People: 200, Behavior: map[string]string{"rate": "30", "page_max": "5"}, Budget: 0.5},
}

func reading(t *testing.T, make func(*testing.T, Setting) World) {
	for name, s := range orders {
		in(t, "a listing yields every user that is not deleted once, "+name, s, make, wholeListing)
	}
	in(t, "of the shape only what was asked for is known", Setting{People: 30}, make, onlyAsked)
	in(t, "without secondary attributes pages are large", Setting{People: 400}, make, func(t *testing.T, w World) {
		if _, err := ask(t.Context(), w, target.Page, "", profile); err != nil {
			t.Fatal(err)
		}
		if n := len(w.Sent()); n != 2 {
			t.Errorf("%d requests, want one for active and one for inactive users", n)
		}
	})
	in(t, "a listing that misses more than one in a hundred is no listing",
		Setting{People: 500, Behavior: map[string]string{"page_max": "5"}, Faults: []Fault{{Match: "GET /users", Do: "shift-pages"}}}, make, broken)
	in(t, "a listing that ends with an error proves nothing", Setting{People: 200, Faults: []Fault{{Match: "GET /users", Do: "500"}}}, make,
		func(t *testing.T, w World) {
			got, err := ask(t.Context(), w, target.Page, "", profile)
			var shifted *target.Shifted
			if fault.Of(err) != fault.Unavailable || errors.As(err, &shifted) {
				t.Errorf("Read: %d users, %v; want Unavailable", len(got), err)
			}
		})
	in(t, "reading stops when the reader stops", Setting{People: 100}, make, func(t *testing.T, w World) {
		for _, err := range w.Reader.Read(t.Context(), target.Query{Ask: target.Page, Type: scim.User}, profile) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	})
	in(t, "deleted users are listed apart", Setting{Users: []map[string]any{user("a@x.com", "active"), user("b@x.com", "deleted"), user("c@x.com", "deleted")}}, make,
		func(t *testing.T, w World) {
			got, err := ask(t.Context(), w, target.Deleted, "", profile)
			names := names(got)
			if err != nil || !slices.Equal(names, []string{"b@x.com", "c@x.com"}) || got[0].State != target.Erased || got[0].ID == "" {
				t.Errorf("Read(Deleted) = %v, %v; want b and c, erased", names, err)
			}
		})
	in(t, "catalogs have names and ids", Setting{People: 5}, make, func(t *testing.T, w World) {
		for _, c := range []target.Catalog{target.Roles, target.Divisions, target.Skills, target.Languages} {
			got, err := w.Names.Names(t.Context(), c)
			if err != nil || len(got) == 0 || slices.Contains(slices.Collect(maps.Values(got)), "") {
				t.Errorf("Names(%s) = %v, %v", c, got, err)
			}
		}
	})
}

func names(all []target.Observed) []string {
	var out []string
	for _, o := range all {
		out = append(out, text(o, userName))
	}
	slices.Sort(out)
	return out
}

// wholeListing compares a listing with the truth. One that says that it
// shifted may lack one in a hundred, and no more.
func wholeListing(t *testing.T, w World) {
	shape := scim.NewShape(append(profile.Paths(), roles)...)
	got, err := ask(t.Context(), w, target.Page, "", shape)
	var shifted *target.Shifted
	if err != nil && !errors.As(err, &shifted) {
		t.Fatalf("Read(Page): %v", err)
	}
	seen := map[string]target.Observed{}
	for _, o := range got {
		if _, again := seen[o.ID]; again {
			t.Errorf("user %s came twice", o.ID)
		}
		seen[o.ID] = o
	}
	missing, there := 0, 0
	for _, u := range w.Users() {
		o, ok := seen[u["id"].(string)]
		if u["state"] == "deleted" {
			if ok {
				t.Errorf("deleted user %s was listed", o.ID)
			}
			continue
		}
		if there++; !ok {
			missing++
			continue
		}
		same(t, w, o, u)
	}
	if len(seen) != there-missing || missing > 0 && shifted == nil || missing*100 > there {
		t.Errorf("%d of %d users were listed, %d are missing, and the listing said %v", len(seen), there, missing, err)
	}
}

// same compares an observed user with the truth.
func same(t *testing.T, w World, o target.Observed, u map[string]any) {
	t.Helper()
	state := target.Active
	if u["active"] != true {
		state = target.Inactive
	}
	meta, _ := u["meta"].(map[string]any)
	if version := strings.Trim(fmt.Sprint(meta["version"]), `"`); o.State != state || o.Version != version {
		t.Errorf("user %s is %d in version %s, want %d in %s", o.ID, o.State, o.Version, state, version)
	}
	truth := scim.NewResource(scim.User, u)
	for _, p := range o.Row.Shape().Paths() {
		got, known := o.Row.At(p)
		var want []scim.Value
		for _, v := range truth.At(p) {
			if c, err := w.Dialect.Canonical(p, v); err == nil {
				v = c
			}
			want = append(want, v)
		}
		slices.Sort(want)
		if !known || !slices.Equal(got, want) {
			t.Errorf("user %s: %s is %v (known: %v), want %v", o.ID, p, got, known, want)
		}
	}
}

func onlyAsked(t *testing.T, w World) {
	q := target.Query{Ask: target.Page, Type: scim.User, Paths: []scim.Path{title}}
	got, err := all(w.Reader.Read(t.Context(), q, profile))
	if err != nil || len(got) == 0 {
		t.Fatalf("Read(Page): %d users, %v", len(got), err)
	}
	for _, o := range got {
		_, asked := o.Row.At(title)
		_, other := o.Row.At(department)
		if !asked || other || o.Row.Shape() != profile {
			t.Fatalf("title is known: %v, department: %v; want only the title", asked, other)
		}
	}
}

func broken(t *testing.T, w World) {
	got, err := ask(t.Context(), w, target.Page, "", profile)
	missing := 0
	for _, u := range w.Users() {
		if u["state"] != "deleted" && !slices.ContainsFunc(got, func(o target.Observed) bool { return o.ID == u["id"] }) {
			missing++
		}
	}
	if missing*100 > len(w.Users()) && fault.Of(err) != fault.Unavailable {
		t.Errorf("%d users are missing and the listing said %v, want Unavailable", missing, err)
	}
	if missing <= 5 {
		t.Errorf("%d users are missing: the setting does not break listings", missing)
	}
}

func lookingUp(t *testing.T, make func(*testing.T, Setting) World) {
	people := []map[string]any{
		user("active@x.com", "active"), user("idle@x.com", "inactive"), user("gone@x.com", "deleted"), user("other@x.com", "inactive"),
		user("o'neil+\"q\"@x.com", "active"),
	}
	for name, behavior := range map[string]map[string]string{
		"where key filters find inactive users":   nil,
		"where key filters hide inactive users":   {"key_filter_inactive": "false"},
		"where versions are quoted in the bodies": {"version_form": "quoted"},
	} {
		in(t, "a userName finds whoever holds it, "+name, Setting{Users: people, Behavior: behavior}, make, func(t *testing.T, w World) {
			for who, want := range map[string]target.State{
				"active@x.com": target.Active, "ACTIVE@X.com": target.Active, "idle@x.com": target.Inactive, "Idle@x.com": target.Inactive,
				"gone@x.com": target.Erased, "o'neil+\"q\"@x.com": target.Active,
			} {
				if o := one(t, w, target.ByUserName, who, profile); o.State != want || !strings.EqualFold(text(o, userName), who) {
					t.Errorf("Read(ByUserName, %s) is %s, state %d; want state %d", who, text(o, userName), o.State, want)
				}
			}
			if got, err := ask(t.Context(), w, target.ByUserName, "nobody@x.com", profile); err != nil || len(got) > 0 {
				t.Errorf("Read(ByUserName) of nobody: %d answers, %v; want none", len(got), err)
			}
		})
	}
	in(t, "an id finds its user, deleted or not, or says that it is gone", Setting{Users: people}, make, func(t *testing.T, w World) {
		for who, want := range map[string]target.State{"active@x.com": target.Active, "idle@x.com": target.Inactive, "gone@x.com": target.Erased} {
			id := idOf(t, w, who)
			if o := one(t, w, target.ByID, id, profile); o.State != want || o.ID != id || text(o, userName) != who {
				t.Errorf("Read(ByID) of %s is %s, state %d; want state %d", who, text(o, userName), o.State, want)
			}
		}
		const nobody = "3a1b0c9e-0000-4000-8000-000000000000"
		if o := one(t, w, target.ByID, nobody, profile); o.State != target.Gone || o.ID != nobody {
			t.Errorf("Read(ByID) of nobody: %+v, want Gone", o.State)
		}
	})
}
