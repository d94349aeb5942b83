package plan

import (
	"slices"

	"rollcall/scim"
)

// The reasons of changes.
const (
	newInSource      = "NewInSource"
	matchedBy        = "MatchedBy" // and the path, as in MatchedByUserName
	recoveredCreate  = "RecoveredCreate"
	recovery         = "Recovered"
	attributesDiffer = "AttributesDiffer"
	userNameDiffers  = "UserNameDiffers"
	inactiveInSource = "InactiveInSource"
	leftSource       = "LeftSource"
	leftLongAgo      = "LeftLongAgo"
	returned         = "Returned"
	givenBack        = "GivenBack"
	allowedToReturn  = "AllowedToReturn"
	referenceFollows = "ReferenceFollows"
	belongsByGroup   = "BelongsInGroup"
	belongsNoLonger  = "BelongsNoLonger"
	keyChanged       = "KeyChanged"
	goneElsewhere    = "GoneElsewhere"
	asDesired        = "AsDesired"
	reverted         = "Reverted"
)

// A stage is what waves are made of, in this order; within a stage depth counts.
type stage uint32

const (
	relinking stage = iota // whatever follows is about the new key
	leaving                // accounts that should be closed are the urgent ones
	renaming               // a userName is freed before it is taken
	creating               // managers before their people
	updating
	halving // what an earlier change of the same person must precede
	joining
	parting
	deleting
)

// A decision is what Plan makes on its way.
type decision struct {
	out      pack
	scratch  []Edit            // of comparisons, one after the other
	depth    map[int32]uint32  // of renames and creates that wait for another; 0 is left out
	cuts     map[[2]int32]bool // create, manager: the reference follows after both are there
	over     map[Op]bool       // kinds that wait
	counts   map[Op]int
	waiting  map[int32]Op    // people whose create waits, and for which limit
	changed  map[string]bool // ids of groups
	losses   []loss
	rejoins  map[string][]membership // by group id: given back
	unlinked []Change
	resters  []Wait
	given    map[string][]string // by group id: the users whose membership is ours, of those who are looked at
	idle     int                 // people who are inactive and have no user
	resting  rests               // what every change of the person rests on who is being planned
}

// emit adds one change in its stage.
func (b *Builder) emit(c Change, s stage, depth uint32, k kind, r rests) {
	c.Wave = int(uint32(s)<<16 | min(depth, 1<<16-1))
	if c.Target.Type == scim.User && c.Op != Create && c.Op != Restore && c.Op != Grant {
		c.Fresh = c.Fresh || c.sends() && (c.Target.Version == "" || b.secondary(c.Edits))
	}
	b.release(c)
	b.out.add(c, k, r|b.resting)
	switch k {
	case counted:
		b.counts[c.Op]++
	case healed:
		b.counts[Create]++
	default:
	}
}

func (b *Builder) secondary(edits []Edit) bool {
	return slices.ContainsFunc(edits, func(e Edit) bool { return !e.claimsOnly() && slices.Contains(b.in.Dialect.Secondary, e.Path) })
}
