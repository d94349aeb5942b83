package genesyssim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/fault"
)

// Switches choose how the organization behaves where no public source settles
// how Genesys Cloud does (design §10). A switch left out has its default.
type Switches map[string]string

// A SwitchDoc describes one switch.
type SwitchDoc struct {
	Name    string   `json:"name"`
	Default string   `json:"default"`
	Values  []string `json:"values"` // every word it takes, the default first; for the others an example of each kind
	Takes   string   `json:"takes"`  // what else it takes: "a number of ...", "a duration", ""
	Rule    int      `json:"rule"`   // of dossier §14
	Doc     string   `json:"doc"`
}

// knobs are the switches in the form that code asks.
type knobs struct {
	tokenSeconds, rate, membersLimit, pageMax, stale, groupWrite int // 0: off

	idleExpiry, memberDelay, secondBump time.Duration // 0: off

	heavyPage float64

	expiredCode, deletedUsername string

	perClient, jwt, defaultUnlessGiven, keepRoles, ignoreMirror, ignoreUnknownName, telForm, idPerOrg,
	rejectUnknown, ignoreUnknownMember, dropInactive, quotedVersion, bumpSecondary, activeKeysOnly,
	groupsNeedFilter, shuffle, strictOp, partial, missingIsError, emptyClears, removeKeeps bool
}

// A knob is one switch: its description and the setter of its value, which
// tells what is wrong with it.
type knob struct {
	SwitchDoc

	set func(k *knobs, doc SwitchDoc, value string) error
}

