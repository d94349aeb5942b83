package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A generated company has the columns of the sample company, so that the sample
// configuration maps it. Row n depends on n alone: the same company, whatever
// its size, but for who is in it.
type generated struct {
	people int
	moved  func(n int) bool // who has another job title than at first; nil: nobody
}

const generatedHeader = "AssignmentID,EmployeeNo,FirstName,LastName,Email,WorkPhone,Country,Job Title,Department,Shift,Site,ManagerNo,HireDate," +
	"AssignmentEnd,Status,Employed,Skills,Languages,NationalID,BirthDate,Gender,MaritalStatus,AnnualSalary,VacationDays,Emergency Contact,EmergencyPhone\n"

var (
	generatedFirst = strings.Fields("Ingrid Dominic Renée Tobias Lucía Maeve Jean-Luc Siân Łukasz Björn Zoë Nguyễn François Ana Jürgen Mai Søren Inés Ömer Chloé Tom Aoife Jiří")
	generatedLast  = strings.Fields("Thorvaldsen Achterberg Fontaine-Dubois Großmann Peñaloza O'Brien d'Aubigné Núñez Kowalczyk Ångström Smith Çelik Müller Okafor Lindqvist Dvořák " +
		"Byrne Castañeda Jones Petrović Tanaka Weiß Moreau Silva Novák García Hansen Rossi Kaya")
	generatedDesks  = []string{"Customer Care", "Order Desk", "Billing", "Returns", "Finance", "Warehouse", "Management"}
	generatedSkills = []string{"Billing:4;Orders:5", "Orders:5;Returns:3", "Billing:5;Returns:2", "Furniture Care:3", "Spanish Accounts:4;Orders:1", "", ""}
	generatedTongue = []string{"English:5", "English:5;German:3", "Spanish:5;English:4", "German:5;English:4", "English:5;Spanish:2"}
	generatedArea   = []string{"207", "212", "312", "415", "617", "206", "303", "404", "503", "602"}
)

// write writes the export.
func (g generated) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	if _, err := out.WriteString(generatedHeader); err != nil {
		return err
	}
	for n := range g.people {
		g.row(out, n)
	}
	return out.Flush()
}

// row is one person: everybody's manager is an eighth of the way up, and one in
// twelve leads a team.
func (g generated) row(out *bufio.Writer, n int) {
	pick := func(from []string, step int) string { return from[(n/step+n)%len(from)] }
	title, shift, manager := "Agent", "Day", fmt.Sprintf("E%06d", n/8)
	switch {
	case n == 0:
		title, manager = "Chief Executive", ""
	case n%12 == 0:
		title = "Team Lead"
	}
	if g.moved != nil && g.moved(n) {
		title += " II"
	}
	if n%5 == 0 {
		shift = "Night"
	}
	first, last := pick(generatedFirst, 29), pick(generatedLast, 1)
	fmt.Fprintf(out, "A%06d,E%06d,%s,%s,person.%06d@harborpine.example,(%s) 555-%04d,US,%s,%s,%s,Portland,%s,2015-%02d-%02d,,Current,Y,%s,%s,",
		n, n, first, last, n, pick(generatedArea, 100), 100+n%100, title, pick(generatedDesks, 3), shift, manager, 1+n%12, 1+n%28,
		pick(generatedSkills, 2), pick(generatedTongue, 7))
	fmt.Fprintf(out, "900-%02d-%04d,19%02d-%02d-%02d,X,,%d.00,%d,Alex %s,207-555-0199\n", n%100, n%10000, 60+n%40, 1+n%12, 1+n%28, 30000+n%90000, n%40, last)
}

// save writes the export as people.csv into dir.
func (g generated) save(t testing.TB, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := g.write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
