package genesyssim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// A profile is a user as a body or a patched resource has it: types and forms
// are checked, names not yet looked up.
type profile struct {
	userName, displayName, title, work        string
	externalID, manager, department, division string
	employeeNumber, dateHire                  string
	mirror                                    string // value of the e-mail of type other; "" where there is none
	active                                    bool
	workPrimary, password                     bool
	hasActive, hasRoles, hasDivision          bool // whether the body says anything of it
	phones                                    []phone
	roles                                     []string
	skills, languages                         []named
	externals                                 []authorized
}

type named struct {
	name  string
	level float32
}

type authorized struct{ authority, value string }

// refuse is a SCIM error 400.
func refuse(scimType, format string, args ...any) *scim.Error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scimType, Detail: fmt.Sprintf(format, args...), Index: -1}
}

// A decoder takes values out of decoded JSON and keeps the first fault.
type decoder struct{ fault *scim.Error }

func (d *decoder) fail(format string, args ...any) {
	if d.fault == nil {
		d.fault = refuse("invalidValue", format, args...)
	}
}

func (d *decoder) text(m map[string]any, name string) string {
	v, _ := member[string](d, m, name, "a string")
	return v
}

func (d *decoder) flag(m map[string]any, name string) (value, given bool) {
	return member[bool](d, m, name, "a boolean")
}

func (d *decoder) object(m map[string]any, name string) map[string]any {
	v, _ := member[map[string]any](d, m, name, "an object")
	return v
}

// member is the value of m under name, which must be what if it is given.
func member[T any](d *decoder, m map[string]any, name, what string) (value T, given bool) {
	value, ok := m[name].(T)
	if given = m[name] != nil; given && !ok {
		d.fail("%s must be %s.", name, what)
	}
	return value, given
}

// elements are the objects of a multi-valued attribute; one object alone is a list of one.
func (d *decoder) elements(m map[string]any, name string) (elements []map[string]any, given bool) {
	switch v := m[name].(type) {
	case nil:
		_, given := m[name]
		return nil, given
	case map[string]any:
		return []map[string]any{v}, true
	case []any:
		for _, e := range v {
			object, ok := e.(map[string]any)
			if !ok {
				d.fail("An element of %s must be an object.", name)
				return nil, true
			}
			elements = append(elements, object)
		}
		return elements, true
	default:
		d.fail("%s must be a list.", name)
		return nil, true
	}
}

// readProfile checks and takes apart the attributes of a user, which a cleaner has cleaned.
func readProfile(attrs map[string]any) (*profile, *scim.Error) {
	var d decoder
	p := &profile{
		userName: strings.TrimSpace(d.text(attrs, "userName")), displayName: d.text(attrs, "displayName"),
		title: d.text(attrs, "title"), externalID: d.text(attrs, "externalId"),
		password: d.text(attrs, "password") != "",
	}
	p.active, p.hasActive = d.flag(attrs, "active")
	p.emails(&d, attrs)
	p.numbers(&d, attrs)
	p.roleNames(&d, attrs)
	p.enterprise(&d, d.object(attrs, genesysschema.EnterpriseURN))
	p.genesys(&d, d.object(attrs, genesysschema.GenesysURN))
	if p.userName != "" && !address(p.userName) {
		d.fail("userName must be an e-mail address.")
	}
	return p, d.fault
}

// address tells whether text could be an e-mail address.
func address(text string) bool {
	at := strings.LastIndexByte(text, '@')
	return at > 0 && at < len(text)-1 && !strings.ContainsAny(text, " \t\r\n<>")
}

