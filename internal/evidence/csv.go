package evidence

import (
	"cmp"
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rollcall/plan"
	"rollcall/reconcile"
	"rollcall/scim"
)

var header = []string{
	"seq", "time", "run", "actor", "because", "reason", "key", "userName", "id", "change", "op", "path", "before", "after", "result", "status",
	"correlationId", "error",
}

// CSV writes one row for every attribute that a change gave another value, and
// for every element that it put into a set or took out; one without path for a
// change of none. Entries that are no changes have no row.
//
// It is RFC 4180, in UTF-8. No cell is a formula to a spreadsheet: one that would
// be, or that begins with an apostrophe, has an apostrophe in front.
func CSV(w io.Writer, t Trail) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	err := out.Write(header)
	for e, failed := range t {
		if failed != nil || err != nil {
			return export(cmp.Or(failed, err))
		}
		if changes(e) {
			err = rows(out, e)
		}
	}
	out.Flush()
	return export(cmp.Or(err, out.Error()))
}

// rows writes the rows of one change.
func rows(out *csv.Writer, e reconcile.Evidence) error {
	head, tail := ends(e)
	edits := e.Edits()
	if len(edits) == 0 {
		edits = []plan.Edit{{}}
	}
	for _, edit := range edits {
		for _, s := range steps(edit) {
			if err := write(out, slices.Concat(head, []string{string(edit.Path), s.before, s.after}, tail)); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes one row, whose cells it makes harmless.
func write(out *csv.Writer, row []string) error {
	for i, c := range row {
		row[i] = harmless(c)
	}
	return out.Write(row)
}

// ends are the cells before and behind those of an attribute.
func ends(e reconcile.Evidence) (head, tail []string) {
	d := NewEntry(e)
	name := d.UserName
	if e.Erased {
		name = forgotten
	}
	o := cmp.Or(d.Outcome, &Outcome{})
	id, status := o.ID, ""
	if e.Intent != nil {
		id = e.Intent.ID
	}
	if o.Status > 0 {
		status = strconv.Itoa(o.Status)
	}
	head = []string{
		strconv.FormatInt(d.Seq, 10), d.Time.Format(time.RFC3339Nano), string(d.Run), d.Actor, d.Because, d.Reason,
		string(d.Key), name, e.Resource().ID, id, string(d.Op),
	}
	return head, []string{string(result(e)), status, o.Correlation, o.Error}
}

// forgotten stands for the name of somebody whose key was destroyed.
const forgotten = "(forgotten)"

// A step is a value that became another; "" is none.
type step struct{ before, after string }

// steps are what e does: one for a whole value, else one for each element.
func steps(e plan.Edit) []step {
	if e.Whole || e.Path == "" {
		return []step{{cell(e.Before), cell(e.Set)}}
	}
	var out []step
	for _, v := range e.Remove {
		out = append(out, step{before: single(v)})
	}
	for _, v := range e.Add {
		out = append(out, step{after: single(v)})
	}
	for _, v := range e.Claim {
		out = append(out, step{single(v), single(v)})
	}
	return out
}

// cell is a text as it is, and anything else in JSON: a text too that is empty,
// could not be told from JSON, or would not stay on its line.
func cell(vs []scim.Value) string {
	switch len(vs) {
	case 0:
		return ""
	case 1:
		return single(vs[0])
	default:
		texts := make([]string, len(vs))
		for i, v := range vs {
			texts[i] = string(v)
		}
		return "[" + strings.Join(texts, ",") + "]"
	}
}

func single(v scim.Value) string {
	text, is := v.Text()
	if is && text != "" && !strings.ContainsFunc(text, unicode.IsControl) && !strings.HasPrefix(text, `"`) {
		return text
	}
	return string(v)
}

// harmless keeps a spreadsheet from taking text for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@'\t\r\n＝＋－＠", []rune(text)[0]) {
		return "'" + text
	}
	return text
}
