package genesyssim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The names that generated people have: of many countries, with the letters and
// apostrophes that systems trip over.
var (
	givenNames = []string{
		"Ada", "Aisha", "Åsa", "Benoît", "Björn", "Carmen", "Chloé", "Claire", "Dagmar", "Daniel", "Élodie", "Emeka", "Eoin", "Fatima",
		"François", "Grace", "Günther", "Hana", "Helene", "Ibrahim", "Ines", "Jack", "Jean-Luc", "João", "José", "Jürgen", "Kai", "Katarzyna",
		"Kwame", "Lars", "Leilani", "Liam", "Łukasz", "María", "Mei", "Mikkel", "Nadia", "Niamh", "Noël", "Olivia", "Ömer", "Paulo",
		"Priya", "Quentin", "Rania", "René", "Renée", "Rosa", "Saoirse", "Sinéad", "Søren", "Tomáš", "Ursula", "Víctor", "Wei", "Yuki", "Zoë", "Zsófia",
	}
	familyNames = []string{
		"Achterberg", "Adeyemi", "Almeida", "Andersson", "Bäcker", "Bianchi", "Brontë", "Castañeda", "Çelik", "Clarke", "D'Angelo", "D'Souza",
		"De la Cruz", "Dvořák", "Eriksen", "Ferreira", "García", "Gómez", "Grünwald", "Håkansson", "Hernández", "Ibáñez", "Ivanova", "Jensen",
		"Kaya", "Kowalski", "Lefèvre", "Lindqvist", "MacLeod", "Martínez", "Müller", "Muñoz", "N'Diaye", "Nakamura", "Ngô", "Novák", "Nuñez",
		"O'Brien", "O'Neill", "Okafor", "Öztürk", "Papadopoulos", "Patel", "Peña", "Petrović", "Quispe", "Rossi", "Sánchez", "Şahin", "Schäfer",
		"Smith-Jones", "Sørensen", "Świątek", "Tanaka", "Þórsdóttir", "Van der Berg", "Weiß", "Wójcik", "Yılmaz", "Zieliński",
	}
	departments = []string{
		"Billing", "Customer Care", "Facilities", "Finance", "Human Resources", "IT", "Legal", "Logistics", "Marketing",
		"Research & Development", "Sales", "Tool Design", "Training",
	}
	levels = []string{"Agent", "Senior Agent", "Specialist", "Analyst", "Coordinator"}
)

// leadsGroup is the generated group of everybody with reports.
const leadsGroup = "Team Leads"

func generatedGroups() []Group {
	groups := make([]Group, 0, len(departments)+1)
	for _, d := range departments {
		groups = append(groups, Group{Name: d})
	}
	return append(groups, Group{Name: leadsGroup})
}

// ascii spells names as addresses do.
var ascii = strings.NewReplacer(
	"á", "a", "à", "a", "â", "a", "ã", "a", "å", "a", "ä", "ae", "ą", "a", "ç", "c", "ć", "c", "č", "c", "é", "e", "è", "e", "ê", "e", "ë", "e", "ě", "e",
	"í", "i", "î", "i", "ï", "i", "ı", "i", "ł", "l", "ñ", "n", "ń", "n", "ó", "o", "ô", "o", "õ", "o", "ö", "oe", "ø", "oe", "ř", "r", "ś", "s", "ş", "s",
	"š", "s", "ß", "ss", "þ", "th", "ú", "u", "ü", "ue", "ž", "z", "'", "", " ", "",
)

// A generator makes people from a seed: the same people for the same seed.
type generator struct {
	o      *org
	r      *rand.Rand
	self   uint16 // authority of their externalIds
	now    int64
	count  int
	leaves int            // people without reports: the last ones
	taken  map[string]int // how many have an address already
	roles  []uint16       // that come and go: neither the default nor admin
	groups map[string]int32
	plain  []int32 // groups that have no rule, and no department's name
	lead   [2]map[string]string
}

// span is how many reports a manager has.
const span = 8

// generate adds Count people: managers in a tree, 4 in a hundred inactive, 1
// deleted, none of them a manager.
func (o *org) generate(c Config, self string, now time.Time) {
	n := c.Users.Count
	if n == 0 {
		return
	}
	g := &generator{
		o: o, r: rand.New(rand.NewPCG(uint64(c.Seed), 3)), self: o.authorityID(self), now: now.UnixMilli(), //nolint:gosec // people that follow from a seed
		count: n, leaves: n - (n+span-2)/span, taken: map[string]int{}, groups: map[string]int32{},
	}
	g.prepare(c)
	o.users = slices.Grow(o.users, n)
	first := len(o.users)
	for i := range n {
		g.person(first, i)
	}
}

func (g *generator) prepare(c Config) {
	for r, name := range g.o.roles.names {
		if name != defaultRole && !strings.Contains(fold(name), "admin") {
			g.roles = append(g.roles, uint16(r))
		}
	}
	for i, grp := range g.o.groups {
		place := int32(i)
		switch {
		case grp.rule != nil:
		case slices.Contains(departments, grp.name), grp.name == leadsGroup:
			g.groups[grp.name] = place
		case !slices.ContainsFunc(c.Groups, func(configured Group) bool { return configured.Name == grp.name && configured.Members != nil }):
			g.plain = append(g.plain, place)
		}
	}
	for i, titles := range []string{"Manager", "Director"} {
		g.lead[i] = map[string]string{}
		for _, d := range departments {
			g.lead[i][d] = titles + ", " + d
		}
	}
}

