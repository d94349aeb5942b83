package scim

import (
	"fmt"

	"rollcall/fault"
)

// An Error is a SCIM error (RFC 7644 §3.12). Its text holds no attribute
// values; it unwraps to the fault.Kind of its status.
type Error struct {
	Status   int    // HTTP status
	ScimType string // invalidFilter, tooMany, uniqueness, mutability, invalidSyntax, invalidPath, noTarget, invalidValue, invalidVers, sensitive
	Detail   string
	Index    int // of the operation at fault, from 0; -1 where none is
}

func (e *Error) Error() string { return e.Detail }

// Unwrap is the error's fault.Kind.
func (e *Error) Unwrap() error {
	switch e.ScimType {
	case "uniqueness":
		return fault.Taken
	case "invalidVers":
		return fault.Stale
	}
	switch e.Status {
	case 401, 403:
		return fault.Denied
	case 404:
		return fault.Missing
	case 409, 412:
		return fault.Stale
	case 429:
		return fault.Throttled
	case 501:
		return fault.Unsupported
	case 500, 502, 503, 504:
		return fault.Unavailable
	}
	return fault.Invalid
}

// The scimTypes this package answers with (RFC 7644 table 9).
const (
	invalidFilter = "invalidFilter"
	invalidPath   = "invalidPath"
	invalidSyntax = "invalidSyntax"
	invalidValue  = "invalidValue"
	mutability    = "mutability"
	noTarget      = "noTarget"
)

func refuse(scimType, format string, args ...any) *Error {
	return &Error{Status: 400, ScimType: scimType, Detail: fmt.Sprintf(format, args...), Index: -1}
}
