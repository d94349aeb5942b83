package genesys

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// A form brings one value into the form in which it is compared, sent and stored.
type form func(scim.Value) (scim.Value, error)

// canonical is [target.Dialect.Canonical].
func canonical(p scim.Path, v scim.Value) (scim.Value, error) {
	out, err := formOf(p)(v)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", p, fault.Invalid, err)
	}
	return out, nil
}

// formOf is the form of the values at p. Attributes it does not know keep
// their value, in the encoding of scim.Value.
func formOf(p scim.Path) form {
	parts := p.Parts()
	urn := parts.URN
	if urn == genesysschema.UserURN || urn == genesysschema.GroupURN {
		urn = ""
	}
	base := scim.Parts{URN: urn, Attr: parts.Attr}.Path()
	f := forms[base]
	switch {
	case f.whole == nil:
		return anything
	case parts.Sub == "" && parts.Filter == nil:
		return f.whole
	case parts.Sub == "":
		return person(f.element)
	}
	sub, ok := f.subs[parts.Sub]
	switch {
	case !ok:
		return anything
	case base == emails && mirrors(parts.Filter):
		return person(folded)
	}
	return person(sub)
}

// mirrors tells that a filter of e-mails picks the one that is the userName.
func mirrors(f *scim.Filter) bool {
	if f == nil {
		return false
	}
	attr, value, ok := f.Equality()
	text, _ := value.Text()
	return ok && strings.EqualFold(string(attr), "type") && strings.EqualFold(text, genesysschema.MirrorType)
}

// A shape of values: of a whole attribute, of one element, of the members of an element.
type attribute struct {
	whole, element form
	subs           map[string]form
}

var forms = map[scim.Path]attribute{
	userName:    single(address),
	displayName: single(text),
	"title":     single(text),
	externalID:  single(text),
	active:      single(boolean),
	division:    single(text),
	department:  single(text),
	employeeNo:  single(text),
	dateHire:    single(date),
	manager:     object("value", false, map[string]form{"value": text}),
	roles:       object("value", true, map[string]form{"value": text}),
	groups:      object("value", true, map[string]form{"value": text}),
	"members":   object("value", true, map[string]form{"value": text}),
	skills:      object("name", true, map[string]form{"name": text, "proficiency": proficiency}),
	languages:   object("name", true, map[string]form{"name": text, "proficiency": proficiency}),
	externalIDs: object("", true, map[string]form{"authority": text, "value": text}),
	emails:      object("", true, map[string]form{"type": text, "value": email}),
	phones:      object("", true, map[string]form{"type": text, "value": phone}),
}

func single(f form) attribute { return attribute{whole: person(f), element: f} }

// object is an attribute of objects: of their members only those in subs are
// kept. A scalar becomes the object of the member id, where there is one.
func object(id string, many bool, subs map[string]form) attribute {
	element := func(v scim.Value) (scim.Value, error) { return member(v, id, subs) }
	a := attribute{whole: person(element), element: element, subs: subs}
	if many {
		a.whole = person(each(element))
	}
	return a
}

func member(v scim.Value, id string, subs map[string]form) (scim.Value, error) {
	if v == "" || v[0] != '{' {
		if id == "" || v == "" || v == "null" || v[0] == '[' {
			return "", errors.New("not an object")
		}
		v = scim.ValueOf(map[string]any{id: v})
	}
	out := make(map[string]any, len(subs))
	for name, f := range subs {
		sub := v.Sub(name)
		switch {
		case sub == "" && name == "proficiency":
			sub = "0"
		case sub == "" && name == id:
			return "", fmt.Errorf("an element without %s", name)
		case sub == "":
			continue
		}
		sub, err := person(f)(sub)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		out[name] = sub
	}
	return scim.ValueOf(out), nil
}

// each lets an array of elements stand for the elements.
func each(f form) form {
	return func(v scim.Value) (scim.Value, error) {
		if v == "" || v[0] != '[' {
			return f(v)
		}
		all := []any{}
		for _, e := range v.Elements() {
			e, err := f(e)
			if err != nil {
				return "", err
			}
			all = append(all, e)
		}
		return scim.ValueOf(all), nil
	}
}

// person lets a value that stands for an id pass: {"$person": KEY}, {"$user": NAME}.
func person(f form) form {
	return func(v scim.Value) (scim.Value, error) {
		if v.Sub("$person") != "" || v.Sub("$user") != "" {
			return v, nil
		}
		return f(v)
	}
}

func anything(v scim.Value) (scim.Value, error) { return v, nil }

// text is a string; a number is its digits, as columns of numbers are read as such.
func text(v scim.Value) (scim.Value, error) {
	switch {
	case v == "":
		return "", errors.New("no value")
	case v[0] == '"':
		return v, nil
	case v[0] == '-' || '0' <= v[0] && v[0] <= '9':
		return scim.ValueOf(string(v)), nil
	}
	return "", errors.New("not a string")
}

func textual(f func(string) (any, error)) form {
	return func(v scim.Value) (scim.Value, error) {
		v, err := text(v)
		if err != nil {
			return "", err
		}
		s, _ := v.Text()
		out, err := f(s)
		if err != nil {
			return "", err
		}
		return scim.ValueOf(out), nil
	}
}

// address is a userName that the service takes: an e-mail address (dossier §5.1).
var address = textual(func(s string) (any, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	local, domain, _ := strings.Cut(s, "@")
	if local == "" || domain == "" || strings.Contains(domain, "@") || strings.ContainsFunc(s, unicode.IsSpace) {
		return nil, errors.New("not an e-mail address such as kim@example.com")
	}
	return s, nil
})

// folded is for what the service compares in any case.
var folded = textual(func(s string) (any, error) { return strings.ToLower(strings.TrimSpace(s)), nil })

// email folds the domain: the part before it is the mail server's business.
var email = textual(func(s string) (any, error) {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s, nil
	}
	return s[:at] + strings.ToLower(s[at:]), nil
})

// date takes the date of a date and time, as the service does (dossier §5.1).
var date = textual(func(s string) (any, error) {
	s = strings.TrimSpace(s)
	if len(s) > len(time.DateOnly) && strings.IndexByte("Tt ", s[len(time.DateOnly)]) >= 0 {
		s = s[:len(time.DateOnly)]
	}
	if _, err := time.Parse(time.DateOnly, s); s != "" && err != nil {
		return nil, errors.New("not a date such as 2026-01-31")
	}
	return s, nil
})

var phone = textual(func(s string) (any, error) {
	out, ok := formatPhone(s)
	if !ok {
		return nil, errors.New("not a phone number such as +13175550100 or +13175550100;ext=12")
	}
	return out, nil
})

func boolean(v scim.Value) (scim.Value, error) {
	if s, ok := v.Text(); ok {
		v = scim.Value(strings.ToLower(s))
	}
	if v != "true" && v != "false" {
		return "", errors.New("neither true nor false")
	}
	return v, nil
}

// proficiency has one decimal.
func proficiency(v scim.Value) (scim.Value, error) {
	s, ok := v.Text()
	if !ok {
		s = string(v)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(n >= 0 && n <= genesysschema.MaxProficiency) {
		return "", fmt.Errorf("not a number from 0 to %g", genesysschema.MaxProficiency)
	}
	return scim.ValueOf(math.Abs(math.Round(n*10) / 10)), nil
}
