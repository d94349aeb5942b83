package genesys

import "strings"

// E.164 allows 15 digits; fewer than four are no number of a public network.
const leastDigits, mostDigits = 4, 15

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
	return "+" + number + ";ext=" + ext, true
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
	number, ext, ok := strings.Cut(s, ";ext=")
	if !ok {
		return s
	}
	return "tel:" + number + "; ext=" + ext
}
