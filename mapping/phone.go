package mapping

import (
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
	n, err := phonenumbers.Parse(text, country)
	if err != nil {
		c.problem("bad-phone", "the text is not a phone number%s", in(country))
		return nil, nil
	}
	if !phonenumbers.IsValidNumber(n) {
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

// faithful tells whether n has the digits of text, but for one prefix.
func faithful(text string, n *phonenumbers.PhoneNumber) bool {
	digits := phonenumbers.NormalizeDigitsOnly(text)
	national := phonenumbers.GetNationalSignificantNumber(n)
	prefix, ok := strings.CutSuffix(digits, national+n.GetExtension())
	if !ok {
		return false
	}
	code := phonenumbers.Format(n, phonenumbers.E164)
	code = strings.TrimPrefix(strings.TrimSuffix(code, national), "+")
	switch prefix {
	case "", code, "00" + code, "011" + code:
		return true
	}
	return prefix == phonenumbers.GetNddPrefixForRegion(phonenumbers.GetRegionCodeForNumber(n), true)
}
