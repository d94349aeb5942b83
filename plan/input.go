package plan

import (
	"time"

	"rollcall/scim"
	"rollcall/source"
	"rollcall/target"
)

// Own says who rules an attribute (design §6).
type Own uint8

// The modes. Exact, Mine and Additive are for sets.
const (
	Managed  Own = iota + 1 // single values: the source rules
	Once                    // set at creation only
	Watch                   // reported, never written
	Exact                   // the set is what the source says
	Mine                    // removes only what the ledger says is ours
	Additive                // never removes; "add" in the configuration
)

// A Rule is how one managed attribute is treated.
type Rule struct {
	Path    scim.Path
	Own     Own
	NoClaim bool // adopted values that are present and desired do not become ours
}

// A GroupRule is how one managed group is treated.
type GroupRule struct {
	Name string
	Own  Own // Exact, Mine or Additive
}

// Desired is what the source wants of one person. Every record that is in
// scope is given, the inactive ones too.
type Desired struct {
	Key     source.Key
	Place   source.Place
	Row     scim.Row // in Input.Shape; not known: not managed for this person; known and empty: cleared
	Groups  []string // names of the managed groups that this person belongs in, sorted
	Unit    string   // what limits_by gives; "": not known
	Unnamed bool     // the column that names groups is blank: memberships of groups that only it names stand as they are
	Held    bool     // bad row: stands as last believed; Row and Groups mean nothing

	Turns time.Time // the first day on which the source will say otherwise whether they are active; zero: none is known. Not in the digest
}

// A Link is "this key is that resource", with what the ledger remembers of it.
type Link struct {
	Key         source.Key
	Ref         scim.Ref
	UserName    string
	Unit        string    // what limits_by gave when the source had them last
	Sent        Digest    // of the Desired last carried out; zero: none
	Image       scim.Row  // as last seen; may be the zero Row in a full run
	Ours        scim.Row  // elements of sets that are rollcall's: sent or claimed
	Groups      []string  // ids of the groups whose membership of this person is rollcall's
	Left        time.Time // first missed; zero: present
	Deactivated time.Time // by us, and not reactivated since; zero otherwise
	Open        string    // id of a change with an intent and no outcome
	OpenOp      Op
	Closed      bool      // unlinked: the resource is gone or was given up; kept so that its id is known
	Gone        time.Time // when the user was seen to be deleted by another hand, and so Closed; zero: it was not
	Lost        Loss      // what they had when we deactivated or deleted them, and was not given back yet; zero: nothing

	Kept map[scim.Path]Kept // what the service did not carry out of what it was sent
	Owed []scim.Path        // set at creation only, and not carried out then: still to be set
}

// A Digest is a SHA-256.
type Digest [32]byte

// A Bound is a limit as configured: the larger of N and Percent of the base.
type Bound struct {
	N       int
	Percent float64
}

// Leaving is what happens to people who left.
type Leaving struct {
	Action    string // report, deactivate, delete
	After     int    // days of absence before Action
	Then      string // "" or delete
	ThenAfter int    // days
}

// Policy is everything configured that is not an attribute.
type Policy struct {
	Lifecycle      bool        // false: lifecycle none
	Match          []scim.Path // in order
	Leaving        Leaving
	Limits         map[Op]Bound        // create, adopt, update, rename, deactivate, reactivate, delete, rekey; and GroupRemovals
	Recent         map[Op]int          // what happened in the last 24 hours by the ledger, reverts excepted
	RecentRemovals map[string]int      // the same of GroupRemovals, by group id
	RecentOf       map[Op][]source.Key // the same by person, where units are told apart
	ByUnit         bool                // bounds hold within units too
	Base           int                 // what percentages are of; 0: the linked users
	Allow          map[string]int      // lifted for this run: op → number, -1 without bound
	Protect        []string            // userName patterns with *, never touched
	Roles          map[string]RolePolicy
	OwnRoles       []string // of rollcall's own client: guarded like admin
	Only           []string // WHO; empty: everybody
	HoldAll        bool     // an unknown name holds the person instead of the attribute
	NoClaim        bool
	Believe        bool

	Restore       []scim.Path   // what coming back gives back: paths of Dialect.Leaving, and target.GrantsOf for roles with their divisions
	RestoreWithin time.Duration // how long after leaving
}

