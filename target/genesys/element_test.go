package genesys_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scim"
	"rollcall/target"
	"rollcall/target/genesys"
	"rollcall/target/genesyssim"
)

func TestAServiceThatMakesNoElementsIsSentWholeOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, genesyssim.Config{
		Users: genesyssim.Users{List: []map[string]any{
			{"userName": "kim@example.com", "displayName": "Kim", "phoneNumbers": []any{map[string]any{"type": "home", "value": "+13175550100"}}},
		}},
		Switches: genesyssim.Switches{"missing_element": "noTarget"},
	})
	id, _ := w.users()[0]["id"].(string)
	send := func(ops ...scim.Op) {
		t.Helper()
		r := target.Request{Act: target.Patch, To: scim.Ref{Type: scim.User, ID: id}, Ops: ops}
		if _, err := w.client.Send(t.Context(), r, scim.NewShape("phoneNumbers")); err != nil {
			t.Fatalf("Send(%v) = %v", ops, err)
		}
	}
	send(
		scim.Op{Verb: scim.Add, Path: `phoneNumbers[type eq "work"].value`, Value: `"+13175550101"`},
		scim.Op{Verb: scim.Add, Path: `phoneNumbers[type eq "mobile"].value`, Value: `"+13175550102;ext=7"`},
	)
	send(scim.Op{Verb: scim.Add, Path: `emails[type eq "work"].value`, Value: `"kim@work.example"`})
	phones := map[any]any{}
	u := w.users()[0]
	for _, e := range u["phoneNumbers"].([]any) {
		p := e.(map[string]any)
		phones[p["type"]] = p["value"]
	}
	want := map[any]any{"home": "+13175550100", "work": "+13175550101", "mobile": "tel:+13175550102; ext=7"}
	if diff := cmp.Diff(want, phones); diff != "" {
		t.Errorf("phones (-want +got):\n%s", diff)
	}
	var got []int
	for _, r := range w.calls() {
		if r.Method == http.MethodPatch {
			got = append(got, r.Status)
		}
	}
	if diff := cmp.Diff([]int{400, 200, 200}, got); diff != "" { // refused once, and learned
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestAnExtensionIsRetained(t *testing.T) {
	t.Parallel()
	const work = `phoneNumbers[type eq "work"].value`
	for name, tt := range map[string]struct {
		path             scim.Path
		want, have, gets scim.Value
	}{
		"an extension stays":                  {work, `"+13175550101"`, `"+13175550101;ext=7"`, `"+13175550101;ext=7"`},
		"also with another number":            {work, `"+13175550102"`, `"+13175550101;ext=7"`, `"+13175550102;ext=7"`},
		"but not against one of the source":   {work, `"+13175550101;ext=8"`, `"+13175550101;ext=7"`, `"+13175550101;ext=8"`},
		"where there is none, nothing":        {work, `"+13175550101"`, `"+13175550100"`, `"+13175550101"`},
		"in an element of the whole list too": {"phoneNumbers", `{"type":"work","value":"+1317"}`, `{"type":"work","value":"+1318;ext=7"}`, `{"type":"work","value":"+1317;ext=7"}`},
		"other attributes have none":          {"title", `"a"`, `"b;ext=7"`, `"a"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := genesys.Dialect().Retain(tt.path, tt.want, tt.have); got != tt.gets {
				t.Errorf("Retain(%s, %s, %s) = %s; want %s", tt.path, tt.want, tt.have, got, tt.gets)
			}
		})
	}
}
