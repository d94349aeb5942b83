package targettest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target"
)

func add(p scim.Path, v any) scim.Op {
	return scim.Op{Verb: scim.Add, Path: p, Value: scim.ValueOf(v)}
}

func replace(p scim.Path, v any) scim.Op {
	return scim.Op{Verb: scim.Replace, Path: p, Value: scim.ValueOf(v)}
}

func joiner(name string) target.Request {
	return target.Request{Act: target.Create, To: scim.Ref{Type: scim.User}, Ops: []scim.Op{
		add(userName, name), add(displayName, "Ken Sánchez"), add(active, true), add(department, "Sales"),
		add(workPhone, "+13175550100;ext=12"), add(roles, map[string]any{"value": "Agent"}),
	}}
}

func ref(id, version string) scim.Ref { return scim.Ref{Type: scim.User, ID: id, Version: version} }

func writing(t *testing.T, make func(*testing.T, Setting) World) {
	people := []map[string]any{user("a@x.com", "active", "title", "Agent"), user("b@x.com", "inactive"), user("c@x.com", "deleted")}
	in(t, "a created user is there as it was meant", Setting{}, make, func(t *testing.T, w World) {
		a, err := w.Writer.Send(t.Context(), joiner("New@x.com"), profile)
		if err != nil {
			t.Fatalf("Send(Create): %v", err)
		}
		if a.Status != 201 || a.Attempts != 1 || a.Correlation == "" || a.ID == "" || a.Version == "" || a.State != target.Active {
			t.Errorf("Send(Create) = %+v; want 201 with id, version and correlation id", a)
		}
		same(t, w, a.Observed, truth(t, w, "New@x.com"))
		if text(a.Observed, workPhone) != "+13175550100;ext=12" || text(a.Observed, displayName) != "Ken Sánchez" {
			t.Errorf("the answer shows %s, %s", text(a.Observed, workPhone), text(a.Observed, displayName))
		}
		if sent := w.Sent(); len(sent) != 1 {
			t.Errorf("%d requests for a joiner, want 1: %v", len(sent), sent)
		}
	})
	for name, form := range map[string]string{"e164": "e164", "tel": "tel"} {
		in(t, "what was sent and what comes back are one value, phones as "+name,
			Setting{Behavior: map[string]string{"phone_form": form}}, make, func(t *testing.T, w World) {
				a, err := w.Writer.Send(t.Context(), joiner("n@x.com"), profile)
				if err != nil || text(a.Observed, workPhone) != "+13175550100;ext=12" {
					t.Errorf("Send(Create): phone %q, %v", text(a.Observed, workPhone), err)
				}
			})
	}
	for name, who := range map[string]string{"an active": "a@x.com", "an inactive": "B@x.com"} {
		in(t, "a name in use by "+name+" user is Taken", Setting{Users: people}, make, func(t *testing.T, w World) {
			a, err := w.Writer.Send(t.Context(), joiner(who), profile)
			if fault.Of(err) != fault.Taken || a.Status != 409 || a.Attempts != 1 {
				t.Errorf("Send(Create) = %+v, %v; want Taken", a, err)
			}
			r := target.Request{Act: target.Patch, To: ref(idOf(t, w, "a@x.com"), ""), Ops: []scim.Op{replace(userName, "b@x.com")}}
			if _, err := w.Writer.Send(t.Context(), r, profile); fault.Of(err) != fault.Taken {
				t.Errorf("Send(Patch) to a name in use: %v, want Taken", err)
			}
		})
	}
	for behavior, check := range map[string]func(*testing.T, target.Answer, error, string){
		"restore": func(t *testing.T, a target.Answer, err error, old string) {
			if err != nil || a.ID != old {
				t.Errorf("Send(Create) = %s, %v; want the id of before, %s", a.ID, err, old)
			}
		},
		"new": func(t *testing.T, a target.Answer, err error, old string) {
			if err != nil || a.ID == old {
				t.Errorf("Send(Create) = %s, %v; want another id than %s", a.ID, err, old)
			}
		},
		"conflict": func(t *testing.T, _ target.Answer, err error, _ string) {
			if fault.Of(err) != fault.Taken {
				t.Errorf("Send(Create): %v, want Taken", err)
			}
		},
	} {
		in(t, "a deleted user's name when creating: "+behavior, Setting{Users: people, Behavior: map[string]string{"deleted_username": behavior}}, make,
			func(t *testing.T, w World) {
				old := idOf(t, w, "c@x.com")
				a, err := w.Writer.Send(t.Context(), joiner("c@x.com"), profile)
				check(t, a, err, old)
			})
	}
	in(t, "a patch goes out under its version and answers with the next", Setting{Users: people}, make, patching)
	in(t, "a deleted user is erased, and a second time missing", Setting{Users: people}, make, deleting)
	in(t, "an invalid operation never leaves the machine", Setting{Users: people}, make, refusing)
	in(t, "an erased user can be brought back", Setting{Users: people}, make, func(t *testing.T, w World) {
		id := idOf(t, w, "c@x.com")
		a, err := w.Writer.Send(t.Context(), target.Request{Act: target.Restore, To: ref(id, "")}, profile)
		if err != nil || a.State != target.Active || a.ID != id || a.Version == "" {
			t.Errorf("Send(Restore) = %+v, %v; want the user, active", a, err)
		}
	})
	in(t, "a name that is in no catalog is Invalid", Setting{Users: people}, make, func(t *testing.T, w World) {
		r := target.Request{Act: target.Patch, To: ref(idOf(t, w, "a@x.com"), ""), Ops: []scim.Op{add(roles, map[string]any{"value": "Canary"})}}
		a, err := w.Writer.Send(t.Context(), r, profile)
		if fault.Of(err) != fault.Invalid || a.Status != 400 || strings.Contains(fmt.Sprint(err), "Canary") {
			t.Errorf("Send(Patch): %v; want Invalid, without the value", err)
		}
	})
}

