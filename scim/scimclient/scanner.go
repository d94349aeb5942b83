package scimclient

import "bytes"

// A scanner finds where JSON values end. It does not judge what is in them:
// whoever decodes them does.
type scanner struct{ text []byte }

// object calls each for the members of the object that begins at i, and
// answers the place of what follows it; -1 where it is none, or breaks off.
func (s scanner) object(i int, each func(name []byte, from, to int)) int {
	if i = s.blank(i); i >= len(s.text) || s.text[i] != '{' {
		return -1
	}
	for i = s.blank(i + 1); i < len(s.text); {
		if s.text[i] == '}' {
			return s.blank(i + 1)
		}
		end := s.value(i)
		colon := s.blank(end)
		if s.text[i] != '"' || end < i+2 || colon >= len(s.text) || s.text[colon] != ':' {
			return -1
		}
		from := s.blank(colon + 1)
		to := s.value(from)
		if to <= from || to > len(s.text) {
			return -1
		}
		each(s.text[i+1:end-1], from, to)
		if i = s.blank(to); i < len(s.text) && s.text[i] == ',' {
			i = s.blank(i + 1)
		}
	}
	return -1
}

// elements appends where the elements of the array between from and to stand.
func (s scanner) elements(out [][2]int, from, to int) [][2]int {
	if s.text[from] == '[' {
		s.each(from, to, func(from, to int) { out = append(out, [2]int{from, to}) })
	}
	return out
}

// each calls f for the elements of the array between from and to.
func (s scanner) each(from, to int, f func(from, to int)) {
	for i := s.blank(from + 1); i < to-1; {
		end := s.value(i)
		if end <= i {
			return
		}
		f(i, end)
		if i = s.blank(end); i < to && s.text[i] == ',' {
			i = s.blank(i + 1)
		}
	}
}

func (s scanner) blank(i int) int {
	for i < len(s.text) && s.text[i] <= ' ' {
		i++
	}
	return i
}

// value is the end of the value that begins at i; past the text where it breaks off.
func (s scanner) value(i int) int {
	if i >= len(s.text) {
		return i
	}
	switch s.text[i] {
	case '"':
		return s.quoted(i)
	case '{', '[':
		return s.nested(i)
	}
	for i < len(s.text) && !delimiter[s.text[i]] {
		i++
	}
	return i
}

var delimiter = [256]bool{',': true, '}': true, ']': true, ':': true, ' ': true, '\n': true, '\r': true, '\t': true}

func (s scanner) nested(i int) int {
	depth := 0
	for ; i < len(s.text); i++ {
		switch s.text[i] {
		case '"':
			i = s.quoted(i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s.text) + 1
}

// quoted is the end of the string that begins at i.
func (s scanner) quoted(i int) int {
	i++
	end := bytes.IndexByte(s.text[i:], '"')
	if end >= 0 && bytes.IndexByte(s.text[i:i+end], '\\') < 0 {
		return i + end + 1
	}
	for ; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s.text) + 1
}