// docs of the switches are sentences for the reference; they name the default first.
var table = []knob{
	{SwitchDoc{
		Name: "token_seconds", Default: "86400", Values: []string{"86400", "300"}, Takes: "a number of seconds from 300 to 38880000", Rule: 4,
		Doc: "How long a token lives.",
	}, number(func(k *knobs) *int { return &k.tokenSeconds }, 300, 38880000, false)},
	{SwitchDoc{
		Name: "idle_expiry", Default: "off", Values: []string{"off", "15m"}, Takes: "a duration", Rule: 4,
		Doc: "After how long without a request a token dies, as with the HIPAA mode on (15m there).",
	}, duration(func(k *knobs) *time.Duration { return &k.idleExpiry })},
	{SwitchDoc{
		Name: "expired_code", Default: "credentials.expired", Values: []string{"credentials.expired", "bad.credentials"}, Rule: 5,
		Doc: "The code of the 401 for an expired token.",
	}, word(func(k *knobs) *string { return &k.expiredCode })},
	{SwitchDoc{
		Name: "rate", Default: "300", Values: []string{"300", "off"}, Takes: "a number of requests a minute", Rule: 9,
		Doc: "How many requests a minute are granted; off lifts the limit, and the headers then say 1000000.",
	}, number(func(k *knobs) *int { return &k.rate }, 1, 1000000, true)},
	{SwitchDoc{
		Name: "rate_by", Default: "token", Values: []string{"token", "client"}, Rule: 9,
		Doc: "Whether each token has its own budget or the tokens of a client share one.",
	}, second(func(k *knobs) *bool { return &k.perClient })},
	{SwitchDoc{
		Name: "tokens", Default: "opaque", Values: []string{"opaque", "jwt"}, Rule: 2,
		Doc: "Whether tokens are opaque, or JWTs with exp whose answer names the scope that was asked for.",
	}, second(func(k *knobs) *bool { return &k.jwt })},
	{SwitchDoc{
		Name: "deleted_username", Default: "restore", Values: []string{"restore", "new", "conflict"}, Rule: 13,
		Doc: "What creating a user with a deleted user's userName does: restores the same id, makes a new one, or answers 409.",
	}, word(func(k *knobs) *string { return &k.deletedUsername })},
	{SwitchDoc{
		Name: "default_role", Default: "always", Values: []string{"always", "unless_given"}, Rule: 14,
		Doc: "Whether a new user gets the role employee always, or only if no role is given.",
	}, second(func(k *knobs) *bool { return &k.defaultUnlessGiven })},
	{SwitchDoc{
		Name: "strip_roles", Default: "true", Values: []string{"true", "false"}, Rule: 15,
		Doc: "Whether deactivation takes the directly granted roles away.",
	}, second(func(k *knobs) *bool { return &k.keepRoles })},
	{SwitchDoc{
		Name: "mirror_email", Default: "reject", Values: []string{"reject", "ignore"}, Rule: 17,
		Doc: "What writing another value than the userName to the e-mail of type other does: 400 mutability, or nothing.",
	}, second(func(k *knobs) *bool { return &k.ignoreMirror })},
	{SwitchDoc{
		Name: "unknown_name", Default: "reject", Values: []string{"reject", "ignore"}, Rule: 18,
		Doc: "What an unknown role, division, skill or language does: 400 invalidValue, or it is left out in silence.",
	}, second(func(k *knobs) *bool { return &k.ignoreUnknownName })},
	{SwitchDoc{
		Name: "phone_form", Default: "e164", Values: []string{"e164", "tel"}, Rule: 20,
		Doc: "The form in which phone numbers come back; one with an extension always is a tel URI.",
	}, second(func(k *knobs) *bool { return &k.telForm })},
	{SwitchDoc{
		Name: "external_id", Default: "client", Values: []string{"client", "org"}, Rule: 21,
		Doc: "Whether each OAuth client has its own externalId of a user, or all share one.",
	}, second(func(k *knobs) *bool { return &k.idPerOrg })},
	{SwitchDoc{
		Name: "unknown_attribute", Default: "ignore", Values: []string{"ignore", "reject"}, Rule: 22,
		Doc: "What an unknown attribute in a body does: nothing, or 400 invalidSyntax.",
	}, second(func(k *knobs) *bool { return &k.rejectUnknown })},
	{SwitchDoc{
		Name: "group_write", Default: "405", Values: []string{"405", "404"}, Rule: 23,
		Doc: "What creating or deleting a group answers.",
	}, status(func(k *knobs) *int { return &k.groupWrite })},
	{SwitchDoc{
		Name: "unknown_member", Default: "reject", Values: []string{"reject", "ignore"}, Rule: 24,
		Doc: "What adding a user who is not there does: 400 invalidValue, or nothing.",
	}, second(func(k *knobs) *bool { return &k.ignoreUnknownMember })},
	{SwitchDoc{
		Name: "inactive_members", Default: "kept", Values: []string{"kept", "dropped"}, Rule: 24,
		Doc: "Whether a deactivated user stays in the groups.",
	}, second(func(k *knobs) *bool { return &k.dropInactive })},
	{SwitchDoc{
		Name: "members_limit", Default: "50", Values: []string{"50", "off"}, Takes: "a number of members", Rule: 24,
		Doc: "How many members one request may name; beyond it 400.",
	}, number(func(k *knobs) *int { return &k.membersLimit }, 1, 1000000, true)},
	{SwitchDoc{
		Name: "member_delay", Default: "0s", Values: []string{"0s", "5s"}, Takes: "a duration", Rule: 25,
		Doc: "How long a written membership stays invisible.",
	}, duration(func(k *knobs) *time.Duration { return &k.memberDelay })},
	{SwitchDoc{
		Name: "version_form", Default: "plain", Values: []string{"plain", "quoted"}, Rule: 27,
		Doc: "Whether meta.version holds the quotes of the ETag header.",
	}, second(func(k *knobs) *bool { return &k.quotedVersion })},
	{SwitchDoc{
		Name: "stale", Default: "400", Values: []string{"400", "409", "412"}, Rule: 28,
		Doc: "What a stale If-Match answers: 400 with invalidVers, 409 with a SCIM error, or 412.",
	}, status(func(k *knobs) *int { return &k.stale })},
	{SwitchDoc{
		Name: "bump_on_secondary", Default: "false", Values: []string{"false", "true"}, Rule: 29,
		Doc: "Whether changes of roles, skills, languages, external ids and memberships advance the user's version.",
	}, second(func(k *knobs) *bool { return &k.bumpSecondary })},
	{SwitchDoc{
		Name: "second_bump", Default: "0s", Values: []string{"0s", "2s"}, Takes: "a duration", Rule: 29,
		Doc: "How long after a create the version advances once more by itself.",
	}, duration(func(k *knobs) *time.Duration { return &k.secondBump })},
	{SwitchDoc{
		Name: "page_max", Default: "500", Values: []string{"500", "10"}, Takes: "a number of rows", Rule: 30,
		Doc: "The most rows of a page; a larger count gets this many.",
	}, number(func(k *knobs) *int { return &k.pageMax }, 1, 1000000, false)},
	{SwitchDoc{
		Name: "heavy_page", Default: "0", Values: []string{"0", "1"}, Takes: "a probability", Rule: 31,
		Doc: "How likely a page of more than 25 rows with roles, skills, languages or externalId answers 429.",
	}, probability(func(k *knobs) *float64 { return &k.heavyPage })},
	{SwitchDoc{
		Name: "key_filter_inactive", Default: "true", Values: []string{"true", "false"}, Rule: 32,
		Doc: "Whether a filter by id, userName, email or external id finds inactive users too.",
	}, second(func(k *knobs) *bool { return &k.activeKeysOnly })},
	{SwitchDoc{
		Name: "groups_need_filter", Default: "false", Values: []string{"false", "true"}, Rule: 32,
		Doc: "Whether listing groups under /scim/v2 without a filter answers 400.",
	}, second(func(k *knobs) *bool { return &k.groupsNeedFilter })},
	{SwitchDoc{
		Name: "list_order", Default: "stable", Values: []string{"stable", "shuffle"}, Rule: 33,
		Doc: "Whether a list has an order that stays, or rows that change places between requests.",
	}, second(func(k *knobs) *bool { return &k.shuffle })},
	{SwitchDoc{
		Name: "strict_op", Default: "false", Values: []string{"false", "true"}, Rule: 34,
		Doc: "Whether op must be in lower case and schemas must name PatchOp.",
	}, second(func(k *knobs) *bool { return &k.strictOp })},
	{SwitchDoc{
		Name: "atomic", Default: "true", Values: []string{"true", "false"}, Rule: 34,
		Doc: "Whether a PATCH that fails at one operation leaves the others undone too.",
	}, second(func(k *knobs) *bool { return &k.partial })},
	{SwitchDoc{
		Name: "missing_element", Default: "create", Values: []string{"create", "noTarget"}, Rule: 35,
		Doc: "What replacing x[type eq \"t\"].value does where there is no such element: makes it, or 400 noTarget.",
	}, second(func(k *knobs) *bool { return &k.missingIsError })},
	{SwitchDoc{
		Name: "empty_value", Default: "keep", Values: []string{"keep", "clear"}, Rule: 35,
		Doc: "What an empty string or null in add and replace does: nothing, or it clears the attribute.",
	}, second(func(k *knobs) *bool { return &k.emptyClears })},
	{SwitchDoc{
		Name: "removed_value", Default: "clear", Values: []string{"clear", "keep"}, Rule: 35,
		Doc: "What remove does to an attribute that is no list: clears it, or is answered well and changes nothing.",
	}, second(func(k *knobs) *bool { return &k.removeKeeps })},
}

