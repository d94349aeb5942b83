package scimclient

import (
	"errors"
	"net/http"

	"rollcall/fault"
	"rollcall/target"
)

// explain attaches to a refusal what it means, its likely cause and the
// remedy, where nobody who knows the service better has.
func explain(err error) error {
	var f *target.Failure
	if fault.Hint(err) != "" || !errors.As(err, &f) {
		return err
	}
	hint := hintOf(f)
	if hint == "" {
		return err
	}
	if f.Correlation != "" {
		hint += "; the service's support finds the request by its correlation id " + f.Correlation
	}
	return fault.WithHint(err, hint)
}

func hintOf(f *target.Failure) string {
	switch {
	case f.Status == http.StatusUnauthorized:
		return "the service did not accept the access token, even a fresh one: the OAuth client was probably disabled, deleted or moved; check it and its secret"
	case f.Status == http.StatusForbidden:
		return "the credentials are good but may not do this: grant the OAuth client a role with the missing permission, in a division that holds the users concerned"
	case f.Kind == fault.Taken:
		return "another resource, maybe an inactive one, has this userName or external id: rename or release it there, or let the source match it"
	case f.Kind == fault.Stale:
		return "somebody else changed the resource after it was read, so nothing was written over: run plan again to see the change as it stands now"
	case f.Kind == fault.Throttled:
		return "the service grants no more requests just now: another program probably uses the same OAuth client; lower budget, or give that program a client of its own, and run again"
	case f.Kind == fault.Unavailable && f.Status == 0:
		return "no answer came: check the network, a proxy and the address of the service; for a write, look at the user before you repeat it"
	case f.Status >= http.StatusMultipleChoices && f.Status < http.StatusBadRequest:
		return "the address leads elsewhere: check the URL of the API"
	case f.Kind == fault.Unavailable:
		return "the service has trouble of its own: run again in a few minutes; what was done is not done twice"
	}
	return ""
}
