package scim

import "strings"

// mostDepth bounds how deep settled looks: deeper text goes to the decoder.
const mostDepth = 8

// settled is the text behind the JSON value that s begins with, where that
// value is in canonical form beyond doubt; ok is false where it may not be. What
// a ledger or a plan kept is, and need not be taken apart to be read.
func settled(s string, depth int) (rest string, ok bool) {
	if s == "" || depth > mostDepth {
		return s, false
	}
	switch s[0] {
	case '"':
		_, rest, ok = settledText(s)
		return rest, ok
	case '{':
		return settledObject(s[1:], depth)
	case '[':
		return settledArray(s[1:], depth)
	}
	end := strings.IndexAny(s, ",]}")
	if end < 0 {
		end = len(s)
	}
	word := s[:end]
	return s[end:], word == "true" || word == "false" || word == "null" || len(word) <= 15 && isInteger(word)
}

// settledText takes a string that is its own canonical text.
func settledText(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", s, false
	}
	end := strings.IndexByte(s[1:], '"') + 1
	if end == 0 || !plain(s[1:end]) {
		return "", s, false
	}
	return s[1:end], s[end+1:], true
}

func settledArray(s string, depth int) (rest string, ok bool) {
	if strings.HasPrefix(s, "]") {
		return s[1:], true
	}
	for {
		if s, ok = settled(s, depth+1); !ok || s == "" {
			return s, false
		}
		next := s[0]
		if s = s[1:]; next != ',' {
			return s, next == ']'
		}
	}
}

// settledObject wants its names in ascending order.
func settledObject(s string, depth int) (rest string, ok bool) {
	if strings.HasPrefix(s, "}") {
		return s[1:], true
	}
	last := ""
	for first := true; ; first = false {
		var name string
		if name, s, ok = settledText(s); !ok || !first && name <= last || !strings.HasPrefix(s, ":") {
			return s, false
		}
		last = name
		if s, ok = settled(s[1:], depth+1); !ok || s == "" {
			return s, false
		}
		next := s[0]
		if s = s[1:]; next != ',' {
			return s, next == '}'
		}
	}
}
