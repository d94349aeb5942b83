package genesys

import (
	"strings"

	"rollcall/scim"
)

// E.164 allows 15 digits; fewer than four are no number of a public network.
const leastDigits, mostDigits = 4, 15

// extMark stands between a number and its extension in the canonical form.
const extMark = ";ext="

// formatPhone brings the forms in which numbers are written and come back
// (dossier §5.2) into one: +DIGITS, with ;ext=DIGITS where there is an
// extension. The country must be there, as a plus sign. "" stays.
//
//	+1 (317) 555-0100          +13175550100
//	tel:+1-317-555-0100; ext=7 +13175550100;ext=7
//	+1 317 555 0100 x7         +13175550100;ext=7
func formatPhone(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" {
		return "", true
	}
	s = strings.TrimPrefix(s, "tel:")
	number, ext := s, ""
	if i := strings.IndexAny(s, ";xe#"); i >= 0 {
		number, ext = s[:i], s[i:]
	}
	number = strings.Replace(number, "(0)", "", 1) // the trunk prefix that is not dialed from abroad
	number, plus := strings.CutPrefix(strings.TrimSpace(number), "+")
	number, ok := digits(number)
	if !plus || !ok || len(number) < leastDigits || len(number) > mostDigits || number[0] == '0' {
		return "", false
	}
	if ext == "" {
		return "+" + number, true
	}
	ext, ok = digits(strings.TrimLeft(ext, "; ext.=#:nsio"))
	if !ok {
		return "", false
	}
	if ext == "" {
		return "+" + number, true
	}
	return "+" + number + extMark + ext, true
}

// digits drops what people put between digits; false where anything else is left.
func digits(s string) (string, bool) {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()/\u00a0\u2009\u2010\u2011\u2012\u2013", r) {
			return -1
		}
		return r
	}, s)
	return s, strings.Trim(s, "0123456789") == ""
}

// wirePhone is a canonical number as the service takes it: one with an
// extension is a tel URI, with a blank after the semicolon (dossier §5.2).
func wirePhone(s string) string {
	number, ext, ok := strings.Cut(s, extMark)
	if !ok {
		return s
	}
	return "tel:" + number + "; ext=" + ext
}

// retain is [target.Dialect.Retain]: telephony gives phones extensions (dossier
// §5.2), which stay unless want has one itself.
func retain(p scim.Path, want, have scim.Value) scim.Value {
	if !strings.HasPrefix(string(p), string(phones)) || strings.Contains(string(want), extMark) {
		return want
	}
	number, ext, ok := strings.Cut(numberOf(have), extMark)
	wanted := numberOf(want)
	if !ok || number == "" || wanted == "" {
		return want
	}
	if wanted += extMark + ext; want[0] != '{' {
		return scim.ValueOf(wanted)
	}
	element, _ := want.Any().(map[string]any)
	element["value"] = wanted
	return scim.ValueOf(element)
}

// numberOf is the number of a phone, or that of an element of phones.
func numberOf(v scim.Value) string {
	if v != "" && v[0] == '{' {
		v = v.Sub("value")
	}
	number, _ := v.Text()
	return number
}