// SwitchDocs are the descriptions of all switches, in the order of dossier §14.
func SwitchDocs() []SwitchDoc {
	docs := make([]SwitchDoc, 0, len(table))
	for _, k := range table {
		k.Values = slices.Clone(k.Values)
		docs = append(docs, k.SwitchDoc)
	}
	return docs
}

// Check reports every unknown switch and every value that its switch does not
// take, by the name of the switch. Kind: Invalid.
func (s Switches) Check() error {
	_, err := s.compile()
	return err
}

func (s Switches) compile() (*knobs, error) {
	var out knobs
	var faults []error
	for _, k := range table {
		value, given := s[k.Name]
		if !given {
			value = k.Default
		}
		if err := k.turn(&out, value); err != nil {
			faults = append(faults, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if err := knownSwitch(name); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("switches: %w: %w", fault.Invalid, errors.Join(faults...))
	}
	return &out, nil
}

// all is every switch with its value, defaults included.
func (s Switches) all() Switches {
	out := make(Switches, len(table))
	for _, k := range table {
		out[k.Name] = k.Default
	}
	maps.Copy(out, s)
	return out
}

func knownSwitch(name string) error {
	names := make([]string, len(table))
	for i, k := range table {
		names[i] = k.Name
	}
	if slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("unknown switch %q%s", name, suggest(name, names))
}

func checkSwitch(name, value string) error {
	var scratch knobs
	for _, k := range table {
		if k.Name == name {
			return k.turn(&scratch, value)
		}
	}
	return knownSwitch(name)
}

// turn sets the knob. The words a switch takes are in its table of values;
// those whose Takes is not empty take more.
func (k knob) turn(out *knobs, value string) error {
	if k.Takes == "" && !slices.Contains(k.Values, value) {
		return fmt.Errorf("switch %s: %q is none of %s%s", k.Name, value, strings.Join(k.Values, ", "), suggest(value, k.Values))
	}
	if err := k.set(out, k.SwitchDoc, value); err != nil {
		return fmt.Errorf("switch %s: %q is not %s", k.Name, value, k.takes())
	}
	return nil
}

// takes says what a switch of free values takes, its words included.
func (k knob) takes() string {
	if slices.Contains(k.Values, "off") {
		return k.Takes + " or off"
	}
	return k.Takes
}

var errValue = errors.New("no value of this switch")

func word(at func(*knobs) *string) func(*knobs, SwitchDoc, string) error {
	return func(k *knobs, _ SwitchDoc, v string) error { *at(k) = v; return nil }
}

// second is for switches of two words: the knob is on where the value is the
// second, which is never the default.
func second(at func(*knobs) *bool) func(*knobs, SwitchDoc, string) error {
	return func(k *knobs, doc SwitchDoc, v string) error {
		*at(k) = v == doc.Values[1]
		return nil
	}
}

func status(at func(*knobs) *int) func(*knobs, SwitchDoc, string) error {
	return number(at, 400, 412, false)
}

func number(at func(*knobs) *int, least, most int, off bool) func(*knobs, SwitchDoc, string) error {
	return func(k *knobs, _ SwitchDoc, v string) error {
		if off && v == "off" {
			*at(k) = 0
			return nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return errValue
		}
		*at(k) = n
		return nil
	}
}

func duration(at func(*knobs) *time.Duration) func(*knobs, SwitchDoc, string) error {
	return func(k *knobs, _ SwitchDoc, v string) error {
		if v == "off" {
			*at(k) = 0
			return nil
		}
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return errValue
		}
		*at(k) = d
		return nil
	}
}

func probability(at func(*knobs) *float64) func(*knobs, SwitchDoc, string) error {
	return func(k *knobs, _ SwitchDoc, v string) error {
		p, err := strconv.ParseFloat(v, 64)
		if err != nil || !(p >= 0 && p <= 1) {
			return errValue
		}
		*at(k) = p
		return nil
	}
}
