package genesys

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/scim/scimclient"
	"rollcall/target"
)

// A right is a permission, the attributes it governs, and what it is for.
type right struct {
	permission string
	paths      []scim.Path
	purpose    string
}

// rights are what rollcall may need (dossier §2.4). The permissions that name
// attributes are checked attribute by attribute, the others at the door.
var rights = []right{
	{"directory:user:add", nil, "create users"},
	{"directory:user:edit", nil, "change users"},
	{"directory:user:delete", nil, "delete users"},
	{"directory:group:edit", nil, "read groups and change their members"},
	{"authorization:grant:add", []scim.Path{roles}, "grant roles"},
	{"authorization:grant:delete", []scim.Path{roles}, "take roles away"},
	{"routing:skill:assign", []scim.Path{skills}, "assign skills"},
	{"routing:language:assign", []scim.Path{languages}, "assign languages"},
	{"telephony:extension:assign", []scim.Path{phones}, "assign phone extensions"},
	{"directory:user:setPassword", []scim.Path{password}, "set passwords"},
	{"authorization:role:view", nil, "check the names of roles before anything is sent"},
	{"authorization:grant:view", nil, "record the grants of leavers, and read our own"},
	{"routing:skill:view", nil, "check the names of skills before anything is sent"},
}

// howToGrant is where permissions come from.
const howToGrant = "in Genesys Cloud, Admin > Integrations > OAuth, open the client and give it the role SCIM Integration, in every division that holds the users concerned"

// explain completes a refusal with what is peculiar to this service: which
// attributes a missing permission governs, and what to do.
func (c *Client) explain(err error) error {
	var f *target.Failure
	if err == nil || !errors.As(err, &f) {
		return err
	}
	switch f.Status {
	case http.StatusForbidden:
		return fault.WithHint(err, withCorrelation(c.forbidden(f), f))
	case http.StatusUnauthorized:
		if f.Code == "invalid_client" {
			return err // of the login, which has said what it means
		}
		return fault.WithHint(err, withCorrelation(c.unauthorized(f), f))
	}
	return err
}

func withCorrelation(hint string, f *target.Failure) string {
	if f.Correlation == "" {
		return hint
	}
	return hint + "; Genesys support finds the request by its correlation id " + f.Correlation
}

// anyOf is the code of a refusal at the door, where one of several permissions
// would have been enough: it is about the request as a whole.
const anyOf = "missing.any.permissions"

func (c *Client) forbidden(f *target.Failure) string {
	var lacking []string
	for _, p := range f.Permissions {
		text := p
		if i := slices.IndexFunc(rights, func(r right) bool { return r.permission == p }); i >= 0 {
			text += " (to " + rights[i].purpose + ")"
			if f.Code != anyOf {
				f.Paths = append(f.Paths, rights[i].paths...)
			}
		}
		lacking = append(lacking, text)
	}
	switch {
	case strings.HasPrefix(f.Detail, scimclient.BeforeAPI):
		return "a proxy or firewall between here and the API refused: the answer is not the API's; ask whoever runs it"
	case f.Code == "authz.policy.denied":
		return "an access policy of the organization forbids this to the OAuth client: ask its administrator"
	case len(lacking) == 1:
		return "the OAuth client lacks the permission " + lacking[0] + ": " + howToGrant
	case len(lacking) > 1:
		return "the OAuth client lacks permissions, any of which opens the door: " + strings.Join(lacking, ", ") + "; " + howToGrant
	}
	return "the credentials are good but may not do this, for lack of a role or of a division: " + howToGrant
}

// unauthorized is for tokens that were fresh: an expired one was replaced in silence.
func (c *Client) unauthorized(f *target.Failure) string {
	switch {
	case f.Code == addressRefused:
		return "the organization lets its API be used from listed addresses only: add this machine's, in Genesys Cloud, Admin > Account Settings > Organization Settings"
	case !sameDomain(c.apiURL, c.loginURL):
		return "a token that " + hostOf(c.loginURL) + " has just issued is not accepted at " + hostOf(c.apiURL) + ": the two belong to different regions; give region, or both URLs of one"
	}
	return "a token that was just issued is not accepted: the OAuth client was probably disabled or deleted; see Admin > Integrations > OAuth"
}
