package scimclient_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scim"
	"rollcall/scim/scimclient"
)

const ext = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

var shape = scim.NewShape(
	"userName", "active", "title", "roles", "roles.value", `phoneNumbers[type eq "work"].value`, `emails[type eq "work"]`, "name.familyName",
	ext+":department", ext+":manager.value", ext+":manager", ext, `emails[type eq "work" and primary eq true].value`,
	"urn:ietf:params:scim:schemas:core:2.0:User:displayName", `emails[type ne "work"].value`,
)

func same(v scim.Value) scim.Value { return v }

func decoder() *scimclient.Decoder {
	return scimclient.NewDecoder(shape, func(scim.Path) (scimclient.Form, bool) { return same, true })
}

const person = `{"id":"u1","userName":"kim@example.com","ACTIVE":false,"title":null,"displayName":"Ken S\u00e1nchez",
	"roles":[{"value":"Agent"},{"value":"Sales \"Agent\"","x":1}],"name":{"familyName":"Lee"},
	"phoneNumbers":[{"type":"home","value":"+1"},{"value":"+2","type":"Work"}],
	"emails":[{"type":"work","primary":true,"value":"a@b.c"},{"type":"other","value":"kim@example.com"},3],
	"` + ext + `":{"department":"Sales","manager":{"value":"u2"}},"meta":{"version":"W/\"42\""}}`

func TestDecodingIsProjection(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a person":                    person,
		"a person with less":          `{"id":"u1"}`,
		"a version that is a number":  `{"id":"u1","meta":{"version":42}}`,
		"extensions that are nothing": `{"id":"u1","` + ext + `":null,"roles":"Agent","emails":{}}`,
		"blanks everywhere":           " { \"id\" : \"u1\" , \"roles\" : [ { \"value\" : \"A\" } , null ] } ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, []byte(text))
		})
	}
}

func compare(t *testing.T, text []byte) {
	t.Helper()
	want, err := scim.ParseResource(scim.User, text)
	got, decodeErr := decoder().Decode(text)
	if err != nil || want.ID == "" {
		return // decoding may be content with what parsing is not, below what it looks at
	}
	if decodeErr != nil {
		t.Fatalf("Decode(%s): %v", text, decodeErr)
	}
	if got.ID != want.ID || got.Version != want.Version {
		t.Errorf("Decode(%s) is %s in version %q, want %s in %q", text, got.ID, got.Version, want.ID, want.Version)
	}
	for _, p := range shape.Paths() {
		have, _ := got.Row.At(p)
		project, _ := shape.Project(want).At(p)
		if diff := cmp.Diff(project, have); diff != "" {
			t.Errorf("Decode(%s) at %s (-want +got):\n%s", text, p, diff)
		}
	}
}

func FuzzDecodingIsProjection(f *testing.F) {
	f.Add([]byte(person))
	f.Add([]byte(`{"id":"u1","roles":[[{"value":"a"}]],"emails":[{"type":"WORK","value":["x"]}],"name":{"familyName":{}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if unique(text) {
			compare(t, text)
		}
	})
}

// unique tells that no object has one name twice, in any case or spelling: what
// such a text means is nobody's to say.
func unique(text []byte) bool {
	if bytes.ContainsRune(text, '\\') || !json.Valid(text) {
		return false
	}
	var walk func(d *json.Decoder) bool
	walk = func(d *json.Decoder) bool {
		tok, err := d.Token()
		open, nested := tok.(json.Delim)
		if err != nil || !nested {
			return err == nil
		}
		seen := map[string]bool{}
		for d.More() {
			if open == '{' {
				key, _ := d.Token()
				name := strings.ToUpper(strings.ToLower(key.(string)))
				if seen[name] {
					return false
				}
				seen[name] = true
			}
			if !walk(d) {
				return false
			}
		}
		_, err = d.Token()
		return err == nil
	}
	return walk(json.NewDecoder(bytes.NewReader(text)))
}

func TestADecoderRefusesWhatIsNoResource(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `[]`, `{}`, `{"id":""}`, `{"id":"u1"`, `{"id":"u1"}}`, `{"id":"u1","title":tru}`, `{"id":7}`} {
		if got, err := decoder().Decode([]byte(text)); err == nil {
			t.Errorf("Decode(%s) = %+v, want an error", text, got)
		}
	}
}

func TestADecoderAsksTheFormAndLeavesOutWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	d := scimclient.NewDecoder(shape, func(p scim.Path) (scimclient.Form, bool) {
		return func(v scim.Value) scim.Value {
			if v == `{"value":"Agent"}` {
				return ""
			}
			return `"x"`
		}, p == "roles"
	})
	for range 2 { // the second time from what it remembers
		got, err := d.Decode([]byte(person))
		if v, known := got.Row.At("roles"); err != nil || !known || !cmp.Equal(v, []scim.Value{`"x"`}) {
			t.Errorf("Decode: roles %v, %v", v, err)
		}
		if _, known := got.Row.At("userName"); known {
			t.Error("Decode: userName is known although it was not asked for")
		}
	}
}
