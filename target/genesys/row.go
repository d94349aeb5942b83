package genesys

import (
	"net/url"
	"slices"
	"strings"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/scim/scimclient"
	"rollcall/target"
	"rollcall/target/genesysschema"
)

// A cutter makes rows of one shape from resources. It is for one goroutine.
type cutter struct {
	shape   *scim.Shape
	asked   []scim.Path
	decoder *scimclient.Decoder
}

// newCutter is for the paths that were asked; nil: the whole shape.
func newCutter(s *scim.Shape, asked []scim.Path) *cutter {
	c := &cutter{shape: s}
	c.decoder = scimclient.NewDecoder(s, func(p scim.Path) (scimclient.Form, bool) {
		if asked != nil && !slices.Contains(asked, p) {
			return nil, false
		}
		c.asked = append(c.asked, p)
		return tolerant(p), true
	})
	return c
}

// tolerant is the canonical form on reading. A value that has none is kept as
// it came: the service may hold what it would not take. Of external ids, those
// that the service keeps for SCIM clients are not part of the set (dossier §5.3).
func tolerant(p scim.Path) scimclient.Form {
	form := formOf(p)
	if p == userName {
		form = folded // which of itself need not be an address
	}
	return func(v scim.Value) scim.Value {
		canon, err := form(v)
		if err != nil {
			return v
		}
		if p == externalIDs {
			if authority, _ := canon.Sub("authority").Text(); strings.HasPrefix(authority, genesysschema.ClientAuthority) {
				return ""
			}
		}
		return canon
	}
}

// observed is the resource that a text holds, which may be overwritten
// afterwards. A group is always active.
func (c *cutter) observed(t scim.Type, text []byte) (target.Observed, error) {
	d, err := c.decoder.Decode(text)
	if err != nil {
		return target.Observed{}, &target.Failure{Kind: fault.Unavailable, Detail: "the answer holds no " + noun(t), Cause: err}
	}
	o := target.Observed{Ref: scim.Ref{Type: t, ID: d.ID, Version: d.Version}, State: target.Active, Row: d.Row}
	if d.Inactive {
		o.State = target.Inactive
	}
	return o, nil
}

// projection asks for the attributes of the paths, and no others: what always
// comes is enough where there are none. Repeated parameters are what the
// definition declares (dossier §8.1).
func (c *cutter) projection(t scim.Type) url.Values {
	schema := genesysschema.Schema()
	names := []string{"id"}
	for _, a := range c.asked {
		parts := a.Parts()
		p := parts.Base()
		spelled, attribute, err := schema.Resolve(t, p)
		if err != nil || attribute.Returned == "never" || spelled == "schemas" {
			continue
		}
		if !slices.Contains(names, string(spelled)) {
			names = append(names, string(spelled))
		}
	}
	return url.Values{"attributes": names}
}

// kind is the kind of list that the asked paths make.
func (c *cutter) kind(t scim.Type) string {
	if t == scim.Group {
		return grouped
	}
	if slices.ContainsFunc(c.asked, func(a scim.Path) bool { return slices.Contains(secondary, a.Parts().Base()) }) {
		return heavy
	}
	return light
}
