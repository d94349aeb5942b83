package reconcile_test

import (
	"slices"
	"testing"
	"time"

	"rollcall/mapping"
	"rollcall/target/genesys"
)

// Midnight of the configured time zone begins a day of waiting, not that of UTC.
func TestDaysOfWaitingAreCountedInTheTimeZone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rows := company(5)
		o := newOrg(t, nil, rows...)
		run := func() string {
			columns, _ := o.source.Columns(t.Context())
			zone := time.FixedZone("Tokyo", 9*60*60)
			m, err := mapping.Compile(rules(), columns, mapping.Options{Dialect: genesys.Dialect(), Timezone: zone, Now: time.Now()})
			if err != nil {
				t.Fatalf("Compile: %v", err)
			}
			o.job.Mapping, o.job.Input.Users, o.job.Input.Basis.Today = m, m.Shape(), m.Today()
			o.job.Input.Policy.Leaving.After = 1
			o.apply()
			return o.people()["e002@example.com"].State
		}
		run()
		time.Sleep(16 * time.Hour) // 1 in the morning in Tokyo, while it is still yesterday in UTC
		o.source.rows = slices.Concat(rows[:2], rows[3:])
		run()
		time.Sleep(time.Hour)
		if got := run(); got != "active" {
			t.Errorf("an hour after they were missed, with a day to wait, they are %s", got)
		}
		time.Sleep(23 * time.Hour)
		if got := run(); got != "inactive" {
			t.Errorf("on the next day they are %s, want inactive", got)
		}
	})
}
