package target

import (
	"strconv"
	"strings"

	"rollcall/fault"
	"rollcall/scim"
)

// A Failure is a service's refusal of one request, or the end of trying. It is
// somewhere in the tree of every error of a Reader, Writer or Cataloger that
// came from the service. It holds no attribute values, and unwraps to its Kind.
type Failure struct {
	Kind        fault.Kind
	Status      int         // HTTP status; 0: no answer came
	Code        string      // scimType, or the code of the service's own envelope
	Detail      string      // what the service said, its values struck out
	Correlation string      // the service's id of the request
	Permissions []string    // that are missing, as far as the service names them
	Paths       []scim.Path // attributes that those permissions govern; none: the request as a whole
	Attempts    int         // requests sent
	Cause       error       // what broke where no answer came
}

// Error is one phrase: what happened, then status, code and correlation id.
func (f *Failure) Error() string {
	said := f.Detail
	if said == "" && f.Cause != nil {
		said = f.Cause.Error()
	}
	if said == "" {
		said = f.Kind.String()
	}
	var facts []string
	if f.Status != 0 {
		facts = append(facts, "status "+strconv.Itoa(f.Status))
	}
	if f.Code != "" {
		facts = append(facts, f.Code)
	}
	if f.Correlation != "" {
		facts = append(facts, "correlation id "+f.Correlation)
	}
	if len(facts) == 0 {
		return said
	}
	return said + " (" + strings.Join(facts, ", ") + ")"
}

// Unwrap is the kind and, where no answer came, the cause.
func (f *Failure) Unwrap() []error {
	if f.Cause == nil {
		return []error{f.Kind}
	}
	return []error{f.Kind, f.Cause}
}
