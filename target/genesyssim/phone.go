package genesyssim

import "strings"

// parsePhone reads E.164 ("+13175550100", also with blanks, dots, dashes and
// parentheses) and tel URIs ("tel:+13175550100; ext=123") into the form that is
// stored: "+13175550100" or "+13175550100;123".
func parsePhone(text string) (string, bool) {
	rest, ext := text, ""
	if len(rest) > 4 && strings.EqualFold(rest[:4], "tel:") {
		rest = rest[4:]
	}
	number, param, extended := strings.Cut(rest, ";")
	if extended {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "ext") {
			return "", false
		}
		if ext = strings.TrimSpace(value); !digits(ext, 1, 12) {
			return "", false
		}
		ext = ";" + ext
	}
	number = strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "").Replace(number)
	if !strings.HasPrefix(number, "+") || !digits(number[1:], 7, 15) || number[1] == '0' {
		return "", false
	}
	return number + ext, true
}

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// showPhone is the canonical form of a stored number (switch phone_form). A
// number with an extension is a tel URI in either: E.164 has no extensions.
func showPhone(stored string, tel bool) string {
	number, ext, extended := strings.Cut(stored, ";")
	switch {
	case extended:
		return "tel:" + number + "; ext=" + ext
	case tel:
		return "tel:" + number
	}
	return number
}

func hasExtension(stored string) bool { return strings.Contains(stored, ";") }

func withoutExtension(stored string) string {
	number, _, _ := strings.Cut(stored, ";")
	return number
}
