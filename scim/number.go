package scim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"rollcall/fault"
)

// maxExponent bounds the exponent of a number: far above any float64, and
// small enough to calculate with.
const maxExponent = 9999

// decode reads one JSON text as [Value.Any] describes, and nothing after it.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("parse JSON: %w: %w", fault.Invalid, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("parse JSON: text after the value at offset %d: %w", d.InputOffset(), fault.Invalid)
	}
	return lossless(v)
}

// lossless replaces each number in v by a float64 where that holds its digits.
func lossless(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		return number(string(v))
	case []any:
		for i, e := range v {
			got, err := lossless(e)
			if err != nil {
				return nil, err
			}
			v[i] = got
		}
	case map[string]any:
		for k, e := range v {
			got, err := lossless(e)
			if err != nil {
				return nil, err
			}
			v[k] = got
		}
	}
	return v, nil
}

func number(s string) (any, error) {
	if len(s) <= 15 && isInteger(s) {
		n, err := strconv.ParseInt(s, 10, 64)
		return float64(n), err
	}
	if _, _, _, ok := decimal(s); !ok {
		return nil, fmt.Errorf("parse JSON: number out of range: %w", fault.Invalid)
	}
	exact := string(appendNumber(nil, s))
	if f, err := strconv.ParseFloat(s, 64); err == nil && string(appendFloat(nil, f)) == exact {
		return f, nil
	}
	return json.Number(exact), nil
}

func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(b, "null"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return strconv.AppendInt(b, int64(f), 10)
	}
	var room [32]byte
	return appendNumber(b, string(strconv.AppendFloat(room[:0], f, 'e', -1, 64)))
}

// appendNumber writes the JSON number s in shortest form: plain digits up to
// twenty zeros at the end or five behind the point, else with an exponent. It
// panics where s is not a number.
func appendNumber(b []byte, s string) []byte {
	if isInteger(s) && (s == "0" || s[len(s)-1] != '0') {
		return append(b, s...)
	}
	negative, digits, exp, ok := decimal(s)
	if !ok {
		panic("scim: not a JSON number, or out of range")
	}
	if digits == "" {
		return append(b, '0')
	}
	if negative {
		b = append(b, '-')
	}
	point := len(digits) + exp
	switch {
	case exp >= 0 && exp <= 20:
		b = append(b, digits...)
		return append(b, strings.Repeat("0", exp)...)
	case exp < 0 && point > 0:
		return append(append(append(b, digits[:point]...), '.'), digits[point:]...)
	case exp < 0 && point > -6:
		return append(append(append(b, "0."...), strings.Repeat("0", -point)...), digits...)
	}
	b = append(b, digits[0])
	if len(digits) > 1 {
		b = append(append(b, '.'), digits[1:]...)
	}
	return strconv.AppendInt(append(b, 'e'), int64(point-1), 10)
}

// isInteger tells that s is a JSON integer without exponent; not "-0".
func isInteger(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits != "" && (digits[0] != '0' || s == "0") && strings.Trim(digits, "0123456789") == ""
}

// decimal takes a JSON number apart: digits, without zeros at either end, times ten to the exp.
func decimal(s string) (negative bool, digits string, exp int, ok bool) {
	s, negative = strings.CutPrefix(s, "-")
	mantissa, power, scientific := cutExponent(s)
	if scientific {
		n, err := strconv.Atoi(power)
		if err != nil || n > maxExponent || n < -maxExponent {
			return false, "", 0, false
		}
		exp = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return false, "", 0, false
	}
	exp -= len(fraction)
	trimmed := strings.TrimRight(digits, "0")
	exp += len(digits) - len(trimmed)
	digits = strings.TrimLeft(trimmed, "0")
	if exp > 2*maxExponent || exp < -2*maxExponent {
		return false, "", 0, false
	}
	return negative, digits, exp, true
}

func cutExponent(s string) (mantissa, power string, ok bool) {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
