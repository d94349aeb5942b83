package scim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scim"
)

// apply patches text and gives the new resource as text, or the scimType of the error.
func apply(t *testing.T, s *scim.Schema, typ scim.Type, text, operations string, o scim.PatchOptions) (after scim.Value, changed bool, wrong string) {
	t.Helper()
	before := attrs(t, text)
	ops, err := scim.ParsePatch([]byte(`{"schemas":["`+scim.PatchOp+`"],"Operations":[`+operations+`]}`), true)
	if err != nil {
		return "", false, scimType(t, err)
	}
	was := scim.ValueOf(before)
	next, changed, err := s.Patch(typ, before, ops, o)
	if now := scim.ValueOf(before); now != was {
		t.Errorf("Patch modified its input\n%s\n%s", was, now)
	}
	if err != nil {
		return scim.ValueOf(next), changed, scimType(t, err)
	}
	return scim.ValueOf(next), changed, ""
}

// TestPatchesOfTheRFC has the examples of RFC 7644 §3.5.2.
func TestPatchesOfTheRFC(t *testing.T) {
	t.Parallel()
	const babs = `{"value":"2819c223-7f76-453a-919d-413861904646","$ref":"https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646","display":"Babs Jensen"}`
	const james = `{"value":"08e1d05d-121c-4561-8b96-473d93df9210","$ref":"https://example.com/v2/Users/08e1d05d-121c-4561-8b96-473d93df9210","display":"James Smith"}`
	const mandy = `{"value":"902c246b-6245-4190-8e05-00816be7344a","$ref":"https://example.com/v2/Users/902c246b-6245-4190-8e05-00816be7344a","display":"Mandy Pepperidge"}`
	const home = `{"type":"home","streetAddress":"456 Hollywood Blvd","locality":"Hollywood"}`
	const work = `{"type":"work","streetAddress":"911 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US","formatted":"911 Universal City Plaza\nHollywood, CA 91608 US","primary":true}`
	for name, tt := range map[string]struct {
		typ             scim.Type
		have, ops, want string
	}{
		"§3.5.2.1 adds a member to a group": {
			scim.Group, `{"displayName":"Tour Guides","members":[` + babs + `]}`,
			`{"op":"add","path":"members","value":[` + james + `]}`,
			`{"displayName":"Tour Guides","members":[` + babs + `,` + james + `]}`,
		},
		"§3.5.2.1 adds attributes without a path": {
			scim.User, `{"userName":"babs","emails":[{"value":"b@example.com","type":"work"}]}`,
			`{"op":"add","value":{"emails":[{"value":"babs@jensen.org","type":"home"}],"nickname":"Babs"}}`,
			`{"userName":"babs","nickName":"Babs","emails":[{"value":"b@example.com","type":"work"},{"value":"babs@jensen.org","type":"home"}]}`,
		},
		"§3.5.2.2 removes one member of a group": {
			scim.Group, `{"displayName":"Tour Guides","members":[` + babs + `,` + james + `]}`,
			`{"op":"remove","path":"members[value eq \"2819c223-7f76-453a-919d-413861904646\"]"}`,
			`{"displayName":"Tour Guides","members":[` + james + `]}`,
		},
		"§3.5.2.2 removes all members of a group": {
			scim.Group, `{"displayName":"Tour Guides","members":[` + babs + `,` + james + `]}`,
			`{"op":"remove","path":"members"}`,
			`{"displayName":"Tour Guides"}`,
		},
		"§3.5.2.2 removes the value that a complex filter selects": {
			scim.User, `{"userName":"babs","emails":[{"value":"b@example.com","type":"work"},{"value":"b@example.org","type":"work"}]}`,
			`{"op":"remove","path":"emails[type eq \"work\" and value ew \"example.com\"]"}`,
			`{"userName":"babs","emails":[{"value":"b@example.org","type":"work"}]}`,
		},
		"§3.5.2.2 removes a member and adds another": {
			scim.Group, `{"displayName":"Tour Guides","members":[` + babs + `]}`,
			`{"op":"remove","path":"members[value eq \"2819c223-7f76-453a-919d-413861904646\"]"},{"op":"add","path":"members","value":[` + mandy + `]}`,
			`{"displayName":"Tour Guides","members":[` + mandy + `]}`,
		},
		"§3.5.2.3 replaces all members": {
			scim.Group, `{"displayName":"Tour Guides","members":[` + mandy + `]}`,
			`{"op":"replace","path":"members","value":[` + babs + `,` + james + `]}`,
			`{"displayName":"Tour Guides","members":[` + babs + `,` + james + `]}`,
		},
		"§3.5.2.3 replaces an address": {
			scim.User, `{"userName":"babs","addresses":[` + home + `,{"type":"work","streetAddress":"100 Universal City Plaza","postalCode":"91608"}]}`,
			`{"op":"replace","path":"addresses[type eq \"work\"]","value":` + work + `}`,
			`{"userName":"babs","addresses":[` + home + `,` + work + `]}`,
		},
		"§3.5.2.3 replaces a street": {
			scim.User, `{"userName":"babs","addresses":[` + home + `,{"type":"work","streetAddress":"100 Universal City Plaza","postalCode":"91608"}]}`,
			`{"op":"replace","path":"addresses[type eq \"work\"].streetAddress","value":"1010 Broadway Ave"}`,
			`{"userName":"babs","addresses":[` + home + `,{"type":"work","streetAddress":"1010 Broadway Ave","postalCode":"91608"}]}`,
		},
		"§3.5.2.3 replaces attributes without a path": {
			scim.User, `{"userName":"babs","emails":[{"value":"old@example.com"}],"nickName":"B"}`,
			`{"op":"replace","value":{"emails":[{"value":"bjensen@example.com","type":"work","primary":true},{"value":"babs@jensen.org","type":"home"}],"nickname":"Babs"}}`,
			`{"userName":"babs","emails":[{"value":"bjensen@example.com","type":"work","primary":true},{"value":"babs@jensen.org","type":"home"}],"nickName":"Babs"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, changed, wrong := apply(t, schema(t), tt.typ, tt.have, tt.ops, scim.PatchOptions{})
			if wrong != "" || !changed {
				t.Fatalf("Patch: error %q, changed %v", wrong, changed)
			}
			if diff := cmp.Diff(attrs(t, tt.want), got.Any()); diff != "" {
				t.Errorf("Patch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPatch(t *testing.T) {
	t.Parallel()
	const emails = `"emails":[{"type":"work","value":"w@x"},{"primary":true,"type":"home","value":"h@x"}]`
	for name, tt := range map[string]struct {
		have, ops string
		want      string // "" for have: nothing changes
		wrong     string
		o         scim.PatchOptions
	}{
		"adding a single value sets it": {
			have: `{"userName":"a"}`, ops: `{"op":"add","path":"title","value":"Lead"}`, want: `{"title":"Lead","userName":"a"}`,
		},
		"adding a single value that is there sets it": {
			have: `{"title":"x"}`, ops: `{"op":"Add","path":"TITLE","value":"Lead"}`, want: `{"title":"Lead"}`,
		},
		"names are found and kept in the resource's spelling": {
			have: `{"TITLE":"x"}`, ops: `{"op":"replace","path":"title","value":"y"}`, want: `{"TITLE":"y"}`,
		},
		"the same value changes nothing": {
			have: `{"title":"x"}`, ops: `{"op":"replace","path":"title","value":"x"}`,
		},
		"there and back changes nothing": {
			have: `{"title":"x"}`, ops: `{"op":"replace","path":"title","value":"y"},{"op":"replace","path":"title","value":"x"}`,
		},
		"adding to a complex attribute merges": {
			have: `{"name":{"familyName":"J"}}`, ops: `{"op":"add","path":"name","value":{"givenName":"B"}}`, want: `{"name":{"familyName":"J","givenName":"B"}}`,
		},
		"replacing a complex attribute leaves what is not named": {
			have: `{"name":{"familyName":"J","givenName":"B"}}`, ops: `{"op":"replace","path":"name","value":{"familyName":"K"}}`, want: `{"name":{"familyName":"K","givenName":"B"}}`,
		},
		"null in a complex value removes": {
			have: `{"name":{"familyName":"J","givenName":"B"}}`, ops: `{"op":"replace","path":"name","value":{"familyName":null}}`, want: `{"name":{"givenName":"B"}}`,
		},
		"a sub-attribute makes its attribute": {
			have: `{}`, ops: `{"op":"add","path":"name.familyName","value":"J"}`, want: `{"name":{"familyName":"J"}}`,
		},
		"the last sub-attribute takes its attribute away": {
			have: `{"name":{"familyName":"J"},"title":"x"}`, ops: `{"op":"remove","path":"name.familyName"}`, want: `{"title":"x"}`,
		},
		"an extension is made": {
			have: `{}`, ops: `{"op":"add","path":"` + enterprise + `:department","value":"D"}`, want: `{"` + enterprise + `":{"department":"D"}}`,
		},
		"the last attribute takes its extension away": {
			have: `{"` + enterprise + `":{"manager":{"value":"m"}}}`, ops: `{"op":"remove","path":"` + enterprise + `:manager.value"}`, want: `{}`,
		},
		"an extension is removed whole": {
			have: `{"title":"x","` + enterprise + `":{"department":"D","division":"E"}}`, ops: `{"op":"remove","path":"` + enterprise + `"}`, want: `{"title":"x"}`,
		},
		"an extension is merged by its URN": {
			have: `{"` + enterprise + `":{"department":"D"}}`, ops: `{"op":"replace","path":"` + enterprise + `","value":{"division":"E"}}`, want: `{"` + enterprise + `":{"department":"D","division":"E"}}`,
		},
		"without path, keys are attributes, URNs, and paths": {
			have: `{"title":"x"}`,
			ops:  `{"op":"add","value":{"schemas":["any"],"name.givenName":"B","` + enterprise + `":{"department":"D"},"` + enterprise + `:division":"E","` + enterprise + `:manager.value":"m"}}`,
			want: `{"name":{"givenName":"B"},"title":"x","` + enterprise + `":{"department":"D","division":"E","manager":{"value":"m"}}}`,
		},
		"null is no value": {
			have: `{"title":"x"}`, ops: `{"op":"replace","path":"title","value":null}`, want: `{}`,
		},
		"an empty string is one": {
			have: `{"title":"x"}`, ops: `{"op":"replace","path":"title","value":""}`, want: `{"title":""}`,
		},
		"an empty list is no value": {
			have: `{` + emails + `}`, ops: `{"op":"replace","path":"emails","value":[]}`, want: `{}`,
		},
		"removing what is not there": {
			have: `{"title":"x"}`, ops: `{"op":"remove","path":"nickName"},{"op":"remove","path":"name.givenName"},{"op":"remove","path":"emails[type eq \"work\"]"},{"op":"remove","path":"` + enterprise + `:manager"}`,
		},
		"an element that is there is not added": {
			have: `{` + emails + `}`, ops: `{"op":"add","path":"emails","value":[{"value":"w@x","type":"work"}]}`,
		},
		"an element that differs is": {
			have: `{"roles":[{"value":"a"}]}`, ops: `{"op":"add","path":"roles","value":{"value":"a","type":"x"}}`, want: `{"roles":[{"value":"a"},{"type":"x","value":"a"}]}`,
		},
		"twice the same element is one": {
			have: `{}`, ops: `{"op":"add","path":"roles","value":[{"value":"a"},{"value":"a"}]}`, want: `{"roles":[{"value":"a"}]}`,
		},
		"simple values are a set": {
			have: `{"` + skillsURN + `":{"tags":["a"]}}`, ops: `{"op":"add","path":"` + skillsURN + `:tags","value":["a","b"]}`, want: `{"` + skillsURN + `":{"tags":["a","b"]}}`,
		},
		"replacing by the same set in another order changes nothing": {
			have: `{` + emails + `}`, ops: `{"op":"replace","path":"emails","value":[{"type":"home","value":"h@x","primary":true},{"type":"work","value":"w@x"}]}`,
		},
		"a new primary takes it from the other": {
			have: `{` + emails + `}`, ops: `{"op":"add","path":"emails","value":[{"type":"other","value":"o@x","primary":true}]}`,
			want: `{"emails":[{"type":"work","value":"w@x"},{"primary":false,"type":"home","value":"h@x"},{"primary":true,"type":"other","value":"o@x"}]}`,
		},
		"an element made primary takes it from the other": {
			have: `{` + emails + `}`, ops: `{"op":"replace","path":"emails[type eq \"work\"].primary","value":true}`,
			want: `{"emails":[{"primary":true,"type":"work","value":"w@x"},{"primary":false,"type":"home","value":"h@x"}]}`,
		},
		"two new primaries are refused": {
			have: `{}`, ops: `{"op":"add","path":"emails","value":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, wrong: "invalidValue",
		},
		"a filter selects the elements to replace": {
			have: `{` + emails + `}`, ops: `{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"}`,
			want: `{"emails":[{"type":"work","value":"n@x"},{"primary":true,"type":"home","value":"h@x"}]}`,
		},
		"replacing an element replaces all of it": {
			have: `{` + emails + `}`, ops: `{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"n@x"}}`,
			want: `{"emails":[{"type":"work","value":"w@x"},{"value":"n@x"}]}`,
		},
		"adding to an element merges": {
			have: `{` + emails + `}`, ops: `{"op":"add","path":"emails[type eq \"home\"]","value":{"display":"H"}}`,
			want: `{"emails":[{"type":"work","value":"w@x"},{"display":"H","primary":true,"type":"home","value":"h@x"}]}`,
		},
		"no element to replace": {
			have: `{` + emails + `}`, ops: `{"op":"replace","path":"emails[type eq \"other\"].value","value":"n@x"}`, wrong: "noTarget",
		},
		"no element to add to": {
			have: `{` + emails + `}`, ops: `{"op":"add","path":"emails[type eq \"other\"]","value":{"value":"n@x"}}`, wrong: "noTarget",
		},
		"no element, but one is made": {
			have: `{"title":"x"}`, ops: `{"op":"replace","path":"emails[type eq \"other\"].value","value":"n@x"}`, want: `{"emails":[{"type":"other","value":"n@x"}],"title":"x"}`, o: scim.PatchOptions{CreateMissing: true},
		},
		"one is made of two equalities": {
			have: `{}`, ops: `{"op":"add","path":"emails[type eq \"other\" and primary eq true]","value":{"value":"n@x"}}`, want: `{"emails":[{"primary":true,"type":"other","value":"n@x"}]}`, o: scim.PatchOptions{CreateMissing: true},
		},
		"none is made of another filter": {
			have: `{}`, ops: `{"op":"replace","path":"emails[type ne \"other\"].value","value":"n@x"}`, wrong: "noTarget", o: scim.PatchOptions{CreateMissing: true},
		},
		"an element whose last sub-attribute goes, goes": {
			have: `{"roles":[{"value":"a"},{"value":"b"}]}`, ops: `{"op":"remove","path":"roles[value eq \"a\"].value"}`, want: `{"roles":[{"value":"b"}]}`,
		},
		"the last element takes its attribute away": {
			have: `{"roles":[{"value":"a"}],"title":"x"}`, ops: `{"op":"remove","path":"roles[value eq \"A\"]"}`, want: `{"title":"x"}`,
		},
		"a sub-attribute without filter is of each element": {
			have: `{` + emails + `}`, ops: `{"op":"remove","path":"emails.type"}`, want: `{"emails":[{"value":"w@x"},{"primary":true,"value":"h@x"}]}`,
		},
		"setting it where there is no element makes one": {
			have: `{}`, ops: `{"op":"add","path":"emails.value","value":"a"}`, want: `{"emails":[{"value":"a"}]}`,
		},
		"a simple element is removed by filter": {
			have: `{"` + skillsURN + `":{"tags":["a","b"]}}`, ops: `{"op":"remove","path":"` + skillsURN + `:tags[value eq \"a\"]"}`, want: `{"` + skillsURN + `":{"tags":["b"]}}`,
		},
		"a filter obeys caseExact": {
			have: `{"` + skillsURN + `":{"routingSkills":[{"name":"a","proficiency":1},{"name":"A","proficiency":2}]}}`, ops: `{"op":"replace","path":"` + skillsURN + `:routingSkills[name eq \"A\"].proficiency","value":3}`,
			want: `{"` + skillsURN + `":{"routingSkills":[{"name":"a","proficiency":1},{"name":"A","proficiency":3}]}}`,
		},
		"a remove may list elements": {
			have: `{` + emails + `}`, ops: `{"op":"remove","path":"emails","value":[{"value":"w@x"},{"value":"none"}]}`, want: `{"emails":[{"primary":true,"type":"home","value":"h@x"}]}`,
		},
		"a remove may list one element": {
			have: `{` + emails + `}`, ops: `{"op":"remove","path":"emails","value":{"value":"w@x"}}`, want: `{"emails":[{"primary":true,"type":"home","value":"h@x"}]}`,
		},
		"a remove may list bare values": {
			have: `{"roles":[{"value":"a","type":"t"}]}`, ops: `{"op":"remove","path":"roles","value":["a"]}`, want: `{}`,
		},
		"a remove that lists nothing known removes nothing": {
			have: `{` + emails + `}`, ops: `{"op":"remove","path":"emails","value":[{},{"display":"x"}]}`,
		},
		"a read-only attribute": {
			have: `{"groups":[{"value":"g"}]}`, ops: `{"op":"add","path":"groups","value":[{"value":"h"}]}`, wrong: "mutability",
		},
		"a read-only attribute, same value": {
			have: `{"id":"1","groups":[{"value":"g","display":"G"}],"meta":{"version":"3"}}`,
			ops:  `{"op":"add","path":"groups","value":[{"value":"g"}]},{"op":"replace","path":"groups","value":{"value":"g"}},{"op":"replace","path":"id","value":"1"},{"op":"replace","path":"meta.version","value":"3"},{"op":"replace","value":{"id":"1"}}`,
		},
		"a read-only attribute, fewer values": {
			have: `{"groups":[{"value":"g"},{"value":"h"}]}`, ops: `{"op":"replace","path":"groups","value":[{"value":"g"}]}`, wrong: "mutability",
		},
		"a read-only attribute without path": {
			have: `{"id":"1"}`, ops: `{"op":"replace","value":{"id":"2"}}`, wrong: "mutability",
		},
		"a read-only attribute is not removed": {
			have: `{"id":"1"}`, ops: `{"op":"remove","path":"id"}`, wrong: "mutability",
		},
		"a read-only element is not removed": {
			have: `{"groups":[{"value":"g"}]}`, ops: `{"op":"remove","path":"groups[value eq \"g\"]"}`, wrong: "mutability",
		},
		"a read-only sub-attribute": {
			have: `{"` + enterprise + `":{"manager":{"value":"m","displayName":"M"}}}`, ops: `{"op":"replace","path":"` + enterprise + `:manager.displayName","value":"N"}`, wrong: "mutability",
		},
		"a read-only sub-attribute in a value is ignored": {
			have: `{"` + enterprise + `":{"manager":{"value":"m","displayName":"M"}}}`, ops: `{"op":"replace","path":"` + enterprise + `:manager","value":{"value":"n","displayName":"N"}}`,
			want: `{"` + enterprise + `":{"manager":{"displayName":"M","value":"n"}}}`,
		},
		"an immutable attribute may be set once": {
			have: `{}`, ops: `{"op":"add","path":"` + skillsURN + `:badge","value":"7"},{"op":"add","path":"` + skillsURN + `:badge","value":"7"}`, want: `{"` + skillsURN + `":{"badge":"7"}}`,
		},
		"an immutable attribute is not changed": {
			have: `{"` + skillsURN + `":{"badge":"7"}}`, ops: `{"op":"replace","path":"` + skillsURN + `:badge","value":"8"}`, wrong: "mutability",
		},
		"a required attribute is not removed": {
			have: `{"userName":"a"}`, ops: `{"op":"remove","path":"userName"}`, wrong: "mutability",
		},
		"a required attribute is not made null": {
			have: `{"userName":"a"}`, ops: `{"op":"replace","path":"userName","value":null}`, wrong: "mutability",
		},
		"an unknown attribute": {
			have: `{}`, ops: `{"op":"add","path":"favoriteColor","value":"red"}`, wrong: "invalidPath",
		},
		"an unknown sub-attribute in a value": {
			have: `{}`, ops: `{"op":"add","path":"name","value":{"color":"red"}}`, wrong: "invalidPath",
		},
		"an unknown attribute without path": {
			have: `{}`, ops: `{"op":"add","value":{"color":"red"}}`, wrong: "invalidPath",
		},
		"unknown attributes of a value are dropped": {
			have: `{}`, ops: `{"op":"add","value":{"color":"red","name":{"color":"red","givenName":"B"},"emails":[{"value":"a","x":1}]}}`,
			want: `{"emails":[{"value":"a"}],"name":{"givenName":"B"}}`, o: scim.PatchOptions{IgnoreUnknown: true},
		},
		"an unknown path is refused all the same": {
			have: `{}`, ops: `{"op":"add","path":"color","value":"red"}`, wrong: "invalidPath", o: scim.PatchOptions{IgnoreUnknown: true},
		},
		"a value of another type": {
			have: `{}`, ops: `{"op":"add","path":"active","value":"True"}`, wrong: "invalidValue",
		},
		"a number for a text": {
			have: `{}`, ops: `{"op":"add","path":"name.familyName","value":7}`, wrong: "invalidValue",
		},
		"a text for an object": {
			have: `{}`, ops: `{"op":"add","path":"roles","value":["Agent"]}`, wrong: "invalidValue",
		},
		"a list for a single value": {
			have: `{}`, ops: `{"op":"add","path":"title","value":["a"]}`, wrong: "invalidValue",
		},
		"add without value": {
			have: `{}`, ops: `{"op":"add","path":"title"}`, wrong: "invalidValue",
		},
		"remove without path": {
			have: `{}`, ops: `{"op":"remove"}`, wrong: "noTarget",
		},
		"a text without path": {
			have: `{}`, ops: `{"op":"add","value":"x"}`, wrong: "invalidValue",
		},
		"a filter on a single value": {
			have: `{"name":{"familyName":"x"}}`, ops: `{"op":"replace","path":"name[familyName eq \"x\"].givenName","value":"y"}`, wrong: "invalidPath",
		},
		"empty values are ignored": {
			have: `{"name":{"familyName":"J"},"title":"x"}`,
			ops:  `{"op":"replace","path":"title","value":""},{"op":"add","path":"title","value":null},{"op":"replace","path":"name","value":{"familyName":""}},{"op":"replace","value":{"title":null,"nickName":""}}`,
			o:    scim.PatchOptions{KeepEmpty: true},
		},
		"but remove removes": {
			have: `{"title":"x"}`, ops: `{"op":"remove","path":"title"}`, want: `{}`, o: scim.PatchOptions{KeepEmpty: true},
		},
		"all or nothing": {
			have: `{"title":"x"}`, ops: `{"op":"remove","path":"title"},{"op":"add","path":"active","value":1}`, wrong: "invalidValue",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, changed, wrong := apply(t, schema(t), scim.User, tt.have, tt.ops, tt.o)
			if wrong != tt.wrong {
				t.Fatalf("Patch: error %q, want %q", wrong, tt.wrong)
			}
			if wrong != "" {
				if got != "null" || changed {
					t.Errorf("Patch failed and gave %s, changed %v", got, changed)
				}
				return
			}
			want := scim.ValueOf(attrs(t, tt.have))
			if tt.want != "" {
				want = scim.ValueOf(attrs(t, tt.want))
			}
			if got != want {
				t.Errorf("Patch\n got %s\nwant %s", got, want)
			}
			if changed != (tt.want != "") {
				t.Errorf("changed = %v", changed)
			}
		})
	}
}