func patching(t *testing.T, w World) {
	o := one(t, w, target.ByUserName, "a@x.com", profile)
	w.Sent()
	r := target.Request{Act: target.Patch, To: o.Ref, Ops: []scim.Op{replace(title, "Lead"), add(roles, map[string]any{"value": "Agent"}), add(roles, map[string]any{"value": "Supervisor"})}}
	a, err := w.Writer.Send(t.Context(), r, profile)
	if err != nil || a.Version == o.Version || a.Version == "" || text(a.Observed, title) != "Lead" {
		t.Fatalf("Send(Patch) = %+v, %v; want the next version and title", a, err)
	}
	sent := w.Sent()
	if len(sent) != 1 || sent[0].IfMatch != `"`+o.Version+`"` {
		t.Fatalf("sent %v; want one PATCH under %q", sent, o.Version)
	}
	var body struct {
		Schemas    []string
		Operations []struct{ Op, Path string }
	}
	if err := json.Unmarshal([]byte(sent[0].Body), &body); err != nil || !slices.Equal(body.Schemas, []string{scim.PatchOp}) || len(body.Operations) != 2 {
		t.Errorf("the body is %s; want PatchOp with two operations", sent[0].Body)
	}
	same(t, w, a.Observed, truth(t, w, "a@x.com"))
	again := target.Request{Act: target.Patch, To: a.Ref, Ops: []scim.Op{{Verb: scim.Remove, Path: roles, Value: scim.ValueOf(map[string]any{"value": "Agent"})}, {Verb: scim.Remove, Path: title}}}
	if a, err = w.Writer.Send(t.Context(), again, scim.NewShape(roles, title)); err != nil {
		t.Fatalf("Send(Patch): %v", err)
	}
	have, _ := a.Row.At(roles)
	if slices.Contains(have, scim.ValueOf(map[string]any{"value": "Agent"})) || !slices.Contains(have, scim.ValueOf(map[string]any{"value": "Supervisor"})) || text(a.Observed, title) != "" {
		t.Errorf("after removing Agent and the title there are %v and %q", have, text(a.Observed, title))
	}
}

