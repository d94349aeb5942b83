// Package targettest proves that a room of the seam target keeps the contract
// of Reader, Writer and Cataloger. [Run] is the suite; a room's test makes its
// worlds.
//
// The suite runs in testing/synctest bubbles: a world may wait as long as it
// likes, and takes no time.
package targettest

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"

	"rollcall/scim"
	"rollcall/target"
)

// A Setting is what a world begins with.
type Setting struct {
	Users    []map[string]any  // SCIM users; "state" may be active, inactive or deleted
	People   int               // generated users, where Users is nil
	Groups   map[string]string // by name: the userName of its only member, or ""
	Behavior map[string]string // how the service behaves where services differ, by the names of design §10
	Faults   []Fault           // what befalls requests, in words of design §10
	Budget   float64           // share of the granted requests to use; 0: all
}

// A Fault befalls the requests that match; Count 0 is without end.
type Fault struct {
	Match, Do   string
	Count       int
	Probability float64 // 0: always
}

// A World is an organization, the room's connection to it, and the truth.
type World struct {
	Reader  target.Reader
	Writer  target.Writer
	Names   target.Cataloger
	Dialect target.Dialect

	// Users are all users as the service has them, with "state".
	Users func() []map[string]any

	// Edit changes a user behind the connection's back.
	Edit func(user string, ops ...scim.Op)

	// Sent are the requests that reached the service since the last call, logins excepted.
	Sent func() []Sent
}

// A Sent is one request as the service saw it.
type Sent struct {
	Method, Path  string // with the query
	IfMatch, Body string
	Status        int
}

// Run is the suite. make is called inside a bubble, once for every case.
func Run(t *testing.T, make func(*testing.T, Setting) World) {
	for name, test := range map[string]func(*testing.T, func(*testing.T, Setting) World){
		"read":     reading,
		"look up":  lookingUp,
		"write":    writing,
		"stale":    staleness,
		"group":    membership,
		"unknown":  unknownFate,
		"grant":    granting,
		"converge": converging,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, make)
		})
	}
}

// in runs test in a world of its own.
func in(t *testing.T, name string, s Setting, make func(*testing.T, Setting) World, test func(*testing.T, World)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { test(t, make(t, s)) })
	})
}

// The paths that the suite looks at.
const (
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"

	userName    scim.Path = "userName"
	displayName scim.Path = "displayName"
	active      scim.Path = "active"
	title       scim.Path = "title"
	department  scim.Path = enterprise + "department"
	roles       scim.Path = "roles"
	workPhone   scim.Path = `phoneNumbers[type eq "work"].value`
)

var profile = scim.NewShape(userName, displayName, active, title, department, workPhone)

// all reads until the end.
func all(seq iter.Seq2[target.Observed, error]) (out []target.Observed, err error) {
	for o, e := range seq {
		if e != nil {
			return out, e
		}
		out = append(out, o)
	}
	return out, nil
}

func ask(ctx context.Context, w World, a target.Ask, who string, s *scim.Shape) ([]target.Observed, error) {
	return all(w.Reader.Read(ctx, target.Query{Ask: a, Type: scim.User, Who: who}, s))
}

// one reads a single answer.
func one(t *testing.T, w World, a target.Ask, who string, s *scim.Shape) target.Observed {
	t.Helper()
	got, err := ask(t.Context(), w, a, who, s)
	if err != nil || len(got) != 1 {
		t.Fatalf("Read(%d, %s): %d answers, %v; want one", a, who, len(got), err)
	}
	return got[0]
}

// text is the only value at p as a string.
func text(o target.Observed, p scim.Path) string {
	values, _ := o.Row.At(p)
	if len(values) != 1 {
		return ""
	}
	s, _ := values[0].Text()
	return s
}

// idOf is the id of the user of that name.
func idOf(t *testing.T, w World, name string) string {
	t.Helper()
	for _, u := range w.Users() {
		if u["userName"] == name {
			return u["id"].(string)
		}
	}
	t.Fatalf("there is no user %s", name)
	return ""
}

// truth is the user of that name as the service has it.
func truth(t *testing.T, w World, name string) map[string]any {
	t.Helper()
	for _, u := range w.Users() {
		if u["userName"] == name {
			return u
		}
	}
	t.Fatalf("there is no user %s", name)
	return nil
}

func user(name, state string, more ...any) map[string]any {
	u := map[string]any{"userName": name, "displayName": "Name of " + name, "state": state}
	for i := 0; i+1 < len(more); i += 2 {
		u[more[i].(string)] = more[i+1]
	}
	return u
}
