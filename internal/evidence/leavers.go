package evidence

import (
	"cmp"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"rollcall/reconcile"
)

var leaverHeader = []string{
	"key", "userName", "id", "state", "late", "gone", "seen", "action", "waitDays", "sent", "confirmed", "back", "seconds", "op", "how", "attempts",
	"error", "roles",
}

// LeaversCSV writes one row for each leaver, as [CSV] does.
func LeaversCSV(w io.Writer, c *reconcile.LeaverClock) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	err := out.Write(leaverHeader)
	for _, l := range c.Leavers {
		err = cmp.Or(err, write(out, []string{
			string(l.Key), l.UserName, l.Resource, l.State, strconv.FormatBool(l.Late), moment(l.Gone), l.Seen, l.Action, strconv.Itoa(l.WaitDays),
			moment(l.Sent), moment(l.Confirmed), moment(l.Back), strconv.FormatFloat(l.Seconds, 'f', 3, 64), string(l.Op), string(l.How),
			strconv.Itoa(l.Attempts), l.Error, strings.Join(l.Roles, "; "),
		}))
	}
	out.Flush()
	return export(cmp.Or(err, out.Error()))
}

// moment is t in RFC 3339; "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
