package genesyssim

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

const listURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// defaultCount is the page without count.
const defaultCount = 25

// A page is which rows of a list to show.
type page struct {
	start int // from 1
	count int
}

// page reads startIndex and count (rule 30).
func (s *Server) page(query url.Values) (page, *errorBody) {
	p := page{start: 1, count: defaultCount}
	for _, f := range []struct {
		name string
		into *int
		max  int
	}{{"startIndex", &p.start, 1<<31 - 1}, {"count", &p.count, 1<<31 - 1}} {
		text := query.Get(f.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n > f.max {
			return p, badParameter(f.name, text)
		}
		*f.into = n
	}
	p.start, p.count = max(p.start, 1), min(max(p.count, 0), s.knobs.pageMax)
	return p, nil
}

// rows are the places of a list of n that the page shows, in order. With the
// switch list_order or the fault shift-pages they have moved since the last page.
func (s *Server) rows(c *call, p page, n int) []int {
	from := p.start - 1
	if shift := s.shift(c); shift != 0 && p.start > 1 {
		from = min(max(from+shift, 0), n)
	}
	to := min(from+p.count, n)
	var rows []int
	for i := from; i < to; i++ {
		rows = append(rows, i)
	}
	if s.knobs.shuffle {
		s.chance.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	return rows
}

// shift is by how many places rows have moved. Shuffled lists move now and then
// by one row, as if others wrote.
func (s *Server) shift(c *call) int {
	const seldom, farthest = 8, 3
	switch {
	case c.befell != nil && c.befell.Do == ShiftPages:
		return (1 + s.chance.IntN(farthest)) * s.sign()
	case s.knobs.shuffle && s.chance.IntN(seldom) == 0:
		return s.sign()
	}
	return 0
}

// sign is 1 or -1.
func (s *Server) sign() int { return 2*s.chance.IntN(2) - 1 }

// list renders a page: row appends the resource at a place of the list.
func (s *Server) list(c *call, p page, n int, row func(*encoder, int)) reply {
	rows := s.rows(c, p, n)
	e := encoder{b: make([]byte, 0, 256+2048*len(rows))}
	e.open()
	e.schemas(listURN)
	e.int("totalResults", int64(n))
	e.int("startIndex", int64(p.start))
	e.int("itemsPerPage", int64(len(rows)))
	e.field("Resources", '[')
	for _, r := range rows {
		row(&e, r)
	}
	e.close(']')
	e.close('}')
	return reply{status: http.StatusOK, media: typeSCIM, body: e.b}
}

func (s *Server) listUsers(c *call) reply {
	show, _ := project(scim.User, c.query)
	p, bad := s.page(c.query)
	if bad != nil {
		return bad.reply()
	}
	if s.tooHeavy(c, show) {
		return tooMany(1, nil)
	}
	users, err := s.org.filterUsers(c.query.Get("filter"), s.org.authority(c.client.ID))
	if err != nil {
		return scimReply(err)
	}
	v := s.view(c, show)
	return s.list(c, p, len(users), func(e *encoder, r int) { e.user(s.org, users[r], v) })
}

// tooHeavy tells whether a long page with secondary attributes exceeds what the
// service can gather (rule 31). Asking slower does not help, asking for less does.
func (s *Server) tooHeavy(c *call, show projection) bool {
	asked, _ := strconv.Atoi(c.query.Get("count"))
	return s.knobs.heavyPage > 0 && asked > defaultCount && show&secondary != 0 && s.chance.Float64() < s.knobs.heavyPage
}

func badFilter(detail string) *scim.Error {
	return refuse("invalidFilter", "%s", detail)
}

// equality reads "attribute eq value", quoted or not (rule 32). The attribute is
// folded and without the URN of its schema.
func equality(text string) (attr, value string, err *scim.Error) {
	f, fault := scim.ParseFilter(text, scim.FilterOptions{BareValues: true})
	if fault != nil {
		return "", "", badFilter("The filter cannot be read.")
	}
	path, v, ok := f.Equality()
	if !ok {
		return "", "", badFilter("A filter must be one comparison with eq.")
	}
	value, isText := v.Text()
	if !isText {
		value = string(v)
	}
	name := fold(string(path))
	for _, urn := range []string{genesysschema.UserURN, genesysschema.GroupURN, genesysschema.EnterpriseURN, genesysschema.GenesysURN} {
		name = strings.TrimPrefix(name, fold(urn)+":")
	}
	return name, value, nil
}

// filterUsers are the users a filter finds. Without one they are the active
// ones; filters by a key find inactive users too, unless a switch says not;
// deleted users are in no list (rules 30, 32). self is the authority of the
// reader's externalId.
func (o *org) filterUsers(text, self string) ([]int32, *scim.Error) {
	if strings.TrimSpace(text) == "" {
		return o.active, nil
	}
	if key, ok := externalFilter(text); ok {
		return o.keyed(o.external(key)), nil
	}
	attr, value, err := equality(text)
	if err != nil {
		return nil, err
	}
	switch attr {
	case "active":
		return o.byActive(value)
	case "id":
		i, ok := o.live(value)
		return o.keyed(one(i, ok)), nil
	case "username":
		i, ok := o.byName[fold(value)]
		return o.keyed(one(i, ok)), nil
	case "email":
		return o.keyed(o.mailed(value)), nil
	case "externalid":
		return o.keyed(o.external(externalKey(self, value))), nil
	case "employeenumber":
		return o.only(o.byNumber.find(value)), nil
	case "division":
		return o.scan(func(u *user) bool { return strings.EqualFold(o.divisions.names[u.division], value) }), nil
	case "manager":
		m, ok := o.live(value)
		return o.scan(func(u *user) bool { return ok && u.manager == m }), nil
	default:
		return nil, badFilter("Users cannot be filtered by this attribute.")
	}
}

func one(i int32, ok bool) []int32 {
	if !ok {
		return nil
	}
	return []int32{i}
}

func (o *org) byActive(value string) ([]int32, *scim.Error) {
	switch fold(value) {
	case "true":
		return o.active, nil
	case "false":
		return o.inactive, nil
	default:
		return nil, badFilter("active is true or false.")
	}
}

// keyed are users found by a key.
func (o *org) keyed(found []int32) []int32 {
	if o.knobs.activeKeysOnly {
		return o.only(found)
	}
	return found
}

// only are the active ones.
func (o *org) only(found []int32) []int32 {
	var out []int32
	for _, i := range found {
		if o.users[i].state == activeUser {
			out = append(out, i)
		}
	}
	return out
}

func (o *org) scan(match func(*user) bool) []int32 {
	var out []int32
	for _, i := range o.active {
		if match(o.users[i]) {
			out = append(out, i)
		}
	}
	return out
}

func (o *org) mailed(value string) []int32 {
	var out []int32
	for _, i := range o.byMail.find(fold(value)) {
		out = insert(out, i)
	}
	if i, ok := o.byName[fold(value)]; ok {
		out = insert(out, i)
	}
	return out
}

func (o *org) external(key string) []int32 {
	i, ok := o.byExternal[key]
	return one(i, ok)
}

// externalFilter reads externalIds[authority eq "..." and value eq "..."], with
// or without its URN, into the key of byExternal.
func externalFilter(text string) (key string, ok bool) {
	path, err := scim.ParsePath(strings.TrimSpace(text))
	if err != nil {
		return "", false
	}
	p := path.Parts()
	if p.Filter == nil || p.Sub != "" || !strings.EqualFold(p.Attr, genesysschema.ExternalIDs) {
		return "", false
	}
	if p.URN != "" && !strings.EqualFold(p.URN, genesysschema.GenesysURN) {
		return "", false
	}
	pairs, ok := p.Filter.Equalities()
	if !ok || len(pairs) != 2 {
		return "", false
	}
	parts := map[string]string{}
	for name, value := range pairs {
		parts[fold(string(name))], _ = value.Text()
	}
	return externalKey(parts["authority"], parts["value"]), parts["authority"] != "" && parts["value"] != ""
}

func (s *Server) listGroups(c *call) reply {
	show, _ := project(scim.Group, c.query)
	p, bad := s.page(c.query)
	if bad != nil {
		return bad.reply()
	}
	filter := strings.TrimSpace(c.query.Get("filter"))
	if filter == "" && s.knobs.groupsNeedFilter && c.match.pinned {
		return badParameter("filter", "").reply()
	}
	groups, err := s.org.filterGroups(filter)
	if err != nil {
		return scimReply(err)
	}
	v := s.view(c, show)
	return s.list(c, p, len(groups), func(e *encoder, r int) { e.group(s.org, groups[r], v) })
}

func (o *org) filterGroups(text string) ([]int32, *scim.Error) {
	if text == "" {
		all := make([]int32, len(o.groups))
		for i := range all {
			all[i] = int32(i)
		}
		return all, nil
	}
	attr, value, err := equality(text)
	if err != nil {
		return nil, err
	}
	switch attr {
	case "id":
		g, ok := o.findGroup(value)
		return one(g, ok), nil
	case "displayname":
		g, ok := o.groupByName[fold(value)]
		return one(g, ok), nil
	default:
		return nil, badFilter("Groups cannot be filtered by this attribute.")
	}
}
