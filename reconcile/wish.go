package reconcile

import "slices"

// A wish is which groups a user is to be in, by what updates say one after another.
type wish struct {
	have  map[string]bool   // groups that the user is in
	in    map[string]bool   // groups that the user is to be in, or not
	place map[string]string // of the last operation on a group

	said    map[string]bool   // by updates that have ended: in or not
	whole   bool              // one of them said all groups
	touched map[string]string // by this update: place of its last operation on a group
	all     bool              // this one says all groups
}

func newWish(s *subject) *wish {
	w := &wish{have: map[string]bool{}, in: map[string]bool{}, place: map[string]string{}, said: map[string]bool{}}
	for _, v := range (&folder{now: s.Observed}).at(groupsPath) {
		if id, ok := v.Sub("value").Text(); ok {
			w.have[id], w.in[id] = true, true
		}
	}
	return w
}

func (w *wish) begin() { w.touched, w.all = map[string]string{}, false }

func (w *wish) say(id string, in bool, place string) {
	w.in[id], w.place[id], w.touched[id] = in, place, place
}

// nothingElse takes the user out of every group.
func (w *wish) nothingElse(place string) {
	w.all = true
	for id := range w.in {
		w.say(id, false, place)
	}
}

// contradictions are the groups, sorted, of which this update says otherwise than one before it.
func (w *wish) contradictions() (ids []string) {
	for id := range w.touched {
		before, said := w.said[id]
		if said && before != w.in[id] || !said && w.whole && w.in[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (w *wish) end() {
	for id := range w.touched {
		w.said[id] = w.in[id]
	}
	w.whole = w.whole || w.all
}
