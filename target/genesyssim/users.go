package genesyssim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/scim"
	"rollcall/target/genesysschema"
)

// view is how the calling client sees resources.
func (s *Server) view(c *call, show projection) view {
	v := view{show: show, base: c.origin + c.match.tree}
	if c.client != nil {
		v.self = s.org.authority(c.client.ID)
	}
	return v
}

func (s *Server) showUser(c *call, status int, i int32) reply {
	show, _ := project(scim.User, c.query)
	var e encoder
	e.user(s.org, i, s.view(c, show))
	return resource(status, e.b, s.org.users[i].version)
}

func (s *Server) readUser(c *call) reply {
	i, ok := s.org.live(c.match.id)
	if !ok {
		return notFound("user")
	}
	if fresh(c, s.org.users[i].version) {
		return nothing(http.StatusNotModified).with("ETag", etag(s.org.users[i].version))
	}
	return s.showUser(c, http.StatusOK, i)
}

// fresh tells whether If-None-Match names the version (rule 29).
func fresh(c *call, version int32) bool {
	for tag := range strings.SplitSeq(strings.Join(c.header.Values("If-None-Match"), ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag(version) {
			return true
		}
	}
	return false
}

// stale refuses a write whose If-Match names another version (rule 28). The
// value is a strong tag in double quotes.
func (s *Server) stale(c *call, version int32) (reply, bool) {
	given := strings.Join(c.header.Values("If-Match"), ",")
	if given == "" {
		return reply{}, false
	}
	for tag := range strings.SplitSeq(given, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == etag(version) {
			return reply{}, false
		}
	}
	const detail = "Version does not match current version."
	if s.knobs.stale == http.StatusPreconditionFailed {
		return gatewayError(http.StatusPreconditionFailed, "precondition.failed", detail).reply(), true
	}
	return scimReply(&scim.Error{Status: s.knobs.stale, ScimType: "invalidVers", Detail: detail, Index: -1}), true
}

// body is the JSON object of a POST or PUT, cleaned (rules 17, 22).
func (s *Server) body(c *call, t scim.Type) (map[string]any, *scim.Error) {
	var raw map[string]any
	if err := json.Unmarshal(c.body, &raw); err != nil || raw == nil {
		return nil, refuse("invalidSyntax", "The body is not a JSON object.")
	}
	cleaner := newCleaner(t)
	attrs := cleaner.object(raw)
	if s.knobs.rejectUnknown && len(cleaner.unknown) > 0 {
		return nil, refuse("invalidSyntax", "The body has unknown attributes: %s.", strings.Join(cleaner.unknown, ", "))
	}
	return attrs, nil
}

// createUser is POST /users (rules 11 to 14).
func (s *Server) createUser(c *call) reply {
	attrs, err := s.body(c, scim.User)
	if err != nil {
		return scimReply(err)
	}
	p, err := readProfile(attrs)
	if err != nil {
		return scimReply(err)
	}
	have, place := &user{state: activeUser, manager: -1}, int32(-1)
	if i, ok := s.org.gone[fold(p.userName)]; ok && p.userName != "" {
		switch s.knobs.deletedUsername {
		case "restore":
			place, have = i, s.org.restored(i)
			if p, err = readProfile(overlay(s.restoredAttributes(c, have), attrs)); err != nil {
				return scimReply(err)
			}
		case "conflict":
			return scimReply(uniqueness("User name already in use by a deleted user."))
		}
	}
	next, err := s.org.draft(place, have, p, writing{self: s.org.authority(c.client.ID), whole: true})
	if err != nil {
		return scimReply(err)
	}
	if lacking := lacking(c.client, userAdd, have, next, p); lacking != "" {
		return missingPermissions(false, lacking)
	}
	return s.showUser(c, http.StatusCreated, s.admitUser(place, next, p, c.now)).
		with("Location", c.origin+c.match.tree+"/users/"+next.id.String())
}

// admitUser makes a drafted user part of the organization: new, or restored in its place.
func (s *Server) admitUser(place int32, next *user, p *profile, now time.Time) int32 {
	if place >= 0 {
		next.touch(now)
		s.org.replaceUser(place, next)
		return place
	}
	next.id = s.org.newID()
	next.touch(now)
	if !s.knobs.defaultUnlessGiven || !p.hasRoles || len(p.roles) == 0 {
		s.org.employ(next)
	}
	if next.state == inactiveUser && !s.knobs.keepRoles {
		next.grants = nil
	}
	if s.knobs.secondBump > 0 {
		s.org.bumps = append(s.org.bumps, bump{int32(len(s.org.users)), now.Add(s.knobs.secondBump)})
	}
	return s.org.insertUser(next)
}

// defaultRole is what a new user gets by itself (dossier §5.2).
const defaultRole = "employee"

func (o *org) employ(u *user) {
	if role, ok := o.roles.find(defaultRole, false); ok && !holds(u.grants, role) && u.state == activeUser {
		u.grants = sorted(append(u.grants, grant{role, u.division}))
	}
}

// restoredAttributes are what a deleted user still has when it comes back.
func (s *Server) restoredAttributes(c *call, have *user) map[string]any {
	var e encoder
	e.open()
	e.userBody(s.org, -1, have, view{show: showAll &^ (showGroups | showRoles | showExternalIDs), self: s.org.authority(c.client.ID)})
	e.close('}')
	return newCleaner(scim.User).object(decoded(e.b))
}

// overlay puts the members of more over those of base, extensions included.
func overlay(base, more map[string]any) map[string]any {
	for name, value := range more {
		have, both := base[name].(map[string]any)
		if add, ok := value.(map[string]any); ok && both {
			maps.Copy(have, add)
			continue
		}
		base[name] = value
	}
	return base
}

// putUser is PUT /users/{id}: what the body leaves out is cleared, but for the
// name, the state, and what Genesys itself keeps.
func (s *Server) putUser(c *call) reply {
	i, ok := s.org.live(c.match.id)
	if !ok {
		return notFound("user")
	}
	have := s.org.users[i]
	if rep, refused := s.stale(c, have.version); refused {
		return rep
	}
	attrs, err := s.body(c, scim.User)
	if err != nil {
		return scimReply(err)
	}
	for name, value := range map[string]any{"userName": have.userName, "displayName": have.displayName} {
		if attrs[name] == nil {
			attrs[name] = value
		}
	}
	return s.writeUser(c, i, attrs, true)
}

// writeUser makes attrs what user i is.
func (s *Server) writeUser(c *call, i int32, attrs map[string]any, whole bool) reply {
	if rep, refused := s.applyUser(c, i, attrs, whole); refused {
		return rep
	}
	return s.showUser(c, http.StatusOK, i)
}

// applyUser checks attrs and, if nothing is wrong with them, commits them.
func (s *Server) applyUser(c *call, i int32, attrs map[string]any, whole bool) (reply, bool) {
	p, err := readProfile(attrs)
	if err != nil {
		return scimReply(err), true
	}
	have := s.org.users[i]
	next, err := s.org.draft(i, have, p, writing{
		self: s.org.authority(c.client.ID), whole: whole, inherited: s.org.inherited(i),
	})
	if err != nil {
		return scimReply(err), true
	}
	if lacking := lacking(c.client, userEdit, have, next, p); lacking != "" {
		return missingPermissions(false, lacking), true
	}
	s.org.commit(i, next, p.password, c.now)
	return reply{}, false
}

// writableUser is the user that the call names, at the version it names; else
// ok is false and the reply says why.
func (s *Server) writableUser(c *call) (i int32, rep reply, ok bool) {
	if i, ok = s.org.live(c.match.id); !ok {
		return i, notFound("user"), false
	}
	rep, refused := s.stale(c, s.org.users[i].version)
	return i, rep, !refused
}

// patchUser is PATCH /users/{id}.
func (s *Server) patchUser(c *call) reply {
	i, rep, ok := s.writableUser(c)
	if !ok {
		return rep
	}
	ops, err := s.operations(c, scim.User)
	if err != nil {
		return scimFault(err)
	}
	if s.knobs.partial {
		return s.patchStepwise(c, i, ops)
	}
	next, err := s.patched(c, i, ops)
	if err != nil {
		return scimFault(err)
	}
	return s.writeUser(c, i, next, false)
}

// patchStepwise leaves what came before a failing operation applied (rule 34).
func (s *Server) patchStepwise(c *call, i int32, ops []scim.Op) reply {
	for _, op := range ops {
		next, err := s.patched(c, i, []scim.Op{op})
		if err != nil {
			return scimFault(err)
		}
		if rep, refused := s.applyUser(c, i, next, false); refused {
			return rep
		}
	}
	return s.showUser(c, http.StatusOK, i)
}

// patched is what the operations make of user i, as this client sees it.
func (s *Server) patched(c *call, i int32, ops []scim.Op) (map[string]any, error) {
	attrs := s.org.attributes(i, s.view(c, showAll))
	next, _, err := genesysschema.Schema().Patch(scim.User, attrs, ops, s.knobs.patchOptions())
	return next, err
}

// operations reads a PATCH body; its values are cleaned like any body.
func (s *Server) operations(c *call, t scim.Type) ([]scim.Op, error) {
	ops, err := scim.ParsePatch(c.body, s.knobs.strictOp)
	if err != nil {
		return nil, err
	}
	if s.knobs.strictOp {
		if err := strictVerbs(c.body); err != nil {
			return nil, err
		}
	}
	cleaner := newCleaner(t)
	ops = cleaner.operations(ops)
	if s.knobs.rejectUnknown && len(cleaner.unknown) > 0 {
		return nil, refuse("invalidSyntax", "An operation has unknown attributes: %s.", strings.Join(cleaner.unknown, ", "))
	}
	if s.knobs.removeKeeps {
		ops = slices.DeleteFunc(ops, func(op scim.Op) bool { return op.Verb == scim.Remove && isSingle(t, op.Path) })
	}
	return ops, nil
}

// isSingle tells whether p ends at an attribute that is no list, nor in the element of one.
func isSingle(t scim.Type, p scim.Path) bool {
	_, a, err := genesysschema.Schema().Resolve(t, p)
	return err == nil && !a.MultiValued && p.Parts().Filter == nil
}

// strictVerbs refuses an op that is not in lower case (switch strict_op).
func strictVerbs(body []byte) error {
	var request struct{ Operations []struct{ Op string } }
	if err := json.Unmarshal(body, &request); err != nil {
		return refuse("invalidSyntax", "The body is not a PATCH request.")
	}
	for _, op := range request.Operations {
		if op.Op != strings.ToLower(op.Op) {
			return refuse("invalidSyntax", "op must be one of add, replace, remove.")
		}
	}
	return nil
}

func (k *knobs) patchOptions() scim.PatchOptions {
	return scim.PatchOptions{CreateMissing: !k.missingIsError, KeepEmpty: !k.emptyClears, IgnoreUnknown: !k.rejectUnknown}
}

func (s *Server) deleteUser(c *call) reply {
	i, rep, ok := s.writableUser(c)
	if !ok {
		return rep
	}
	s.org.remove(i, c.now)
	return nothing(http.StatusNoContent)
}

// lacking is the permission that the client lacks for what changes between two
// forms of a user, or "": each attribute is checked on its own (dossier §2.4).
// whole is the permission for the profile itself.
func lacking(c *client, whole string, have, next *user, p *profile) string {
	var needs []string
	need := func(changed bool, permission string) {
		if changed {
			needs = append(needs, permission)
		}
	}
	need(whole == userAdd || !have.sameProfile(next) || !slices.Equal(have.externals, next.externals), whole)
	need(p.password, userPassword)
	need(anyMissing(next.grants, have.grants), grantAdd)
	need(anyMissing(have.grants, next.grants), grantDelete)
	need(!slices.Equal(have.skills, next.skills), skillAssign)
	need(!slices.Equal(have.languages, next.languages), languageAssign)
	need(extensionsDiffer(have, next), extension)
	return c.missing(needs...)
}
