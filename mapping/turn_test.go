package mapping_test

import (
	"testing"
	"time"

	"rollcall/mapping"
	"rollcall/source"
	"rollcall/target/genesys"
)

// It is the date in the time zone that counts, from midnight there.
func TestTurnsInATimeZone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 14, 59, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		now  time.Time
		want time.Time
	}{
		"a minute before midnight in Tokyo": {now, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
		"midnight in Tokyo":                 {now.Add(time.Minute), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := mapping.Rules{Attributes: []mapping.Attribute{{Path: "active", Expr: mapping.Expr{Text: `date(row.Hire, "DD.MM.YYYY") <= today`}}}}
			m, err := mapping.Compile(rules, []source.Column{{Name: "Hire", Kind: source.Text}}, mapping.Options{
				Dialect: genesys.Dialect(), Timezone: time.FixedZone("Tokyo", 9*60*60), Now: tt.now,
			})
			if err != nil {
				t.Fatalf("Compile: %v", err)
			}
			p, err := m.Map(source.Record{Key: "e1", Values: []any{"01.12.2026"}})
			if err != nil || !p.Turns.Equal(tt.want) {
				t.Errorf("Turns = %v, %v; want %v", p.Turns, err, tt.want)
			}
		})
	}
}

func TestTurns(t *testing.T) {
	t.Parallel()
	const iso = `"YYYY-MM-DD"`
	for name, tt := range map[string]struct {
		where, active string
		hire, leave   string
		want          string // "": none
	}{
		"a hire in the future":                      {active: `date(row.Hire, ` + iso + `) <= today`, hire: "2026-12-01", want: "2026-12-01"},
		"a hire in the past":                        {active: `date(row.Hire, ` + iso + `) <= today`, hire: "2020-12-01"},
		"a hire today":                              {active: `date(row.Hire, ` + iso + `) <= today`, hire: "2026-11-23"},
		"a hire the day after":                      {active: `date(row.Hire, ` + iso + `) < today`, hire: "2026-12-01", want: "2026-12-02"},
		"a leave counts to the end of its day":      {active: `date(row.Leave, ` + iso + `) >= today`, leave: "2026-11-30", want: "2026-12-01"},
		"a leave that is today's":                   {active: `date(row.Leave, ` + iso + `) >= today`, leave: "2026-11-23", want: "2026-11-24"},
		"a leave that is over":                      {active: `date(row.Leave, ` + iso + `) >= today`, leave: "2026-11-22"},
		"no leave":                                  {active: `row.Leave == "" || date(row.Leave, ` + iso + `) >= today`},
		"today on the left":                         {active: `today >= date(row.Hire, ` + iso + `)`, hire: "2027-02-28", want: "2027-02-28"},
		"some days before":                          {active: `date(row.Hire, ` + iso + `) - duration("336h") <= today`, hire: "2026-12-31", want: "2026-12-17"},
		"some days of grace, on the side of today":  {active: `date(row.Leave, ` + iso + `) >= today - duration("168h")`, leave: "2026-11-30", want: "2026-12-08"},
		"the time that is left":                     {active: `date(row.Hire, ` + iso + `) - today <= duration("36h")`, hire: "2026-12-31", want: "2026-12-30"},
		"dates as texts":                            {active: `row.Leave >= string(today)`, leave: "2026-11-30", want: "2026-12-01"},
		"on one day alone":                          {active: `date(row.Hire, ` + iso + `) == today`, hire: "2026-11-30", want: "2026-11-30"},
		"hired and gone: the hire comes first":      {active: `date(row.Hire, ` + iso + `) <= today && date(row.Leave, ` + iso + `) >= today`, hire: "2026-12-01", leave: "2027-01-31", want: "2026-12-01"},
		"hired, and gone later":                     {active: `date(row.Hire, ` + iso + `) <= today && date(row.Leave, ` + iso + `) >= today`, hire: "2026-01-01", leave: "2027-01-31", want: "2027-02-01"},
		"gone before the hire: never":               {active: `date(row.Hire, ` + iso + `) <= today && date(row.Leave, ` + iso + `) >= today`, hire: "2027-01-31", leave: "2026-12-01"},
		"away for a while: a test met later counts": {active: `date(row.Hire, ` + iso + `) > today ? false : date(row.Leave, ` + iso + `) < today`, hire: "2026-12-01", leave: "2027-01-31", want: "2027-02-01"},
		"a placeholder says never":                  {active: `date(row.Leave, ` + iso + `) >= today`, leave: "9999-12-31"},
		"the scope ends":                            {where: `date(row.Leave, ` + iso + `) >= today`, active: `true`, leave: "2026-11-30", want: "2026-12-01"},
		"a date that has nothing to do with today":  {active: `date(row.Hire, ` + iso + `) < date(row.Leave, ` + iso + `) && today > date("2020-01-01", ` + iso + `)`, hire: "2026-12-01", leave: "2027-12-01"},
		"an expression that fails on a later day":   {active: `date(row.Hire, ` + iso + `) <= today ? date(row.Leave, ` + iso + `) < today : false`, hire: "2026-12-01", leave: "2027-13-45"},
		"active without a day":                      {active: `row.Leave == ""`, hire: "2026-12-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := mapping.Rules{
				Where: mapping.Expr{Text: tt.where}, Attributes: []mapping.Attribute{{Path: "active", Expr: mapping.Expr{Text: tt.active}}},
			}
			columns := []source.Column{{Name: "Hire", Kind: source.Text}, {Name: "Leave", Kind: source.Text}}
			m, err := mapping.Compile(rules, columns, mapping.Options{
				Dialect: genesys.Dialect(), Timezone: time.UTC, Now: time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC),
			})
			if err != nil {
				t.Fatalf("Compile: %v", err)
			}
			rec := source.Record{Key: "e1"}
			for _, c := range m.Columns() {
				rec.Values = append(rec.Values, map[string]any{"Hire": tt.hire, "Leave": tt.leave}[c])
			}
			for range 2 { // the second time as the first
				p, err := m.Map(rec)
				if err != nil {
					t.Fatalf("Map: %v", err)
				}
				got := ""
				if !p.Turns.IsZero() {
					got = p.Turns.Format(time.DateOnly)
				}
				if got != tt.want {
					t.Errorf("Turns = %q, want %q", got, tt.want)
				}
				if m.Today() != "2026-11-23" {
					t.Errorf("Today() = %s", m.Today())
				}
			}
		})
	}
}
