package sampledata_test

import (
	"bytes"
	"encoding/csv"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"rollcall/internal/sampledata"
)

func TestPeople(t *testing.T) {
	t.Parallel()
	data, err := fs.ReadFile(sampledata.Files(), sampledata.People)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	key, status, manager := column("EmployeeNo"), column("Status"), column("ManagerNo")
	current := map[string]string{} // key to manager
	for _, row := range rows[1:] {
		if row[status] != "Current" {
			continue
		}
		if _, twice := current[row[key]]; twice {
			t.Errorf("%s has two current rows", row[key])
		}
		current[row[key]] = row[manager]
	}
	if len(rows) != 45 || len(current) != 40 {
		t.Errorf("%d lines, %d current people; want 45 and 40", len(rows), len(current))
	}
	deepest := 0
	for person := range current {
		depth := 0
		for boss := current[person]; boss != ""; boss = current[boss] {
			if _, ok := current[boss]; !ok || depth > 10 {
				t.Fatalf("the managers of %s lead to %q", person, boss)
			}
			depth++
		}
		deepest = max(deepest, depth)
	}
	if deepest != 5 {
		t.Errorf("managers are %d levels deep, want 5", deepest)
	}
}

func TestConfigNamesWhatExists(t *testing.T) {
	t.Parallel()
	config, err := fs.ReadFile(sampledata.Files(), sampledata.Config)
	if err != nil {
		t.Fatal(err)
	}
	people, err := fs.ReadFile(sampledata.Files(), sampledata.People)
	if err != nil {
		t.Fatal(err)
	}
	have := sampledata.Organization()
	for _, name := range slices.Concat(have.Groups, have.Roles) {
		if !bytes.Contains(config, []byte(name)) {
			t.Errorf("%s does not mention %q", sampledata.Config, name)
		}
	}
	for _, name := range slices.Concat(have.Skills, have.Languages) {
		if !bytes.Contains(people, []byte(name+":")) {
			t.Errorf("%s does not mention %q", sampledata.People, name)
		}
	}
	if strings.Contains(string(config), "row.NationalID") {
		t.Error("the configuration maps a column that no target may receive")
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	if got := bytes.Count(sampledata.Broken(), []byte("\n")); got != 10 {
		t.Errorf("Broken has %d lines, want 10", got)
	}
}