func TestPatchSaysWhichOperation(t *testing.T) {
	t.Parallel()
	s, have := schema(t), map[string]any{"title": "x", "userName": "a"}
	ops := []scim.Op{
		{Verb: scim.Replace, Path: "title", Value: `"y"`},
		{Verb: scim.Replace, Path: "active", Value: `"canary"`},
		{Verb: scim.Remove, Path: "title"},
	}
	next, changed, err := s.Patch(scim.User, have, ops, scim.PatchOptions{})
	if e := (&scim.Error{}); !asError(err, &e) || e.Index != 1 || next != nil || changed || strings.Contains(e.Detail, "canary") {
		t.Errorf("Patch = %v, %v, %+v", next, changed, err)
	}
	next, changed, err = s.Patch(scim.User, have, ops, scim.PatchOptions{Partial: true})
	if e := (&scim.Error{}); !asError(err, &e) || e.Index != 1 || next["title"] != "y" || !changed {
		t.Errorf("Partial: Patch = %v, %v, %+v", next, changed, err)
	}
	if _, _, err := s.Patch("Device", have, ops, scim.PatchOptions{}); scimType(t, err) != "invalidPath" {
		t.Errorf("unknown type: %v", err)
	}
	if _, _, err := s.Patch(scim.User, have, []scim.Op{{Verb: "move", Path: "title", Value: `"y"`}}, scim.PatchOptions{}); scimType(t, err) != "invalidSyntax" {
		t.Errorf("unknown verb: %v", err)
	}
}

