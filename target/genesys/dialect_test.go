package genesys_test

import (
	"strings"
	"testing"

	"rollcall/fault"
	"rollcall/scim"
	"rollcall/target/genesys"
)

const (
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
	extension  = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User:"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path     string
		in, want scim.Value // want "": Invalid
	}{
		"a userName is folded":                          {"userName", `" Kim@Example.COM"`, `"kim@example.com"`},
		"a userName is an e-mail address":               {"userName", `"kim"`, ``},
		"an address has a domain":                       {"userName", `"kim@"`, ``},
		"an address has a name":                         {"userName", `"@example.com"`, ``},
		"an address has one @":                          {"userName", `"kim@home@example.com"`, ``},
		"an address has no blank":                       {"userName", `"kim @example.com"`, ``},
		"nor a tab":                                     {"userName", `"kim@example\t.com"`, ``},
		"the mirror of the userName too":                {`emails[type eq "other"].value`, `"Kim@Example.COM"`, `"kim@example.com"`},
		"of another e-mail only the domain":             {`emails[type eq "work"].value`, `"Kim@Example.COM"`, `"Kim@example.com"`},
		"a formatted number becomes E.164":              {`phoneNumbers[type eq "work"].value`, `"+1 (317) 555-0100"`, `"+13175550100"`},
		"a tel URI becomes E.164 with its extension":    {`phoneNumbers[type eq "work"].value`, `"tel:+1-317-555-0100; ext=12"`, `"+13175550100;ext=12"`},
		"so does a number with x":                       {`phoneNumbers[type eq "work"].value`, `"+1 317 555 0100 x12"`, `"+13175550100;ext=12"`},
		"and one with the word":                         {`phoneNumbers[type eq "work"].value`, `"+1 317 555 0100 Extension 12"`, `"+13175550100;ext=12"`},
		"a trunk prefix in brackets is dropped":         {`phoneNumbers[type eq "work"].value`, `"+44 (0)20 7946 0000"`, `"+442079460000"`},
		"a number without a country is none":            {`phoneNumbers[type eq "work"].value`, `"317 555 0100"`, ``},
		"nor are words":                                 {`phoneNumbers[type eq "work"].value`, `"+ask reception"`, ``},
		"a date and time becomes the date":              {enterprise + "dateHire", `"2024-03-01T00:00:00.000Z"`, `"2024-03-01"`},
		"a date stays":                                  {enterprise + "dateHire", `"2024-03-01"`, `"2024-03-01"`},
		"a date of another country is none":             {enterprise + "dateHire", `"01/03/2024"`, ``},
		"a role's name becomes an element":              {"roles", `"Agent"`, `{"value":"Agent"}`},
		"what is not compared is dropped":               {"roles", `{"value":"Agent","display":"x"}`, `{"value":"Agent"}`},
		"a skill has one decimal":                       {extension + "routingSkills", `{"name":"Billing","proficiency":3.04}`, `{"name":"Billing","proficiency":3}`},
		"a skill's proficiency may be text":             {extension + "routingSkills", `{"name":"Billing","proficiency":"4.5"}`, `{"name":"Billing","proficiency":4.5}`},
		"a skill by name alone has proficiency 0":       {extension + "routingSkills", `"Billing"`, `{"name":"Billing","proficiency":0}`},
		"a proficiency of six is none":                  {extension + "routingSkills", `{"name":"Billing","proficiency":6}`, ``},
		"a skill without a name is none":                {extension + "routingSkills", `{"proficiency":3}`, ``},
		"elements may come together":                    {"roles", `["A","B"]`, `[{"value":"A"},{"value":"B"}]`},
		"truth may be text":                             {"active", `"TRUE"`, `true`},
		"truth is not a number":                         {"active", `1`, ``},
		"an employee number may be a number":            {enterprise + "employeeNumber", `1042`, `"1042"`},
		"text is not an object":                         {"title", `{"a":1}`, ``},
		"null is no title":                              {"title", `null`, ``},
		"a manager's id":                                {enterprise + "manager.value", `"u1"`, `"u1"`},
		"a manager as an object loses its reference":    {enterprise + "manager", `{"$ref":"x","value":"u1"}`, `{"value":"u1"}`},
		"a manager who is not there yet passes":         {enterprise + "manager.value", `{"$person":"e1"}`, `{"$person":"e1"}`},
		"a member who is not there yet passes":          {"members", `{"value":{"$person":"e1"}}`, `{"value":{"$person":"e1"}}`},
		"a core URN is the core":                        {"urn:ietf:params:scim:schemas:core:2.0:User:userName", `"A@B.C"`, `"a@b.c"`},
		"an unknown attribute keeps its value":          {"nickName", `"Kim"`, `"Kim"`},
		"an element of phones keeps type and value":     {"phoneNumbers", `{"primary":true,"type":"work","value":"+1 317 555 0100"}`, `{"type":"work","value":"+13175550100"}`},
		"a phone of no type in particular is no object": {"phoneNumbers", `"+13175550100"`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := genesys.Dialect().Canonical(scim.MustPath(tt.path), tt.in)
			if tt.want == "" {
				if fault.Of(err) != fault.Invalid {
					t.Fatalf("Canonical(%s, %s) = %s, %v; want Invalid", tt.path, tt.in, got, err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("Canonical(%s, %s) = %s, %v; want %s", tt.path, tt.in, got, err, tt.want)
			}
		})
	}
}

func TestCanonicalErrorsHoldNoValue(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"userName", "active", "phoneNumbers", extension + "routingSkills", enterprise + "dateHire"} {
		_, err := genesys.Dialect().Canonical(scim.MustPath(p), `"canary-4711"`)
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("Canonical(%s) error = %v, which shows the value", p, err)
		}
	}
}

func FuzzCanonicalTwiceIsOnce(f *testing.F) {
	paths := []string{
		"userName", "displayName", "title", "active", "roles", "members", "externalId", "emails", "phoneNumbers",
		`emails[type eq "work"].value`, `emails[type eq "other"].value`, `phoneNumbers[type eq "work"].value`, `phoneNumbers[type eq "work"]`,
		enterprise + "dateHire", enterprise + "manager", enterprise + "manager.value", enterprise + "division",
		extension + "routingSkills", extension + "routingLanguages", extension + "externalIds",
	}
	for i, seed := range []string{`"Kim@Example.com"`, `"tel:+1 317 555 0100; ext=12"`, `{"name":"Billing","proficiency":"3.14"}`, `["A",{"value":"B"}]`, `"2024-03-01T10:00:00Z"`, `-0.01`, `"\u0130"`} {
		f.Add(i, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, which int, text []byte) {
		v, err := scim.ParseValue(text)
		if err != nil {
			return
		}
		p := scim.MustPath(paths[uint(which)%uint(len(paths))])
		canonical := genesys.Dialect().Canonical
		once, err := canonical(p, v)
		if err != nil {
			return
		}
		if twice, err := canonical(p, once); err != nil || twice != once {
			t.Errorf("Canonical(%s, %s) = %s; again: %s, %v", p, v, once, twice, err)
		}
	})
}