// A RolePolicy lifts or bounds what data may do to a role.
type RolePolicy struct {
	Change bool // data may grant and take it
	Min    int  // never fewer holders than this
}

// GroupRemovals is the limit that is not an op.
const GroupRemovals Op = "group_removals"

// Basis is what a plan was computed from: a saved plan applies to nothing else.
type Basis struct {
	Sync    string    `json:"sync"`
	Org     string    `json:"org"`             // API host and client
	OrgID   string    `json:"orgId,omitempty"` // of the organization, where it was asked for
	Source  string    `json:"source"`
	Records int       `json:"records"`
	Reading Digest    `json:"reading"`           // of the desired people
	Mapping Digest    `json:"mapping"`           // of what the configuration says about people, groups and policy
	Today   string    `json:"today"`             // YYYY-MM-DD
	Way     string    `json:"way,omitempty"`     // quick: compared with what the ledger remembers; "": with everybody
	At      time.Time `json:"at"`                // when the reading began
	Granted int       `json:"granted"`           // requests a minute that the plan reckons with, budget applied
	Reverts string    `json:"reverts,omitempty"` // the run that the plan takes back; "": it takes none back
}

// Input is what a Builder needs from the start. Users and Groups are the
// shapes of every user row (desired, observed, image) and of every group row.
type Input struct {
	Users    *scim.Shape
	Groups   *scim.Shape // displayName and members
	Rules    []Rule      // one per managed attribute, in the configuration's order
	Members  []GroupRule // the managed groups; without them groups are not read
	ByColumn Own         // mode of groups that only Desired.Groups names; 0: such names do not occur
	Policy   Policy
	Basis    Basis
	Dialect  target.Dialect
	Quick    bool                                 // nobody is listed: only who is due is looked at, as the ledger remembers them
	Resting  map[source.Key]Wait                  // of a quick plan: who is not due again yet, as long as they are desired to be the same
	Overdue  map[source.Key]bool                  // of a quick plan: who is due, whatever the ledger says was sent
	Fixed    map[string][]string                  // by group: ids of members who come back after their removal; they are left alone
	Sizes    map[string]int                       // for Of: members by group id, where known
	Units    Units                                // for Of: planning finds them itself
	Names    map[target.Catalog]map[string]string // name → id; a missing catalog was not to be had and checks nothing
}

// A Severity ranks findings.
type Severity string

// The severities: an Error leaves a person undone and is exit code 4.
const (
	Note    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// A Finding is something to know about a record or a resource that is not a change.
type Finding struct {
	Severity Severity   `json:"severity"`
	Code     string     `json:"code"` // one word with dashes: bad-row, duplicate-key, ambiguous-match, unknown-name, ...
	Key      source.Key `json:"key,omitempty"`
	Place    string     `json:"place,omitempty"`
	Text     string     `json:"text"`
}

// A Limit is one bound and how far the plan reaches.
type Limit struct {
	Name     string `json:"name"`
	Of       string `json:"of,omitempty"` // the group, or the unit of limits_by, that it is about; "": the whole
	Allowed  int    `json:"allowed"`      // -1: no bound
	Wanted   int    `json:"wanted"`       // the last 24 hours included
	Exceeded bool   `json:"exceeded"`
	StopsAll bool   `json:"stopsAll"`      // over it nothing is applied; else its kind waits
	Who      []Who  `json:"who,omitempty"` // where it is exceeded: whom the plan wants to do it to, by name
}

// Cost is what carrying the plan out takes.
type Cost struct {
	Reads   int     `json:"reads"`  // of planning
	Writes  int     `json:"writes"` // of applying, its reads included
	Seconds float64 `json:"seconds"`
}