func asError(err error, e **scim.Error) bool {
	got, ok := err.(*scim.Error) //nolint:errorlint // Patch returns it as it is
	*e = got
	return ok
}

func TestMembersAreKnownByValue(t *testing.T) {
	t.Parallel()
	s := schema(t)
	have := `{"members":[{"value":"u1","$ref":"../Users/u1","type":"User","display":"One"},{"value":"u2"}]}`
	for ops, want := range map[string]string{
		`{"op":"add","path":"members","value":[{"value":"u1"},{"value":"u3"}]}`:                                      `{"members":[{"value":"u1","$ref":"../Users/u1","type":"User","display":"One"},{"value":"u2"},{"value":"u3"}]}`,
		`{"op":"replace","path":"members","value":[{"value":"u2"},{"value":"u1"}]}`:                                  have,
		`{"op":"remove","path":"members","value":[{"value":"u1"}]}`:                                                  `{"members":[{"value":"u2"}]}`,
		`{"op":"remove","path":"members","value":[{"value":"u1","$ref":"../Users/u1"},{"value":"u2"}]}`:              `{}`,
		`{"op":"remove","path":"members[value eq \"u1\" or value eq \"u2\"]"}`:                                       `{}`,
		`{"op":"replace","path":"members","value":[{"value":"u1"}]},{"op":"remove","path":"members","value":["u9"]}`: `{"members":[{"value":"u1","$ref":"../Users/u1","type":"User","display":"One"}]}`,
	} {
		got, changed, wrong := apply(t, s, scim.Group, have, ops, scim.PatchOptions{})
		if want := scim.ValueOf(attrs(t, want)); wrong != "" || got != want || changed == (want == scim.ValueOf(attrs(t, have))) {
			t.Errorf("%s\n got %s, changed %v, %s\nwant %s", ops, got, changed, wrong, want)
		}
	}
}

