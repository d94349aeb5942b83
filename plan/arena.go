package plan

import "encoding/binary"

// An arena holds texts of any length in chunks without pointers, so that a
// million of them cost the garbage collector nothing and growing copies none.
// The zero arena is ready.
type arena struct {
	chunks [][]byte
}

// Chunks grow with the arena: a plan of ten people is small.
const smallest, largest = 1 << 12, 1 << 18

// A spot is where a text lies in an arena: chunk and offset. Spots count up.
type spot uint64

// put keeps a copy of text.
func (a *arena) put(text []byte) spot {
	last := len(a.chunks) - 1
	need := len(text) + binary.MaxVarintLen32
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < need {
		a.chunks = append(a.chunks, make([]byte, 0, max(min(smallest<<min(len(a.chunks), 6), largest), need)))
		last++
	}
	at := len(a.chunks[last])
	c := binary.AppendUvarint(a.chunks[last], uint64(len(text)))
	a.chunks[last] = append(c, text...)
	return spot(last)<<32 | spot(at)
}

// get is the text at s; it shares the arena's memory.
func (a *arena) get(s spot) []byte {
	c := a.chunks[s>>32][uint32(s):] // the low half
	n, w := binary.Uvarint(c)
	return c[w : w+int(n)]
}

// size is what the arena takes, about.
func (a *arena) size() int { return len(a.chunks) * largest }

// drop gives back every chunk before the one of s.
func (a *arena) drop(s spot) {
	for i := int(s>>32) - 1; i >= 0 && a.chunks[i] != nil; i-- {
		a.chunks[i] = nil
	}
}

// An index finds numbers by the hash of a text: open addressing, eight bytes a
// slot, no texts of its own. Several numbers may be filed under one hash. The
// zero index is ready.
type index struct {
	slots []uint64 // half a hash, and number + 1; 0: free
	used  int
}

// fold hashes text (FNV-1a, finished so that all bits are good).
func fold(text string) uint32 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return uint32(h ^ h>>32) // the low half is meant
}

// put files n under hash. At four fifths full the index grows by half.
func (x *index) put(hash uint32, n int) {
	if x.used*5 >= len(x.slots)*4 {
		old := x.slots
		x.slots = make([]uint64, max(64, len(old)*3/2))
		for _, s := range old {
			if s != 0 {
				x.file(s)
			}
		}
	}
	x.file(uint64(hash)<<32 | uint64(n+1)) // fewer than four thousand million people
	x.used++
}

// home is where the search for a hash begins: the hash as a fraction of the length.
func (x *index) home(hash uint64) int { return int(hash * uint64(len(x.slots)) >> 32) }

func (x *index) file(slot uint64) {
	i := x.home(slot >> 32)
	for x.slots[i] != 0 {
		i = (i + 1) % len(x.slots)
	}
	x.slots[i] = slot
}

// each calls use for the numbers filed under hash, until it answers false. The
// caller compares: other texts may have the same.
func (x *index) each(hash uint32, use func(n int) bool) {
	if len(x.slots) == 0 {
		return
	}
	for i := x.home(uint64(hash)); x.slots[i] != 0; i = (i + 1) % len(x.slots) {
		if s := x.slots[i]; uint32(s>>32) == hash && !use(int(uint32(s))-1) { // the halves
			return
		}
	}
}

// words are the few texts that many records repeat, by number.
type words struct {
	list   []string
	number map[string]int
}

// of is the number of text, a new one where it was not seen before.
func (w *words) of(text string) int {
	if n, ok := w.number[text]; ok {
		return n
	}
	if w.number == nil {
		w.number = map[string]int{}
	}
	w.number[text] = len(w.list)
	w.list = append(w.list, text)
	return len(w.list) - 1
}
