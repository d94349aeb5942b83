package plan

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"hash"

	"rollcall/fault"
)

// digestMember is the last member of a plan's document: the SHA-256 of the
// document without it and without white space between tokens, in hexadecimal.
const digestMember = "digest"

// An encoder writes a document and sums it up. The first error stays.
type encoder struct {
	out  *bufio.Writer
	sum  hash.Hash
	some bool // a member, or an element of changes, was written
	err  error
}

func (e *encoder) write(text string) {
	e.sum.Write([]byte(text))
	e.space(text)
}

// space is for people: the digest does not cover it.
func (e *encoder) space(text string) {
	if _, err := e.out.WriteString(text); err != nil && e.err == nil {
		e.err = err
	}
}

func (e *encoder) member(name string, v any) {
	if e.some {
		e.write(",")
	}
	e.some = name != "findings" // the last before changes, which have commas of their own
	e.write(`"` + name + `":`)
	e.value(name, v)
}

func (e *encoder) element(c Change) {
	if e.some {
		e.write(",")
	}
	e.some = true
	e.space("\n")
	e.value("change "+c.ID, wireOf(c))
}

func (e *encoder) value(what string, v any) {
	text, err := marshal(v)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("encode plan: %s: %w: %w", what, fault.Internal, err)
	}
	e.write(string(text))
}

// seal ends the document with its digest.
func (e *encoder) seal() error {
	e.sum.Write([]byte("}"))
	e.space(`,"` + digestMember + `":"` + hex.EncodeToString(e.sum.Sum(nil)) + "\"}\n")
	if e.err != nil {
		return e.err
	}
	return e.out.Flush()
}
