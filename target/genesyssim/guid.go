package genesyssim

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
)

// A guid is the id of anything in the directory.
type guid [16]byte

// newGUID is the next id of a sequence: ids follow from the seed.
func newGUID(r *rand.Rand) guid {
	var g guid
	for i, half := range [2]uint64{r.Uint64(), r.Uint64()} {
		for j := range 8 {
			g[8*i+j] = byte(half >> (8 * j))
		}
	}
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

func (g guid) append(b []byte) []byte {
	for i, part := range [][]byte{g[:4], g[4:6], g[6:8], g[8:10], g[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

func (g guid) String() string { return string(g.append(make([]byte, 0, 36))) }

// parseGUID reads a GUID in any case.
func parseGUID(text string) (g guid, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return g, false
	}
	n, err := hex.Decode(g[:], []byte(strings.ReplaceAll(text, "-", "")))
	return g, err == nil && n == len(g)
}
