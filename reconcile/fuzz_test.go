package reconcile_test

import (
	"testing"

	"rollcall/fault"
	"rollcall/reconcile"
	"rollcall/target/genesys"
)

// Whatever a file holds, reading it ends, and what is wrong is Invalid.
func FuzzPatchFile(f *testing.F) {
	for _, seed := range []string{
		`{"updates": [{"user": "ada", "operations": [{"op": "replace", "path": "title", "value": "Lead"}]}]}`,
		`{"ada": [{"op": "add", "path": "groups", "value": ["Night", {"value": "7"}]}, {"op": "remove", "path": "groups[value eq \"7\"]"}]}`,
		`{"ada": [{"op": "replace", "path": "emails[0].value", "value": "a@example.com"}, {"op": "replace", "value": {"active": false, "groups": null}}]}`,
		`{"ada": [{"op": "add", "path": "roles", "value": [null, 7, {"value": "x"}]}, {"op": "replace", "path": "manager", "value": {"value": null}}]}`,
		`{"ada": [{"op": "remove", "path": "phoneNumbers[type eq \"work\" and value pr]"}], "ada": []}`,
		`{"updates": {}}`, `[]`, ``, "\ufeff{}", `{"a":[{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"department":[]}}]}`,
	} {
		f.Add([]byte(seed))
	}
	dialect := genesys.Dialect()
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := reconcile.CheckPatch("f.json", file, dialect); err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("CheckPatch(%q) = %v, want invalid", file, err)
		}
	})
}
