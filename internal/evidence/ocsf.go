package evidence

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	"rollcall/ledger"
	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
	"rollcall/source"
)

// OCSFVersion is the version of the Open Cybersecurity Schema Framework that [OCSF] speaks.
const OCSFVersion = "1.8.0"

// OCSF writes one event a line for every change: of an account that comes,
// goes or is shut a 3001 Account Change, of attributes a 3004 Entity Management, and
// for every member of a group who comes or goes a 3006 Group Management.
// Entries that are no changes have no event. version is that of the product.
func OCSF(w io.Writer, t Trail, version string) error {
	return lines(w, t, func(write func(any) error, e reconcile.Evidence) error {
		if !changes(e) {
			return nil
		}
		for _, v := range events(e, version) {
			if err := write(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// A class is one of OCSF's; all of ours are of the category identity and access management.
type class struct {
	uid  int
	name string
}

const categoryUID, categoryName = 3, "Identity & Access Management"

var (
	accountChange    = class{3001, "Account Change"}
	entityManagement = class{3004, "Entity Management"}
	groupManagement  = class{3006, "Group Management"}
)

// An activity is what is done, in the words of a class; other is of what the class has no word for.
type activity struct {
	class

	id   int
	name string
}

const other = 99

// activities are the ops as OCSF has them. Version 1.9 replaces class 3001 by
// 3007 with other numbers: this table, and the members user and user_result, are
// what changes then.
var activities = map[plan.Op]activity{
	plan.Create:     {accountChange, 1, "Create"},
	plan.Reactivate: {accountChange, 2, "Enable"},
	plan.Deactivate: {accountChange, 5, "Disable"},
	plan.Delete:     {accountChange, 6, "Delete"},
	plan.Restore:    {accountChange, other, "Restore"},
	plan.Update:     {entityManagement, 3, "Update"},
	plan.Grant:      {entityManagement, 3, "Update"},
	plan.Confirm:    {entityManagement, 2, "Read"},
	plan.Rekey:      {entityManagement, 3, "Update"},
	plan.Rename:     {entityManagement, 5, "Move"},
	plan.Adopt:      {entityManagement, 6, "Enroll"},
	plan.Unlink:     {entityManagement, 7, "Unenroll"},
	plan.Join:       {groupManagement, 3, "Add User"},
	plan.Leave:      {groupManagement, 4, "Remove User"},
}

// A label is a number of OCSF's with its name.
type label struct {
	id   int
	name string
}

// statuses are the results as OCSF has them: nobody knows of a change that is
// open, and of one that was not sent there is no word.
var statuses = map[ledger.Result]label{
	ledger.Done: {1, "Success"}, ledger.Found: {1, "Success"}, ledger.Failed: {2, "Failure"},
	ledger.Unknown: {0, "Unknown"}, "open": {0, "Unknown"},
	ledger.LeftOut: {other, string(ledger.LeftOut)}, ledger.Canceled: {other, string(ledger.Canceled)},
}

// severity is Low of what a person decides about, else Informational.
func severity(r ledger.Result) label {
	if r == ledger.Failed || r == ledger.Unknown || r == "open" {
		return label{2, "Low"}
	}
	return label{1, "Informational"}
}

type event struct {
	ActivityID   int           `json:"activity_id"`
	ActivityName string        `json:"activity_name"`
	CategoryUID  int           `json:"category_uid"`
	CategoryName string        `json:"category_name"`
	ClassUID     int           `json:"class_uid"`
	ClassName    string        `json:"class_name"`
	TypeUID      int           `json:"type_uid"`
	TypeName     string        `json:"type_name"`
	Time         int64         `json:"time"` // milliseconds since 1970
	Duration     int64         `json:"duration,omitempty"`
	SeverityID   int           `json:"severity_id"`
	Severity     string        `json:"severity"`
	StatusID     int           `json:"status_id"`
	Status       string        `json:"status"`
	StatusCode   string        `json:"status_code,omitempty"`
	StatusDetail string        `json:"status_detail,omitempty"`
	Message      string        `json:"message"`
	Metadata     metadata      `json:"metadata"`
	Actor        actor         `json:"actor"`
	User         *user         `json:"user,omitempty"`
	UserResult   *user         `json:"user_result,omitempty"`
	Entity       *entity       `json:"entity,omitempty"`
	EntityResult *entity       `json:"entity_result,omitempty"`
	Comment      string        `json:"comment,omitempty"`
	Group        *group        `json:"group,omitempty"`
	HTTPResponse *httpResponse `json:"http_response,omitempty"`
	Unmapped     *unmapped     `json:"unmapped,omitempty"`
}

type metadata struct {
	Version        string  `json:"version"`
	Product        product `json:"product"`
	UID            string  `json:"uid"` // hash of the entry; of a member of a group their number behind it
	Sequence       int64   `json:"sequence"`
	CorrelationUID string  `json:"correlation_uid,omitempty"` // the run
	EventCode      string  `json:"event_code"`                // the op
	LogName        string  `json:"log_name"`
	TenantUID      string  `json:"tenant_uid,omitempty"`
}

type product struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
	Version    string `json:"version"`
}

type actor struct {
	AppName string `json:"app_name"`
	User    *user  `json:"user,omitempty"`
}

type user struct {
	Name   string     `json:"name,omitempty"`
	UID    string     `json:"uid,omitempty"`
	UIDAlt source.Key `json:"uid_alt,omitempty"` // the source's key
	TypeID int        `json:"type_id"`
	Type   string     `json:"type"`
}

type group struct {
	Name string `json:"name,omitempty"`
	UID  string `json:"uid,omitempty"`
}

type entity struct {
	Name    string                     `json:"name,omitempty"`
	UID     string                     `json:"uid,omitempty"`
	TypeID  int                        `json:"type_id"`
	Type    string                     `json:"type"`
	Version string                     `json:"version,omitempty"`
	User    *user                      `json:"user,omitempty"`
	Data    map[scim.Path][]scim.Value `json:"data,omitempty"`
}

type httpResponse struct {
	Code    int   `json:"code"`
	Latency int64 `json:"latency"` // milliseconds
}

// unmapped is what OCSF has no place for.
type unmapped struct {
	Change      string                     `json:"change,omitempty"`
	Because     string                     `json:"because,omitempty"`
	Reason      string                     `json:"reason,omitempty"`
	Correlation string                     `json:"correlationId,omitempty"`
	Attempts    int                        `json:"attempts,omitempty"`
	Before      map[scim.Path][]scim.Value `json:"before,omitempty"`
	After       map[scim.Path][]scim.Value `json:"after,omitempty"`
}

// events are those of one change: one, but of a group one for each member.
func events(e reconcile.Evidence, version string) []event {
	v := common(e, version)
	switch v.ClassUID {
	case accountChange.uid:
		v.User = subject(e)
		v.Unmapped.Before, v.Unmapped.After = befores(e), afters(e)
		if result(e).Fine() {
			v.UserResult = v.User
		}
	case groupManagement.uid:
		return members(e, v)
	default:
		v.managed(e)
	}
	return []event{v}
}

// common is what all events of e say.
func common(e reconcile.Evidence, version string) event {
	a := activities[e.Op]
	r := result(e)
	status, severe := statuses[r], severity(r)
	v := event{
		ActivityID: a.id, ActivityName: a.name, CategoryUID: categoryUID, CategoryName: categoryName,
		ClassUID: a.uid, ClassName: a.class.name, TypeUID: a.uid*100 + a.id, TypeName: a.class.name + ": " + a.name,
		Time: e.Time.UnixMilli(), SeverityID: severe.id, Severity: severe.name, StatusID: status.id, Status: status.name,
		Message: fmt.Sprintf("%s: %s", e.Op, r),
		Metadata: metadata{
			Version: OCSFVersion, Product: product{"rollcall", "rollcall", version}, UID: hex.EncodeToString(e.Hash[:]), Sequence: e.Seq,
			CorrelationUID: string(e.Run), EventCode: string(e.Op), LogName: "rollcall", TenantUID: e.By.Org,
		},
		Actor:    actor{AppName: "rollcall"},
		Unmapped: &unmapped{Because: e.By.Reason},
	}
	if e.By.Actor != "" {
		v.Actor.User = &user{Name: e.By.Actor, TypeID: 1, Type: "User"}
	}
	if e.Intent != nil {
		v.Unmapped.Change, v.Unmapped.Reason = e.Intent.ID, e.Intent.Reason
	}
	v.answered(e.Outcome)
	return v
}

// answered takes over what the service said.
func (v *event) answered(o *ledger.Outcome) {
	if o == nil {
		return
	}
	v.Duration, v.StatusDetail = o.Took.Milliseconds(), o.Error
	v.Unmapped.Correlation, v.Unmapped.Attempts = o.Correlation, o.Attempts
	v.Unmapped.Change = cmp.Or(v.Unmapped.Change, o.Change)
	if o.Status > 0 {
		v.StatusCode = strconv.Itoa(o.Status)
		v.HTTPResponse = &httpResponse{o.Status, o.Took.Milliseconds()}
	}
}

// subject is the user whom e is about.
func subject(e reconcile.Evidence) *user {
	if e.Erased {
		return &user{Name: forgotten, TypeID: other, Type: "Forgotten"}
	}
	return &user{Name: cmp.Or(e.UserName, string(e.Key)), UID: e.Resource().ID, UIDAlt: e.Key, TypeID: 1, Type: "User"}
}

// managed fills in the entity that was changed, as it was and as it is.
func (v *event) managed(e reconcile.Evidence) {
	who := subject(e)
	was := entity{Name: who.Name, UID: who.UID, TypeID: 2, Type: "User", User: who, Data: befores(e)}
	is := was
	is.Data = afters(e)
	if o := e.Outcome; o != nil {
		was.Version, is.Version = o.VersionFrom, o.Ref.Version
	}
	v.Entity = &was
	if result(e).Fine() {
		v.EntityResult = &is
	}
	v.Comment = cmp.Or(v.Unmapped.Because, v.Unmapped.Reason)
}

// members are the events of a group's change: one for each member; v alone
// where all of them were forgotten.
func members(e reconcile.Evidence, v event) []event {
	v.Group = &group{Name: e.UserName, UID: e.Resource().ID}
	if e.Erased {
		v.Group = &group{Name: forgotten}
	}
	var out []event
	for m := range ledger.Members(plan.Change{Target: scim.Ref{Type: scim.Group}, Edits: e.Edits()}) {
		v.User = &user{UID: m.ID, UIDAlt: m.Key, TypeID: 1, Type: "User"}
		if m.ID == "" {
			v.User.Name = string(m.Key) // not created yet
		}
		v.Metadata.UID = fmt.Sprintf("%x/%d", e.Hash, len(out)+1)
		out = append(out, v)
	}
	if len(out) == 0 {
		return []event{v}
	}
	return out
}

// befores are the values that the change replaced or took away.
func befores(e reconcile.Evidence) map[scim.Path][]scim.Value {
	return sides(e, func(d plan.Edit) []scim.Value {
		if d.Whole {
			return d.Before
		}
		return d.Remove
	})
}

// afters are the values that it set or added.
func afters(e reconcile.Evidence) map[scim.Path][]scim.Value {
	return sides(e, func(d plan.Edit) []scim.Value {
		return append(append(d.Set[:len(d.Set):len(d.Set)], d.Add...), d.Claim...)
	})
}

func sides(e reconcile.Evidence, side func(plan.Edit) []scim.Value) map[scim.Path][]scim.Value {
	out := map[scim.Path][]scim.Value{}
	for _, d := range e.Edits() {
		if vs := side(d); len(vs) > 0 {
			out[d.Path] = append(out[d.Path], vs...)
		}
	}
	return out
}