// person makes the i-th of the people, the first of whom stands at first.
func (g *generator) person(first, i int) {
	manager, leads := int32(-1), i < g.count-g.leaves
	department := departments[g.r.IntN(len(departments))]
	if i > 0 {
		manager = int32(first + (i-1)/span)
		if !leads {
			department = g.o.users[manager].department
		}
	}
	u := &user{
		id: g.o.newID(), manager: manager, department: department, state: g.fate(i), version: 1 + int32(g.r.IntN(20)), modified: g.now,
		division: uint16(g.r.IntN(len(g.o.divisions.names))), employeeNumber: fmt.Sprintf("%06d", 100000+i),
		dateHire: time.Date(2004+g.r.IntN(21), time.January, 1+g.r.IntN(365), 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
	}
	u.externals = []external{{g.self, "E" + u.employeeNumber}}
	g.name(u)
	g.title(u, i, leads)
	g.phones(u, i)
	g.abilities(u)
	g.grants(u, i)
	place := g.o.insertUser(u)
	if u.state == deletedUser {
		u.division = home
		return
	}
	g.join(place, i, leads)
}

// fate spreads the inactive and the deleted evenly over those without reports.
func (g *generator) fate(i int) state {
	leaf := i - (g.count - g.leaves)
	if leaf < 0 {
		return activeUser
	}
	gone, deleted := g.count*5/100, g.count/100
	hit := leaf * gone / g.leaves
	if (leaf+1)*gone/g.leaves == hit {
		return activeUser
	}
	if (hit+1)*deleted/gone > hit*deleted/gone {
		return deletedUser
	}
	return inactiveUser
}

func (g *generator) name(u *user) {
	given, family := givenNames[g.r.IntN(len(givenNames))], familyNames[g.r.IntN(len(familyNames))]
	u.displayName = given + " " + family
	address := ascii.Replace(strings.ToLower(given) + "." + strings.ToLower(family))
	g.taken[address]++
	if n := g.taken[address]; n > 1 {
		address += strconv.Itoa(n)
	}
	for taken := true; taken; {
		u.userName = address + "@example.com"
		if _, taken = g.o.byName[u.userName]; taken {
			address += "x" // a listed user has it
		}
	}
}

func (g *generator) title(u *user, i int, leads bool) {
	switch {
	case i == 0:
		u.title = "Chief Executive Officer"
	case i <= span:
		u.title = g.lead[1][u.department]
	case leads:
		u.title = g.lead[0][u.department]
	default:
		u.title = levels[g.r.IntN(len(levels))]
	}
}

// phones: most have one at work, of which some have extensions, and a third a mobile.
func (g *generator) phones(u *user, i int) {
	areas := []string{"+1317", "+1415", "+1212", "+1303", "+1617"}
	number := func(base int) string {
		return areas[i%len(areas)] + strconv.Itoa(2000000+(base+i)%7999999)
	}
	switch n := g.r.IntN(10); {
	case n < 7:
		u.phones = append(u.phones, phone{kind: "work", value: number(0), primary: true})
	case n == 7:
		u.phones = append(u.phones, phone{kind: "work", value: number(0) + ";" + strconv.Itoa(1000+i%9000), primary: true})
	}
	if g.r.IntN(3) == 0 {
		u.phones = append(u.phones, phone{kind: "mobile", value: number(4000000)})
	}
}

func (g *generator) abilities(u *user) {
	for s := range g.o.skills.names {
		if g.r.IntN(3) == 0 && len(u.skills) < 5 {
			u.skills = append(u.skills, rating{uint16(s), float32(1 + g.r.IntN(5))})
		}
	}
	for l := range g.o.languages.names {
		if (l == 0 || g.r.IntN(4) == 0) && len(u.languages) < 5 {
			u.languages = append(u.languages, rating{uint16(l), float32(3 + g.r.IntN(3))})
		}
	}
}

// grants: the default role, one of the others for a third, admin for the first
// person. Who is gone has none.
func (g *generator) grants(u *user, i int) {
	if u.state != activeUser {
		return
	}
	if len(g.roles) > 0 && g.r.IntN(3) == 0 {
		u.grants = append(u.grants, grant{g.roles[g.r.IntN(len(g.roles))], u.division})
	}
	if admin, ok := g.o.roles.find("admin", true); ok && i == 0 {
		u.grants = append(u.grants, grant{admin, u.division})
	}
	g.o.employ(u)
}

// join: the group of the department, that of the leads, and each tenth the others.
func (g *generator) join(place int32, i int, leads bool) {
	if grp, ok := g.groups[g.o.users[place].department]; ok {
		g.o.enter(grp, place)
	}
	if grp, ok := g.groups[leadsGroup]; ok && leads {
		g.o.enter(grp, place)
	}
	for _, grp := range g.plain {
		if (i+int(grp))%10 == 0 {
			g.o.enter(grp, place)
		}
	}
}
