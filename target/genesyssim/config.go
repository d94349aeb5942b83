package genesyssim

import (
	"encoding/json"
	"strconv"
	"time"
)

// A Config is the organization to simulate (design §10). The zero Config is an
// empty organization with the default catalogs and one client.
type Config struct {
	Seed        int64    `yaml:"seed"`         // ids, generated people and faults follow from it
	Listen      string   `yaml:"listen"`       // address of the API; "" is DefaultListen
	LoginListen string   `yaml:"login_listen"` // address of /oauth/token; "": with the API
	Control     string   `yaml:"control"`      // who may use /_sim: "loopback" (also ""), or "any"
	Clients     []Client `yaml:"clients"`      // nil: one named demo that may do everything
	Users       Users    `yaml:"users"`
	Groups      []Group  `yaml:"groups"` // nil with generated users: generated too
	Roles       []string `yaml:"roles"`  // catalogs; nil: the defaults. A name that only a seeded user has is added
	Divisions   []string `yaml:"divisions"`
	Skills      []string `yaml:"skills"`
	Languages   []string `yaml:"languages"`
	Switches    Switches `yaml:"switches"`
	Faults      []Fault  `yaml:"faults"`
}

// The defaults of a configuration file.
const (
	DefaultSeed   = 7
	DefaultListen = "127.0.0.1:8085"
)

// A Client is an OAuth client of the organization.
type Client struct {
	ID          string   `json:"id"               yaml:"id"`
	Secret      string   `json:"secret,omitempty" yaml:"secret"`
	Permissions []string `json:"permissions"      yaml:"permissions"` // domain:entity:action; "*" in a place, or alone, is everything
	Disabled    bool     `json:"disabled"         yaml:"disabled"`
}

// Users are the people of the organization: a number of generated ones, or a list.
type Users struct {
	Count int
	List  []map[string]any // SCIM users; "state" may be active, inactive or deleted, and manager a userName
}

// A Group is a group of the organization. Members and owners are named by
// userName, externalId or id.
type Group struct {
	Name    string   `yaml:"name"`
	Rule    string   `yaml:"rule"` // a SCIM filter over users: who matches is a member and cannot be removed
	Members []string `yaml:"members"`
	Owners  []string `yaml:"owners"` // members that cannot be removed
	Roles   []string `yaml:"roles"`  // granted to the members
	ID      string   `yaml:"id"`
}

// A Deed is what a fault does.
type Deed string

// The deeds beside statuses; see [DeedDocs].
const (
	LoseAnswer  Deed = "lose-answer"  // processed, then the connection drops
	CutBody     Deed = "cut-body"     // processed, then half of the answer
	Slow        Deed = "slow"         // processed, then Ms milliseconds
	StaleDeed   Deed = "stale"        // someone else writes the resource just before
	ExpireToken Deed = "expire-token" // the token has just expired
	HTML        Deed = "html"         // an error page of the edge, not processed
	ShiftPages  Deed = "shift-pages"  // the rows of a list have moved by a few places
)

// A DeedDoc describes what a fault can do.
type DeedDoc struct {
	Do  Deed   `json:"do"`
	Doc string `json:"doc"`
}

// DeedDocs are the descriptions of everything a fault can do.
func DeedDocs() []DeedDoc {
	return []DeedDoc{
		{"408", "Answers 408; the request is not processed."},
		{"429", "Answers 429 with Retry-After: 1; the request is not processed."},
		{"500", "Answers 500; the request is not processed."},
		{"502", "Answers 502; the request is not processed."},
		{"503", "Answers 503; the request is not processed."},
		{"504", "Answers 504; the request is not processed."},
		{LoseAnswer, "Processes the request, then drops the connection without an answer."},
		{CutBody, "Processes the request, then drops the connection after half of the answer."},
		{Slow, "Processes the request, then answers after ms milliseconds."},
		{StaleDeed, "Someone else writes the resource just before the request: an If-Match is stale."},
		{ExpireToken, "The token expires just before the request, and stays expired."},
		{HTML, "Answers 502 with an HTML page of the edge; the request is not processed."},
		{ShiftPages, "The rows of a list have moved by one to three places, so that pages repeat or miss some."},
	}
}

func deeds() []string {
	var words []string
	for _, d := range DeedDocs() {
		words = append(words, string(d.Do))
	}
	return words
}

// MarshalJSON writes a status as a number.
func (d Deed) MarshalJSON() ([]byte, error) {
	if n, err := strconv.Atoi(string(d)); err == nil {
		return strconv.AppendInt(nil, int64(n), 10), nil
	}
	return json.Marshal(string(d))
}

// UnmarshalJSON takes a number or a word.
func (d *Deed) UnmarshalJSON(text []byte) error {
	var n json.Number
	if err := json.Unmarshal(text, &n); err == nil {
		*d = Deed(n)
		return nil
	}
	return json.Unmarshal(text, (*string)(d))
}

// A Fault is trouble that befalls the requests that Match.
//
// Match is a method and a path, each of which may be "*": SCIM paths are
// relative to the SCIM base ("PATCH /users/*"), all others whole. A "*" at the
// end of the path stands for any rest, elsewhere for one segment; segments
// are compared in any case. /oauth/token is only matched by name, /_sim never.
type Fault struct {
	Match       string   `json:"match"                 yaml:"match"`
	Do          Deed     `json:"do"                    yaml:"do"`
	Probability *float64 `json:"probability,omitempty" yaml:"probability"` // nil: 1
	Count       int      `json:"count,omitempty"       yaml:"count"`       // how often it befalls; 0: without end
	Ms          int      `json:"ms,omitempty"          yaml:"ms"`          // of slow
}

func (f Fault) wait() time.Duration { return time.Duration(f.Ms) * time.Millisecond }

// withDefaults fills what is left out.
func (c Config) withDefaults() Config {
	if c.Clients == nil {
		c.Clients = []Client{{ID: "demo", Secret: "demo-secret", Permissions: []string{"*"}}}
	}
	for _, d := range []struct {
		have *[]string
		want []string
	}{
		{&c.Roles, []string{"employee", "Sales Agent", "admin"}},
		{&c.Divisions, []string{"Home", "EMEA"}},
		{&c.Skills, []string{"Billing", "Spanish"}},
		{&c.Languages, []string{"English", "Deutsch"}},
	} {
		if *d.have == nil {
			*d.have = d.want
		}
	}
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	return c
}
