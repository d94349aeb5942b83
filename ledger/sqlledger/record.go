package sqlledger

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"rollcall/ledger"
)

// format is the version of what a record's columns mean.
const format = 1

// A record is one row of the table entries, as stored.
type record struct {
	seq    int64
	format int64
	time   int64 // nanoseconds since 1970, UTC
	run    string
	kind   string
	op     string
	result string
	person int64
	people int64
	change []byte
	face   []byte
	sealed []byte
	hash   []byte
}

// columns is the select list that (*record).fields receives.
const columns = "seq, format, time, run, kind, op, result, person, people, change, face, sealed, hash"

func (r *record) fields() []any {
	return []any{
		&r.seq, &r.format, &r.time, &r.run, &r.kind, &r.op, &r.result, &r.person, &r.people, &r.change, &r.face, &r.sealed, &r.hash,
	}
}

// digest is the hash of r behind the entry with hash before (nothing before
// the first). It is SHA-256 over before and every column but seq and hash, in
// the order of the table; a number is eight bytes, the high one first, and
// everything is preceded by its length as eight such bytes.
func (r *record) digest(before []byte) [sha256.Size]byte {
	scratch := scratches.get()
	defer scratches.put(scratch)
	b := (*scratch)[:0]
	text := func(v []byte) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(v)))
		b = append(b, v...)
	}
	number := func(v int64) {
		b = binary.BigEndian.AppendUint64(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(v)) // two's complement is the encoding
	}
	text(before)
	number(r.format)
	number(r.time)
	text([]byte(r.run))
	text([]byte(r.kind))
	text([]byte(r.op))
	text([]byte(r.result))
	number(r.person)
	number(r.people)
	text(r.change)
	text(r.face)
	text(r.sealed)
	*scratch = b
	return sha256.Sum256(b)
}

// A scratchpad lends slices to compute in.
type scratchpad struct{ sync.Pool }

var scratches scratchpad

func (s *scratchpad) get() *[]byte {
	if b, ok := s.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (s *scratchpad) put(b *[]byte) { s.Put(b) }

// leaf is the hash of the record's leaf in the Merkle log: its chained hash is the leaf's data.
func (r *record) leaf() tlog.Hash { return tlog.RecordHash(r.hash) }

// bound appends what every box of the record is bound to besides its own place:
// no box opens in another entry, nor under other open columns.
func (r *record) bound(b []byte, ledgerID string) []byte {
	for _, v := range [...]string{"entry", ledgerID, r.run, r.kind, r.op, r.result} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(v)))
		b = append(b, v...)
	}
	for _, v := range [...][]byte{r.change, r.face} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(v)))
		b = append(b, v...)
	}
	for _, v := range [...]int64{r.seq, r.format, r.time, r.person, r.people} {
		b = binary.BigEndian.AppendUint64(b, uint64(v)) // two's complement is the encoding
	}
	return b
}

func (r *record) at() time.Time { return time.Unix(0, r.time).UTC() }

func (r *record) is(k ledger.Kind) bool { return r.kind == string(k) }