func deleting(t *testing.T, w World) {
	o := one(t, w, target.ByUserName, "a@x.com", profile)
	r := target.Request{Act: target.Delete, To: o.Ref}
	if a, err := w.Writer.Send(t.Context(), r, profile); err != nil || a.State != target.Erased || a.Status != 204 {
		t.Errorf("Send(Delete) = %+v, %v; want it erased", a, err)
	}
	r.To.Version = ""
	if _, err := w.Writer.Send(t.Context(), r, profile); fault.Of(err) != fault.Missing {
		t.Errorf("Send(Delete) again: %v, want Missing", err)
	}
	if _, err := w.Writer.Send(t.Context(), target.Request{Act: target.Patch, To: r.To, Ops: []scim.Op{replace(title, "x")}}, profile); fault.Of(err) != fault.Missing {
		t.Errorf("Send(Patch) of an erased user: %v, want Missing", err)
	}
}

// refusing sends what breaks each rule that is checked before anything is sent.
func refusing(t *testing.T, w World) {
	id := idOf(t, w, "a@x.com")
	w.Sent()
	for name, op := range map[string]scim.Op{
		"an unknown attribute":     replace("nickName", "x"),
		"a read-only attribute":    replace("groups", []any{}),
		"a value of another type":  replace(active, "perhaps"),
		"a remove without path":    {Verb: scim.Remove},
		"an unknown verb":          {Verb: "move", Path: title, Value: `"x"`},
		"a path that is no path":   replace(`emails[type eq "work"`, "x"),
		"an index in a path":       replace("emails[0].value", "x"),
		"a foreign extension":      replace("urn:ietf:params:scim:schemas:extension:other:2.0:User:title", "x"),
		"an unknown sub-attribute": replace("emails.kind", "x"),
		"a filter of nothing":      replace(`emails[kind eq "work"].value`, "x"),
		"a person who is nobody":   replace(enterprise+"manager.value", map[string]any{"$person": "e1"}),
	} {
		a, err := w.Writer.Send(t.Context(), target.Request{Act: target.Patch, To: ref(id, ""), Ops: []scim.Op{replace(title, "x"), op}}, profile)
		if fault.Of(err) != fault.Invalid || a.Attempts != 0 {
			t.Errorf("%s: %v after %d attempts, want Invalid before any", name, err, a.Attempts)
		}
	}
	if sent := w.Sent(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
}

func staleness(t *testing.T, make func(*testing.T, Setting) World) {
	for _, shape := range []string{"400", "409", "412"} {
		for _, form := range []string{"plain", "quoted"} {
			s := Setting{Users: []map[string]any{user("a@x.com", "active")}, Behavior: map[string]string{"stale": shape, "version_form": form}}
			in(t, "a conflict answered with "+shape+" is Stale, versions "+form, s, make, func(t *testing.T, w World) {
				o := one(t, w, target.ByUserName, "a@x.com", profile)
				w.Edit("a@x.com", replace(department, "Elsewhere"))
				for _, r := range []target.Request{
					{Act: target.Patch, To: o.Ref, Ops: []scim.Op{replace(title, "Lead")}},
					{Act: target.Delete, To: o.Ref},
				} {
					if a, err := w.Writer.Send(t.Context(), r, profile); fault.Of(err) != fault.Stale || a.Attempts != 1 || a.Correlation == "" {
						t.Errorf("Send(%d) = %+v, %v; want Stale", r.Act, a, err)
					}
				}
				now := one(t, w, target.ByID, o.ID, profile)
				if text(now, title) != "" || text(now, department) != "Elsewhere" {
					t.Errorf("something was written over: %s, %s", text(now, title), text(now, department))
				}
				if _, err := w.Writer.Send(t.Context(), target.Request{Act: target.Patch, To: now.Ref, Ops: []scim.Op{replace(title, "Lead")}}, profile); err != nil {
					t.Errorf("Send(Patch) under the version read again: %v", err)
				}
			})
		}
	}
}

func membership(t *testing.T, make func(*testing.T, Setting) World) {
	people := []map[string]any{user("a@x.com", "active"), user("b@x.com", "active"), user("c@x.com", "active")}
	in(t, "members are added and removed by id", Setting{Users: people, Groups: map[string]string{"Night": "a@x.com"}}, make, func(t *testing.T, w World) {
		shape := scim.NewShape(displayName, target.Members)
		groups, err := all(w.Reader.Read(t.Context(), target.Query{Ask: target.Page, Type: scim.Group}, shape))
		if err != nil || len(groups) != 1 || text(groups[0], displayName) != "Night" {
			t.Fatalf("Read(Page) of groups: %d, %v; want Night", len(groups), err)
		}
		member := func(name string) scim.Value { return scim.ValueOf(map[string]any{"value": idOf(t, w, name)}) }
		want := func(o target.Observed, names ...string) {
			t.Helper()
			have, known := o.Row.At(target.Members)
			var all []scim.Value
			for _, n := range names {
				all = append(all, member(n))
			}
			slices.Sort(all)
			if !known || !slices.Equal(have, all) {
				t.Errorf("members are %v, want %v", have, all)
			}
		}
		want(groups[0], "a@x.com")
		to := groups[0].Ref
		to.Version = ""
		send := func(ops ...scim.Op) target.Observed {
			t.Helper()
			a, err := w.Writer.Send(t.Context(), target.Request{Act: target.Patch, To: to, Ops: ops}, shape)
			if err != nil || a.Attempts != 1 {
				t.Fatalf("Send(Patch): %v", err)
			}
			return a.Observed
		}
		addOf := func(n string) scim.Op { return scim.Op{Verb: scim.Add, Path: target.Members, Value: member(n)} }
		removeOf := func(n string) scim.Op { return scim.Op{Verb: scim.Remove, Path: target.Members, Value: member(n)} }
		want(send(addOf("b@x.com"), addOf("c@x.com")), "a@x.com", "b@x.com", "c@x.com")
		want(send(addOf("b@x.com")), "a@x.com", "b@x.com", "c@x.com")
		want(send(removeOf("a@x.com"), removeOf("c@x.com")), "b@x.com")
		want(send(removeOf("a@x.com")), "b@x.com")
		byElement := scim.Op{Verb: scim.Remove, Path: scim.ElementPath(target.Members, "value", member("b@x.com"))}
		want(send(byElement))
		if _, err := w.Writer.Send(t.Context(), target.Request{Act: target.Delete, To: to}, shape); err == nil {
			t.Error("Send(Delete) of a group succeeded")
		}
	})
}

// unknownFate holds that a write is repeated only where it was not processed.
func unknownFate(t *testing.T, make func(*testing.T, Setting) World) {
	writes := map[string]string{"POST /users": "create", "PATCH /users/*": "patch", "DELETE /users/*": "delete"}
	for match, act := range writes {
		send := func(t *testing.T, w World) (target.Answer, error) {
			r := joiner("new@x.com")
			switch act {
			case "patch":
				r = target.Request{Act: target.Patch, To: one(t, w, target.ByUserName, "a@x.com", profile).Ref, Ops: []scim.Op{replace(title, "Lead")}}
			case "delete":
				r = target.Request{Act: target.Delete, To: one(t, w, target.ByUserName, "a@x.com", profile).Ref}
			}
			w.Sent()
			return w.Writer.Send(t.Context(), r, profile)
		}
		for _, do := range []string{"lose-answer", "cut-body", "500", "502", "503", "504", "408", "html"} {
			s := Setting{Users: []map[string]any{user("a@x.com", "active")}, Faults: []Fault{{Match: match, Do: do, Count: 1}}}
			in(t, "a "+act+" with "+do+" is not repeated", s, make, func(t *testing.T, w World) {
				a, err := send(t, w)
				if act == "delete" && do == "cut-body" && err == nil {
					return // half of nothing is nothing
				}
				if sent := w.Sent(); fault.Of(err) != fault.Unavailable || len(sent) != 1 || a.Attempts != 1 {
					t.Errorf("Send = %+v, %v after %d requests; want Unavailable after one", a, err, len(sent))
				}
			})
		}
		for _, do := range []string{"429", "expire-token"} {
			s := Setting{Users: []map[string]any{user("a@x.com", "active")}, Faults: []Fault{{Match: match, Do: do, Count: 1}}}
			in(t, "a "+act+" with "+do+" was not processed and is repeated", s, make, func(t *testing.T, w World) {
				a, err := send(t, w)
				if sent := w.Sent(); err != nil || len(sent) != 2 || a.Attempts != 2 {
					t.Errorf("Send = %+v, %v after %d requests; want success after two", a, err, len(sent))
				}
			})
		}
	}
}

func granting(t *testing.T, make func(*testing.T, Setting) World) {
	shape := scim.NewShape(target.GrantsOf)
	in(t, "grants with divisions are read and added", Setting{Users: []map[string]any{user("a@x.com", "active")}}, make, func(t *testing.T, w World) {
		id := idOf(t, w, "a@x.com")
		want := scim.ValueOf(map[string]any{"role": "Supervisor", "division": "EMEA"})
		r := target.Request{Act: target.Grant, To: ref(id, ""), Ops: []scim.Op{{Verb: scim.Add, Path: target.GrantsOf, Value: want}}}
		if a, err := w.Writer.Send(t.Context(), r, shape); err != nil || a.ID != id {
			t.Fatalf("Send(Grant) = %+v, %v", a, err)
		}
		got, known := one(t, w, target.Grants, id, shape).Row.At(target.GrantsOf)
		if !known || !slices.Contains(got, want) {
			t.Errorf("Read(Grants) = %v, want %s among them", got, want)
		}
		r.Ops[0].Value = scim.ValueOf(map[string]any{"role": "No such role", "division": "EMEA"})
		if _, err := w.Writer.Send(t.Context(), r, shape); fault.Of(err) != fault.Invalid {
			t.Errorf("Send(Grant) of an unknown role: %v, want Invalid", err)
		}
	})
}

// converging holds that what was written compares equal when it is read.
func converging(t *testing.T, make func(*testing.T, Setting) World) {
	values := map[scim.Path]any{
		userName: "Kim.Lee@X.com", displayName: "Kim Le\u0301e", title: "Lead  of D'Hers", department: "R&D", active: true,
		workPhone: "+13175550100;ext=12", `emails[type eq "work"].value`: "Kim@Work.Example",
		enterprise + "dateHire": "2024-03-01T00:00:00Z", enterprise + "employeeNumber": "0042", enterprise + "division": "EMEA",
	}
	for name, behavior := range map[string]map[string]string{"by default": nil, "with tel URIs": {"phone_form": "tel"}} {
		in(t, "what was sent is what is read, "+name, Setting{Behavior: behavior}, make, func(t *testing.T, w World) {
			var paths []scim.Path
			var ops []scim.Op
			want := map[scim.Path]scim.Value{}
			for p, v := range values {
				canon, err := w.Dialect.Canonical(p, scim.ValueOf(v))
				if err != nil {
					t.Fatal(err)
				}
				paths, want[p] = append(paths, p), canon
				ops = append(ops, scim.Op{Verb: scim.Add, Path: p, Value: canon})
			}
			shape := scim.NewShape(paths...)
			a, err := w.Writer.Send(t.Context(), target.Request{Act: target.Create, To: scim.Ref{Type: scim.User}, Ops: ops}, shape)
			if err != nil {
				t.Fatalf("Send(Create): %v", err)
			}
			for from, o := range map[string]target.Observed{"the answer": a.Observed, "a read": one(t, w, target.ByID, a.ID, shape)} {
				for p, v := range want {
					if got, known := o.Row.At(p); !known || len(got) != 1 || got[0] != v {
						t.Errorf("%s shows %s as %v, want %s", from, p, got, v)
					}
				}
			}
		})
	}
}
