package mapping

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// phone is a number in E.164, with its extension as ";ext=". A number without
// a country code is read in the plan of country.
//
// The library would rather give a number than none: it takes "1 (11) 500
// 555-0117" for one in the United States. So its digits must be the digits that were
// written, less one prefix: the country code, or what is dialed before a
// national number.
func (c *calls) phone(text, country string) (any, error) {
	country = strings.ToUpper(strings.TrimSpace(country))
	text = extension.ReplaceAllString(text, ";ext=")
	n, err := phonenumbers.Parse(compact(text), country)
	if err != nil {
		c.problem("bad-phone", "the text is not a phone number%s", in(country))
		return nil, nil //nolint:nilerr // the problem was told
	}
	if !phonenumbers.IsValidNumberForRegion(n, country) && !phonenumbers.IsValidNumber(n) {
		c.problem("bad-phone", "the number is not valid in the numbering plan%s", of(country))
		return nil, nil
	}
	if !faithful(text, n) {
		c.problem("bad-phone", "the number reads as another one in the numbering plan%s", of(country))
		return nil, nil
	}
	out := phonenumbers.Format(n, phonenumbers.E164)
	if ext := n.GetExtension(); ext != "" {
		out += ";ext=" + ext
	}
	return out, nil
}

// extension is that of a tel URI, with the blanks that services write around it.
var extension = regexp.MustCompile(`(?i)\s*;\s*ext\s*=\s*`)

func in(country string) string {
	if country == "" {
		return " with a country code"
	}
	return " in " + country
}

func of(country string) string {
	if country == "" {
		return ""
	}
	return " of " + country
}

// compact drops what is between digits where there is nothing but digits: the
// library spends half its time on looking for extensions there.
func compact(text string) string {
	if strings.Trim(text, "+0123456789 -.()") != "" {
		return text
	}
	return between.Replace(text)
}

var between = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")

// faithful tells whether n has the digits of text, but for one prefix. A trunk
// prefix after the country code, +44 (0)20, is one that is not dialed.
func faithful(text string, n *phonenumbers.PhoneNumber) bool {
	national := phonenumbers.GetNationalSignificantNumber(n)
	prefix, ok := strings.CutSuffix(phonenumbers.NormalizeDigitsOnly(text), national+n.GetExtension())
	code := strconv.Itoa(int(n.GetCountryCode()))
	switch {
	case !ok:
		return false
	case prefix == "", prefix == code, prefix == "00"+code, prefix == "011"+code:
		return true
	}
	trunk := phonenumbers.GetNddPrefixForRegion(phonenumbers.GetRegionCodeForNumber(n), true)
	return trunk != "" && (prefix == trunk || prefix == code+trunk)
}
