package scim_test

import (
	"testing"

	"rollcall/fault"
	"rollcall/scim"
)

func TestErrorsHaveKinds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		e    scim.Error
		want fault.Kind
	}{
		"a bad request":                 {scim.Error{Status: 400, ScimType: "invalidValue"}, fault.Invalid},
		"a stale version, as it may be": {scim.Error{Status: 400, ScimType: "invalidVers"}, fault.Stale},
		"a precondition":                {scim.Error{Status: 412}, fault.Stale},
		"a conflict":                    {scim.Error{Status: 409}, fault.Stale},
		"a name in use":                 {scim.Error{Status: 409, ScimType: "uniqueness"}, fault.Taken},
		"no credentials":                {scim.Error{Status: 401}, fault.Denied},
		"no permission":                 {scim.Error{Status: 403}, fault.Denied},
		"nothing there":                 {scim.Error{Status: 404}, fault.Missing},
		"too many requests":             {scim.Error{Status: 429}, fault.Throttled},
		"not implemented":               {scim.Error{Status: 501}, fault.Unsupported},
		"a server in trouble":           {scim.Error{Status: 503}, fault.Unavailable},
		"no status at all":              {scim.Error{}, fault.Invalid},
	} {
		if got := fault.Of(&tt.e); got != tt.want {
			t.Errorf("%s: kind %v, want %v", name, got, tt.want)
		}
	}
}
