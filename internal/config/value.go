package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollcall/plan"
)

// A Span is a length of time as people write it: months have no fixed length.
type Span struct {
	Months int
	Time   time.Duration // a day is 24 hours
}

// Before is the instant that lies s before t.
func (s Span) Before(t time.Time) time.Time { return t.AddDate(0, -s.Months, 0).Add(-s.Time) }

const day = 24 * time.Hour

var spanForm = regexp.MustCompile(`^(\d{1,6})(ms|s|mo|m|h|d|w|y)$`)

// parseSpan reads 1s, 5m, 72h, 90d, 2w, 13mo, 1y.
func parseSpan(text string) (Span, error) {
	m := spanForm.FindStringSubmatch(text)
	if m == nil {
		return Span{}, fmt.Errorf("%q is not a length of time: write 30s, 5m, 72h, 90d, 2w, 13mo or 1y", text)
	}
	n, _ := strconv.Atoi(m[1]) // at most six digits
	switch m[2] {
	case "mo":
		return Span{Months: n}, nil
	case "y":
		return Span{Months: 12 * n}, nil
	}
	units := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day}
	return Span{Time: time.Duration(n) * units[m[2]]}, nil
}

func parseDuration(text string) (time.Duration, error) {
	s, err := parseSpan(text)
	if err == nil && s.Months > 0 {
		return 0, fmt.Errorf("%q has no fixed length: write days, such as 90d", text)
	}
	return s.Time, err
}

// parseRetention reads a length of time of a month or more: less would prune
// what limits are counted from, and plans that wait.
func parseRetention(text string) (Span, error) {
	s, err := parseSpan(text)
	if err == nil && s.Months == 0 && s.Time < 31*day {
		return s, fmt.Errorf("%q is less than a month: write 1mo, 13mo or 2y", text)
	}
	return s, err
}

// parseDays reads whole days.
func parseDays(text string) (int, error) {
	d, err := parseDuration(text)
	if err == nil && d%day != 0 {
		return 0, fmt.Errorf("%q is not whole days: write 0d, 7d, 90d", text)
	}
	return int(d / day), err
}

// parsePercent reads 70% as 70.
func parsePercent(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "%")
	p, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(p >= 0 && p <= 100) {
		return 0, fmt.Errorf("%q is not a percentage: write 70%%", text)
	}
	return p, nil
}

// parseBound reads 10, 2%, 10 or 2%; none is no bound.
func parseBound(text string) (b plan.Bound, none bool, err error) {
	if text == "none" {
		return b, true, nil
	}
	bad := fmt.Errorf("%q is not a limit: write 10, 2%%, 10 or 2%%, or none", text)
	first, second, both := strings.Cut(text, " or ")
	if both || !strings.HasSuffix(first, "%") {
		if b.N, err = strconv.Atoi(strings.TrimSpace(first)); err != nil || b.N < 0 {
			return plan.Bound{}, false, bad
		}
	} else {
		second = first
	}
	if second == "" {
		return b, false, nil
	}
	if b.Percent, err = parsePercent(strings.TrimSpace(second)); err != nil {
		return plan.Bound{}, false, bad
	}
	return b, false, nil
}

// A Range is a number of records; Max 0 is no upper bound.
type Range struct{ Min, Max int }

// parseRange reads 200.., ..5000, 200..5000, 290.
func parseRange(text string) (Range, error) {
	bad := fmt.Errorf("%q is not a range: write 200.. or 200..5000", text)
	low, high, open := strings.Cut(strings.ReplaceAll(text, " ", ""), "..")
	if !open {
		high = low
	}
	var r Range
	var err error
	if low != "" {
		if r.Min, err = strconv.Atoi(low); err != nil || r.Min < 0 {
			return Range{}, bad
		}
	}
	if high != "" {
		if r.Max, err = strconv.Atoi(high); err != nil || r.Max < max(1, r.Min) {
			return Range{}, bad
		}
	}
	if low == "" && high == "" {
		return Range{}, bad
	}
	return r, nil
}

// A When is a schedule. The zero When is never.
type When struct {
	Every   time.Duration // 0: daily or weekly at Hour:Minute, in the configured time zone
	Daily   bool
	Weekly  bool
	Weekday time.Weekday
	Hour    int
	Minute  int
}

var whenForm = regexp.MustCompile(`^(?:daily|weekly on ([a-z]+)) at ([01]?\d|2[0-3]):([0-5]\d)$`)

// parseWhen reads every 5m, hourly, daily at 02:00, weekly on sunday at 02:00, never.
func parseWhen(text string) (When, error) {
	bad := fmt.Errorf("%q is not a schedule: write every 5m, hourly, daily at 02:00, weekly on sunday at 02:00, or never", text)
	switch {
	case text == "never":
		return When{}, nil
	case text == "hourly":
		return When{Every: time.Hour}, nil
	case strings.HasPrefix(text, "every "):
		d, err := parseDuration(strings.TrimPrefix(text, "every "))
		if err != nil {
			return When{}, bad
		}
		if d < 10*time.Second {
			return When{}, errors.New("a run every 10s is the most often that is possible")
		}
		return When{Every: d}, nil
	}
	m := whenForm.FindStringSubmatch(text)
	if m == nil {
		return When{}, bad
	}
	w := When{Daily: m[1] == "", Weekly: m[1] != ""}
	w.Hour, _ = strconv.Atoi(m[2])   // the form has checked
	w.Minute, _ = strconv.Atoi(m[3]) // the form has checked
	if w.Weekly {
		for d := time.Sunday; d <= time.Saturday; d++ {
			if strings.EqualFold(d.String(), m[1]) {
				w.Weekday = d
				return w, nil
			}
		}
		return When{}, bad
	}
	return w, nil
}
