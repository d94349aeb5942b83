package app

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"rollcall/fault"
)

// benchConfig manages what an HR export usually has, and lets a benchmark do anything.
const benchConfig = `name: bench
source: {file: people.csv, key: Number}
people:
  externalId: row.Number
  userName: row.Mail
  displayName: row.Name
  active: 'row.Active == "yes"'
  title: row.Title
  department: row.Department
  manager: person(row.Manager)
leavers: report
limits: {adopt: 100%, update: 100%}
`

var benchHeader = []string{"Number", "Mail", "Name", "Title", "Department", "Manager", "Active"}

const (
	columnTitle  = 3
	columnActive = 6
)

// A resident is a generated user as the simulator tells the truth about them.
type resident struct {
	ID, UserName, DisplayName, Title, ExternalID, State string

	Enterprise struct {
		Department string
		Manager    struct{ Value string }
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

// write makes the configuration, and people.csv with what rows gives.
func (t *track) write(ctx context.Context, rows func(context.Context, *csv.Writer) error) error {
	if err := os.WriteFile(filepath.Join(t.dir, "rollcall.yaml"), []byte(benchConfig), 0o600); err != nil {
		return fmt.Errorf("bench: %w: %w", fault.Unavailable, err)
	}
	return writeWhole(filepath.Join(t.dir, "people.csv"), 0o600, func(w io.Writer) error {
		out := csv.NewWriter(bufio.NewWriterSize(w, 1<<20))
		if err := out.Write(benchHeader); err != nil {
			return err
		}
		if err := rows(ctx, out); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	})
}

// export makes the configuration, and writes the generated people as an HR
// system would: a manager is named by number.
func (t *track) export(ctx context.Context) error { return t.write(ctx, t.exported) }

func (t *track) exported(ctx context.Context, out *csv.Writer) error {
	numbers := map[string]string{}
	if err := t.residents(ctx, func(r resident) error { numbers[r.ID] = r.ExternalID; return nil }); err != nil {
		return err
	}
	return t.residents(ctx, func(r resident) error {
		if r.State == "deleted" {
			return nil
		}
		active := map[bool]string{true: "yes", false: "no"}[r.State == "active"]
		e := r.Enterprise
		return out.Write([]string{r.ExternalID, r.UserName, r.DisplayName, r.Title, e.Department, numbers[e.Manager.Value], active})
	})
}

// residents yields everybody whom the simulator has.
func (t *track) residents(ctx context.Context, use func(resident) error) error {
	return t.ask(ctx, "/_sim/users", func(d *json.Decoder) error {
		for range 3 { // {"users": [
			if _, err := d.Token(); err != nil {
				return err
			}
		}
		for d.More() {
			var r resident
			if err := d.Decode(&r); err != nil {
				return err
			}
			if err := use(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// promote gives every n-th active person another title.
func (t *track) promote(n int, to string) func(context.Context) error {
	return func(ctx context.Context) error {
		return t.write(ctx, func(_ context.Context, out *csv.Writer) error {
			active := 0
			t.promoted = 0
			return t.rows(func(row []string) error {
				if row[columnActive] == "yes" {
					active++
				}
				if row[columnActive] == "yes" && active%n == 0 {
					t.promoted++
					row[columnTitle] += " " + to
				}
				return out.Write(row)
			})
		})
	}
}

// rows reads people.csv.
func (t *track) rows(use func([]string) error) error {
	f, err := os.Open(filepath.Join(t.dir, "people.csv"))
	if err != nil {
		return fmt.Errorf("bench: %w: %w", fault.Unavailable, err)
	}
	defer f.Close()
	in := csv.NewReader(bufio.NewReaderSize(f, 1<<20))
	if _, err := in.Read(); err != nil {
		return err
	}
	for {
		row, err := in.Read()
		if err == io.EOF { //nolint:errorlint // csv answers it bare
			return nil
		}
		if err == nil {
			err = use(row)
		}
		if err != nil {
			return err
		}
	}
}