func (p *profile) emails(d *decoder, attrs map[string]any) {
	list, _ := d.elements(attrs, "emails")
	for _, e := range list {
		value, kind := d.text(e, "value"), fold(d.text(e, "type"))
		primary, _ := d.flag(e, "primary")
		if value != "" && !address(value) {
			d.fail("An e-mail address is not one.")
		}
		if kind == "" {
			kind = "work"
			if strings.EqualFold(value, p.userName) {
				kind = genesysschema.MirrorType
			}
		}
		switch kind {
		case "work":
			p.work, p.workPrimary = value, primary
		case genesysschema.MirrorType:
			p.mirror = value
		default:
			d.fail("The type of an e-mail must be one of %s.", strings.Join(genesysschema.EmailTypes(), ", "))
		}
	}
}

// numbers keeps one number of each type: the last.
func (p *profile) numbers(d *decoder, attrs map[string]any) {
	list, _ := d.elements(attrs, "phoneNumbers")
	for _, e := range list {
		n := phone{kind: fold(d.text(e, "type"))}
		n.primary, _ = d.flag(e, "primary")
		if n.kind == "" {
			n.kind = "work"
		}
		if !slices.Contains(genesysschema.PhoneTypes(), n.kind) {
			d.fail("The type of a phone number must be one of %s.", strings.Join(genesysschema.PhoneTypes(), ", "))
			return
		}
		text := d.text(e, "value")
		if text == "" {
			continue
		}
		value, ok := parsePhone(text)
		if !ok {
			d.fail("A phone number must be in E.164 or a tel URI such as tel:+nnnnnnnn; ext=xxxxx.")
			return
		}
		n.value = value
		p.phones = slices.DeleteFunc(p.phones, func(o phone) bool { return o.kind == n.kind })
		p.phones = append(p.phones, n)
	}
}

func (p *profile) roleNames(d *decoder, attrs map[string]any) {
	var list []map[string]any
	list, p.hasRoles = d.elements(attrs, "roles")
	for _, e := range list {
		if name := d.text(e, "value"); name != "" {
			p.roles = append(p.roles, name)
		}
	}
}

func (p *profile) enterprise(d *decoder, m map[string]any) {
	p.division, p.department = d.text(m, genesysschema.Division), d.text(m, genesysschema.Department)
	p.hasDivision = p.division != ""
	p.employeeNumber = d.text(m, genesysschema.EmployeeNumber)
	p.manager = d.text(d.object(m, genesysschema.Manager), "value")
	if text := d.text(m, genesysschema.DateHire); text != "" {
		p.dateHire = date(text)
		if p.dateHire == "" {
			d.fail("dateHire must be an ISO-8601 date.")
		}
	}
}

// date is the day of an ISO-8601 date or date-time, or "".
func date(text string) string {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	return ""
}

func (p *profile) genesys(d *decoder, m map[string]any) {
	p.skills = ratings(d, m, genesysschema.RoutingSkills)
	p.languages = ratings(d, m, genesysschema.RoutingLanguages)
	list, _ := d.elements(m, genesysschema.ExternalIDs)
	for _, e := range list {
		a := authorized{d.text(e, "authority"), d.text(e, "value")}
		if a.authority == "" || a.value == "" {
			d.fail("An external id needs authority and value.")
		}
		p.externals = append(p.externals, a)
	}
}

func ratings(d *decoder, m map[string]any, attribute string) []named {
	list, _ := d.elements(m, attribute)
	if len(list) > genesysschema.MaxRatings {
		d.fail("%s may have at most %d elements.", attribute, genesysschema.MaxRatings)
	}
	out := make([]named, 0, len(list))
	for _, e := range list {
		n := named{name: d.text(e, "name")}
		level, ok := number64(e["proficiency"])
		if !ok || level < 0 || level > genesysschema.MaxProficiency {
			d.fail("A proficiency must be a number from 0.0 to %.1f.", genesysschema.MaxProficiency)
		}
		if n.name == "" {
			d.fail("An element of %s needs a name.", attribute)
		}
		n.level = float32(level)
		out = append(out, n)
	}
	return out
}

// number64 is a number; none is 0.
func number64(v any) (float64, bool) {
	switch n := v.(type) {
	case nil:
		return 0, true
	case float64:
		return n, true
	default:
		return 0, false
	}
}
