package genesyssim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/target/genesyssim"
)

func TestParseConfig(t *testing.T) {
	t.Parallel()
	half := 0.05
	for name, tt := range map[string]struct {
		in   string
		want genesyssim.Config
	}{
		"an empty file is the defaults": {"", genesyssim.Config{Seed: 7, Listen: "127.0.0.1:8085"}},
		"a comment alone too":           {"# nothing\n", genesyssim.Config{Seed: 7, Listen: "127.0.0.1:8085"}},
		"everything": {
			`
seed: 9
listen: 127.0.0.1:0
login_listen: 127.0.0.1:1
control: any
clients: [{id: a, secret: b, permissions: ["*"]}, {id: c, secret: d, permissions: ["directory:user:edit"], disabled: true}]
users: 5000
groups: [Tool Design, {name: Night Shift, rule: 'department eq "Facilities"', members: [x@example.com], owners: [y@example.com], roles: [admin]}]
roles: [employee, Sales Agent, admin]
divisions: []
skills: [Billing]
languages: [English]
switches: {stale: 409, rate: off, rate_by: token, bump_on_secondary: false}
faults: [{match: "PATCH /users/*", do: 503, probability: 0.05}, {match: "POST /users", do: lose-answer, count: 1}, {match: "* *", do: slow, ms: 20}]
`,
			genesyssim.Config{
				Seed: 9, Listen: "127.0.0.1:0", LoginListen: "127.0.0.1:1", Control: "any",
				Clients: []genesyssim.Client{
					{ID: "a", Secret: "b", Permissions: []string{"*"}}, {ID: "c", Secret: "d", Permissions: []string{"directory:user:edit"}, Disabled: true},
				},
				Users: genesyssim.Users{Count: 5000},
				Groups: []genesyssim.Group{{Name: "Tool Design"}, {
					Name: "Night Shift", Rule: `department eq "Facilities"`, Members: []string{"x@example.com"}, Owners: []string{"y@example.com"}, Roles: []string{"admin"},
				}},
				Roles: []string{"employee", "Sales Agent", "admin"}, Divisions: []string{}, Skills: []string{"Billing"}, Languages: []string{"English"},
				Switches: genesyssim.Switches{"stale": "409", "rate": "off", "rate_by": "token", "bump_on_secondary": "false"},
				Faults: []genesyssim.Fault{
					{Match: "PATCH /users/*", Do: "503", Probability: &half},
					{Match: "POST /users", Do: genesyssim.LoseAnswer, Count: 1},
					{Match: "* *", Do: genesyssim.Slow, Ms: 20},
				},
			},
		},
		"users may be a list": {
			"users:\n  - {userName: a@example.com, displayName: A, phoneNumbers: [{type: work, value: \"+13175550100\"}], routingSkills: [{name: Billing, proficiency: 3}]}\n",
			genesyssim.Config{Seed: 7, Listen: "127.0.0.1:8085", Users: genesyssim.Users{List: []map[string]any{{
				"userName": "a@example.com", "displayName": "A", "phoneNumbers": []any{map[string]any{"type": "work", "value": "+13175550100"}},
				"routingSkills": []any{map[string]any{"name": "Billing", "proficiency": 3.0}},
			}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := genesyssim.ParseConfig("sim.yaml", []byte(tt.in))
			if err != nil {
				t.Fatalf("ParseConfig: %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseConfig (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseConfigFindsEveryMistakeAtItsPlace(t *testing.T) {
	t.Parallel()
	const config = `sed: 7
users: -1
control: everyone
switches: {stail: 400, rate: none, atomic: maybe}
groups: [{nam: X}, {name: Y, rule: 'department ='}]
faults: [{match: users, do: 503}, {match: "* *", do: lose-anser}, {match: "* *", do: 500, probability: 2}]
clients: [{id: a}]
`
	_, err := genesyssim.ParseConfig("sim.yaml", []byte(config))
	if fault.Of(err) != fault.Invalid || !strings.HasPrefix(fault.Place(err), "sim.yaml:") {
		t.Errorf("ParseConfig error = %v, want one of kind invalid with a place", err)
	}
	for _, want := range []string{
		`sim.yaml:1:1: unknown key "sed" in the configuration, did you mean "seed"?`,
		`sim.yaml:2:8: "-1" is not a number from 0`,
		`sim.yaml:3:10: control: "everyone" is none of loopback, any`,
		`sim.yaml:4:12: unknown key "stail" in switches, did you mean "stale"?`,
		`sim.yaml:4:30: switch rate: "none" is not a number of requests a minute or off`,
		`sim.yaml:4:44: switch atomic: "maybe" is none of true, false`,
		`sim.yaml:5:11: unknown key "nam" in a group, did you mean "name"?`,
		`sim.yaml:5:10: a group needs a name`,
		`sim.yaml:5:36: rule: `,
		`sim.yaml:6:10: fault: match "users" is not a method and a path`,
		`sim.yaml:6:35: fault: do "lose-anser" is none of`,
		`did you mean "lose-answer"?`,
		`sim.yaml:6:67: fault: probability 2 is not from 0 to 1`,
		`sim.yaml:7:11: a client needs id and secret`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("ParseConfig error lacks %q:\n%v", want, err)
		}
	}
}

func TestParseConfigRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"what is not YAML":             {"users: [", "sim.yaml:2:1: did not find"},
		"a key twice":                  {"seed: 1\nseed: 2\n", `sim.yaml:2:1: the key "seed" stands twice`},
		"a list for a mapping":         {"- seed", "sim.yaml:1:1: the configuration is a mapping of"},
		"a text for a list":            {"roles: employee", "sim.yaml:1:8: expected a list"},
		"an unknown attribute":         {"users: [{userName: a@x.y, displayName: A, tilte: T}]", `sim.yaml:1:9: unknown attribute "tilte", did you mean "title"?`},
		"a user without name":          {"users: [{userName: a@x.y}]", "sim.yaml:1:9: a user needs userName and displayName"},
		"a phone that is none":         {"users: [{userName: a@x.y, displayName: A, phoneNumbers: [{type: work, value: '1'}]}]", "sim.yaml:1:9: a phone number must be"},
		"a state that is none":         {"users: [{userName: a@x.y, displayName: A, state: gone}]", `state "gone" is none of`},
		"a user that is a text":        {"users: [a@x.y]", "sim.yaml:1:9: a user is a mapping"},
		"a switch value out of bounds": {"switches: {token_seconds: 299}", `"299" is not a number of seconds from 300 to 38880000`},
		"a probability that is none":   {"switches: {heavy_page: 1.5}", `"1.5" is not a probability`},
		"a duration that is none":      {"switches: {member_delay: soon}", `"soon" is not a duration`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := genesyssim.ParseConfig("sim.yaml", []byte(tt.in))
			if err == nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseConfig error = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	user := func(more map[string]any) genesyssim.Users {
		u := map[string]any{"userName": "a@example.com", "displayName": "A"}
		for k, v := range more {
			u[k] = v
		}
		return genesyssim.Users{List: []map[string]any{u, {"userName": "b@example.com", "displayName": "B"}}}
	}
	for name, tt := range map[string]struct {
		in   genesyssim.Config
		want string
	}{
		"an unknown switch":       {genesyssim.Config{Switches: genesyssim.Switches{"ratee": "1"}}, `unknown switch "ratee", did you mean "rate"?`},
		"a bad switch value":      {genesyssim.Config{Switches: genesyssim.Switches{"stale": "410"}}, `switch stale: "410" is none of 400, 409, 412`},
		"a bad fault":             {genesyssim.Config{Faults: []genesyssim.Fault{{Match: "GET /users", Do: "explode"}}}, `do "explode" is none of`},
		"a userName twice":        {genesyssim.Config{Users: user(map[string]any{"userName": "B@example.com"})}, "users: number 2: user name already in use"},
		"a manager who is nobody": {genesyssim.Config{Users: user(map[string]any{"manager": map[string]any{"value": "x@example.com"}})}, "the manager of a@example.com is not a user"},
		"a member who is nobody":  {genesyssim.Config{Groups: []genesyssim.Group{{Name: "G", Members: []string{"x@example.com"}}}}, `group "G": member "x@example.com" is not a user`},
		"a group twice":           {genesyssim.Config{Groups: []genesyssim.Group{{Name: "G"}, {Name: "g"}}}, `group "g": there are two of this name`},
		"users without a client":  {genesyssim.Config{Clients: []genesyssim.Client{}, Users: genesyssim.Users{Count: 1}}, "without a client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := genesyssim.New(tt.in, genesyssim.Options{Now: time.Now})
			if err == nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New error = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSeededManagersMayComeLater(t *testing.T) {
	t.Parallel()
	s := start(t, `
users:
  - {userName: a@example.com, displayName: A, manager: {value: b@example.com}}
  - {userName: b@example.com, displayName: B, routingLanguages: [{name: Klingon, proficiency: 5}]}
`)
	s.truth("a@example.com").has(s.id("b@example.com"), enterprise, "manager", "value")
	a := s.demo()
	a.get("/api/v2/routing/languages").is(200).lists([]string{"English", "Deutsch", "Klingon"}, "name", "entities")
}