func TestParsePatch(t *testing.T) {
	t.Parallel()
	const urn = `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	for name, tt := range map[string]struct {
		body  string
		want  []scim.Op
		wrong string
		index int
	}{
		"any case": {
			body: `{"SCHEMAS":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"operations":[{"OP":"Replace","Path":"emails[type EQ \"work\"].value","VALUE":"x"},{"op":"REMOVE","path":"title"},{"op":"add","path":"","value":{"b":1,"a":null}},{"op":"replace","path":"title","value":null}]}`,
			want: []scim.Op{{Verb: scim.Replace, Path: `emails[type eq "work"].value`, Value: `"x"`}, {Verb: scim.Remove, Path: "title"}, {Verb: scim.Add, Value: `{"a":null,"b":1}`}, {Verb: scim.Replace, Path: "title", Value: "null"}},
		},
		"no JSON":                {body: `{`, wrong: "invalidSyntax", index: -1},
		"no object":              {body: `[]`, wrong: "invalidSyntax", index: -1},
		"no schemas":             {body: `{"Operations":[{"op":"remove","path":"title"}]}`, wrong: "invalidSyntax", index: -1},
		"another schema":         {body: `{"schemas":["urn:x:y"],"Operations":[{"op":"remove","path":"title"}]}`, wrong: "invalidSyntax", index: -1},
		"no Operations":          {body: `{` + urn + `}`, wrong: "invalidSyntax", index: -1},
		"empty Operations":       {body: `{` + urn + `,"Operations":[]}`, wrong: "invalidSyntax", index: -1},
		"Operations not a list":  {body: `{` + urn + `,"Operations":{}}`, wrong: "invalidSyntax", index: -1},
		"an operation not a map": {body: `{` + urn + `,"Operations":[{"op":"remove","path":"title"},1]}`, wrong: "invalidSyntax", index: 1},
		"an unknown op":          {body: `{` + urn + `,"Operations":[{"op":"move","path":"title"}]}`, wrong: "invalidSyntax"},
		"no op":                  {body: `{` + urn + `,"Operations":[{"path":"title"}]}`, wrong: "invalidSyntax"},
		"a bad path":             {body: `{` + urn + `,"Operations":[{"op":"remove","path":"emails[0]"}]}`, wrong: "invalidPath"},
		"a path not a text":      {body: `{` + urn + `,"Operations":[{"op":"remove","path":7}]}`, wrong: "invalidPath"},
		"a bad filter":           {body: `{` + urn + `,"Operations":[{"op":"remove","path":"emails[type]"}]}`, wrong: "invalidFilter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := scim.ParsePatch([]byte(tt.body), true)
			if wrong := scimType(t, err); wrong != tt.wrong {
				t.Fatalf("ParsePatch: %v, want %q", err, tt.wrong)
			}
			if e := (&scim.Error{}); err != nil && asError(err, &e) && e.Index != tt.index {
				t.Errorf("Index = %d, want %d", e.Index, tt.index)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParsePatch (-want +got):\n%s", diff)
			}
			if err == nil {
				again, err := scim.ParsePatch(scim.MarshalPatch(got), true)
				if err != nil || !cmp.Equal(got, again) {
					t.Errorf("MarshalPatch does not parse to the same: %v, %v", again, err)
				}
			}
		})
	}
	if _, err := scim.ParsePatch([]byte(`{"Operations":[{"op":"remove","path":"title"}]}`), false); err != nil {
		t.Errorf("not strict: %v", err)
	}
}

func FuzzPatch(f *testing.F) {
	for _, c := range [][2]string{
		{`{"userName":"a","emails":[{"type":"work","value":"w"}]}`, `[{"op":"add","path":"emails[type eq \"work\"].value","value":"x"},{"op":"add","path":"emails","value":{"value":"y","primary":true}}]`},
		{`{"name":{"familyName":"x"}}`, `[{"op":"replace","value":{"name":{"familyName":null},"` + enterprise + `":{"department":"d"}}}]`},
		{`{"roles":[{"value":"a"},{"value":"a"}],"title":["odd"]}`, `[{"op":"remove","path":"roles","value":["a"]},{"op":"replace","path":"roles.type","value":"t"}]`},
		{`{"emails":"odd","name":[1]}`, `[{"op":"remove","path":"emails[value eq \"odd\"]"},{"op":"add","path":"name.givenName","value":"x"}]`},
	} {
		f.Add(c[0], c[1], uint8(0))
		f.Add(c[0], c[1], uint8(15))
	}
	s := schema(f)
	f.Fuzz(func(t *testing.T, resource, operations string, bits uint8) {
		r, err := scim.ParseResource(scim.User, []byte(resource))
		if err != nil {
			return
		}
		ops, err := scim.ParsePatch([]byte(`{"Operations":`+operations+`}`), false)
		if err != nil {
			return
		}
		o := scim.PatchOptions{CreateMissing: bits&1 > 0, KeepEmpty: bits&2 > 0, Partial: bits&4 > 0, IgnoreUnknown: bits&8 > 0}
		was := scim.ValueOf(r.Attrs)
		next, changed, err := s.Patch(scim.User, r.Attrs, ops, o)
		if now := scim.ValueOf(r.Attrs); now != was {
			t.Fatalf("Patch modified its input: %s, before %s", now, was)
		}
		if err != nil {
			return
		}
		if changed != (scim.ValueOf(next) != was) {
			t.Fatalf("changed = %v: %s, before %s", changed, scim.ValueOf(next), was)
		}
		if len(ops) == 1 && ops[0].Verb == scim.Add && !strings.Contains(string(ops[0].Path), "[") {
			again, changed, err := s.Patch(scim.User, next, ops, o)
			if err != nil || changed {
				t.Fatalf("added twice: %v, %v\nonce  %s\ntwice %s", changed, err, scim.ValueOf(next), scim.ValueOf(again))
			}
		}
		for _, e := range s.Check(scim.User, ops) {
			if e.ScimType == "invalidSyntax" || e.ScimType == "noTarget" {
				t.Fatalf("Check complains of what Patch did: %v", e)
			}
		}
	})
}

func BenchmarkPatch(b *testing.B) {
	s, r := schema(b), map[string]any{}
	text := `{"userName":"a","title":"x","emails":[{"type":"work","value":"w"}],"` + enterprise + `":{"department":"d"}}`
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		b.Fatal(err)
	}
	ops := []scim.Op{{Verb: scim.Replace, Path: "title", Value: `"y"`}, {Verb: scim.Replace, Path: `emails[type eq "work"].value`, Value: `"z"`}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Patch(scim.User, r, ops, scim.PatchOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
