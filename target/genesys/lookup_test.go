package genesys_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

var nameShape = scim.NewShape("userName")

func holder(t *testing.T, c *genesys.Client, name string) []target.State {
	t.Helper()
	var out []target.State
	for o, err := range c.Read(t.Context(), target.Query{Ask: target.ByUserName, Who: name}, nameShape) {
		if err != nil {
			t.Fatalf("Read(ByUserName, %s): %v", name, err)
		}
		out = append(out, o.State)
	}
	return out
}

func people(users ...string) genesyssim.Config {
	c := genesyssim.Config{Seed: 7, Groups: []genesyssim.Group{}}
	for _, u := range users {
		name, state, _ := strings.Cut(u, " ")
		c.Users.List = append(c.Users.List, map[string]any{"userName": name, "displayName": name, "state": state})
	}
	return c
}

func TestLookupsRememberWhatTheyListedAndVerifyIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, with(people("a@x.com active", "idle@x.com inactive", "gone@x.com deleted"), "key_filter_inactive", "false"))
		if got := holder(t, w.client, "gone@x.com"); len(got) != 1 || got[0] != target.Erased {
			t.Fatalf("holder of gone@x.com: %v, want one erased", got)
		}
		if got := holder(t, w.client, "idle@x.com"); len(got) != 1 || got[0] != target.Inactive {
			t.Fatalf("holder of idle@x.com: %v, want one inactive", got)
		}
		w.calls()
		if got := holder(t, w.client, "nobody@x.com"); len(got) != 0 {
			t.Errorf("holder of nobody@x.com: %v", got)
		}
		if calls := w.calls(); len(calls) != 1 {
			t.Errorf("another lookup within a minute took %d requests, want 1: %v", len(calls), calls)
		}
		w.edit("idle@x.com", scim.Op{Verb: scim.Replace, Path: "userName", Value: `"renamed@x.com"`})
		if got := holder(t, w.client, "idle@x.com"); len(got) != 0 {
			t.Errorf("holder of a name that was given up since: %v, want nobody", got)
		}
		time.Sleep(2 * time.Minute)
		if got := holder(t, w.client, "renamed@x.com"); len(got) != 1 {
			t.Errorf("holder of the new name after a while: %v, want one", got)
		}
	})
}

func TestALookupSeesWhatThisClientDidJustNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, with(people("a@x.com active", "b@x.com active", "idle@x.com inactive"), "key_filter_inactive", "false"))
	if got := holder(t, w.client, "nobody@x.com"); len(got) != 0 {
		t.Fatalf("holder of nobody: %v", got)
	}
	for _, u := range w.users() {
		r := target.Request{Act: target.Delete, To: scim.Ref{Type: scim.User, ID: u["id"].(string)}}
		switch u["userName"] {
		case "idle@x.com":
			continue
		case "b@x.com":
			r.Act, r.Ops = target.Patch, []scim.Op{{Verb: scim.Replace, Path: "active", Value: "false"}}
		}
		if _, err := w.client.Send(t.Context(), r, nameShape); err != nil {
			t.Fatal(err)
		}
	}
	if got := holder(t, w.client, "a@x.com"); len(got) != 1 || got[0] != target.Erased {
		t.Errorf("holder of a name whose user was just deleted: %v, want it erased", got)
	}
	if got := holder(t, w.client, "b@x.com"); len(got) != 1 || got[0] != target.Inactive {
		t.Errorf("holder of a name whose user was just deactivated: %v, want it inactive", got)
	}
}

func TestTheMarkOfAnotherSCIMClientIsFound(t *testing.T) {
	t.Parallel()
	c := genesyssim.Config{Seed: 7, Groups: []genesyssim.Group{}, Clients: []genesyssim.Client{
		{ID: "ours", Secret: "s", Permissions: []string{"*"}}, {ID: "theirs", Secret: "s", Permissions: []string{"*"}},
	}}
	w := newWorld(t, c)
	theirs := w.connect(func(o *genesys.Options) { o.ClientID = "theirs" })
	join := func(c *genesys.Client, name, key string) {
		ops := []scim.Op{}
		for p, v := range map[scim.Path]string{"userName": name, "displayName": name, "externalId": key} {
			ops = append(ops, scim.Op{Verb: scim.Add, Path: p, Value: scim.ValueOf(v)})
		}
		if _, err := c.Send(t.Context(), target.Request{Act: target.Create, Ops: ops}, nameShape); err != nil {
			t.Fatal(err)
		}
	}
	join(w.client, "a@x.com", "k1")
	join(w.client, "b@x.com", "k2")
	if n, of, err := w.client.Foreign(t.Context(), 100); err != nil || n != 0 || of != 2 {
		t.Errorf("Foreign() = %d of %d, %v; want 0 of 2", n, of, err)
	}
	join(theirs, "c@x.com", "k3")
	if n, of, err := w.client.Foreign(t.Context(), 100); err != nil || n != 1 || of != 3 {
		t.Errorf("Foreign() = %d of %d, %v; want 1 of 3", n, of, err)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	ok := genesys.Options{Region: "mypurecloud.de", ClientID: "a", ClientSecret: "b", Now: time.Now}
	for name, change := range map[string]func(*genesys.Options){
		"no region":    func(o *genesys.Options) { o.Region = "" },
		"no client id": func(o *genesys.Options) { o.ClientID = " " },
		"no secret":    func(o *genesys.Options) { o.ClientSecret = "" },
	} {
		o := ok
		change(&o)
		if _, err := genesys.New(o); fault.Of(err) != fault.Invalid || fault.Hint(err) == "" {
			t.Errorf("%s: New: %v, hint %q; want Invalid with a hint", name, err, fault.Hint(err))
		}
	}
	c, err := genesys.New(ok)
	if err != nil || c.Name() != "api.mypurecloud.de a" || c.Close() != nil {
		t.Errorf("New: %v", err)
	}
}
