package genesyssim

import (
	"slices"
	"strings"
)

// fold is the form in which user names and addresses are compared.
func fold(s string) string { return strings.ToLower(s) }

// A catalog is a list of names with ids: roles, divisions, skills, languages.
type catalog struct {
	names  []string
	ids    []guid
	exact  map[string]uint16
	folded map[string]uint16
	byID   map[guid]uint16
}

func newCatalog() *catalog {
	return &catalog{exact: map[string]uint16{}, folded: map[string]uint16{}, byID: map[guid]uint16{}}
}

// add is the place of a name, which it appends where the catalog lacks it.
func (c *catalog) add(name string, id func() guid) uint16 {
	if i, ok := c.exact[name]; ok {
		return i
	}
	i := uint16(len(c.names)) // a configuration does not name 65536 roles
	c.names, c.ids = append(c.names, name), append(c.ids, id())
	c.exact[name], c.byID[c.ids[i]] = i, i
	if _, taken := c.folded[fold(name)]; !taken {
		c.folded[fold(name)] = i
	}
	return i
}

// find is the place of a name: spelled exactly, or in any case where loose.
func (c *catalog) find(name string, loose bool) (uint16, bool) {
	if i, ok := c.exact[name]; ok || !loose {
		return i, ok
	}
	i, ok := c.folded[fold(name)]
	return i, ok
}

// An index finds users by a key that several may share.
type index struct {
	one  map[string]int32
	more map[string][]int32 // all users of a key that has more than one
}

func newIndex(size int) index {
	return index{one: make(map[string]int32, size), more: map[string][]int32{}}
}

func (x index) add(key string, u int32) {
	if key == "" {
		return
	}
	if first, ok := x.one[key]; !ok {
		x.one[key] = u
	} else if many, ok := x.more[key]; ok {
		x.more[key] = insert(many, u)
	} else if first != u {
		x.more[key] = insert([]int32{first}, u)
	}
}

func (x index) remove(key string, u int32) {
	many, ok := x.more[key]
	if !ok {
		if x.one[key] == u {
			delete(x.one, key)
		}
		return
	}
	many = drop(many, u)
	x.one[key] = many[0]
	if len(many) > 1 {
		x.more[key] = many
		return
	}
	delete(x.more, key)
}

func (x index) find(key string) []int32 {
	if many, ok := x.more[key]; ok {
		return many
	}
	if u, ok := x.one[key]; ok {
		return []int32{u}
	}
	return nil
}

// insert keeps a sorted list of users sorted and without repetition.
func insert(list []int32, u int32) []int32 {
	i, found := slices.BinarySearch(list, u)
	if found {
		return list
	}
	return slices.Insert(list, i, u)
}

func drop(list []int32, u int32) []int32 {
	i, found := slices.BinarySearch(list, u)
	if !found {
		return list
	}
	return slices.Delete(list, i, i+1)
}

func has(list []int32, u int32) bool {
	_, found := slices.BinarySearch(list, u)
	return found
}
