package filesource_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"rollcall/fault"
	"rollcall/internal/sampledata"
	"rollcall/source/filesource"
	"rollcall/source/sourcetest"
)

func sniff(t *testing.T, path string) filesource.Guess {
	t.Helper()
	g, err := filesource.Sniff(t.Context(), path)
	if err != nil {
		t.Fatalf("Sniff(%s): %v", path, err)
	}
	for _, m := range g.Mapping {
		for _, c := range g.Columns {
			if c.Sensitive != "" && (strings.Contains(m.Expr, "row."+c.Name) || strings.Contains(m.Expr, fmt.Sprintf("row[%q]", c.Name))) {
				t.Errorf("%s is mapped from %s, which holds %s", m.Attribute, c.Name, c.Sensitive)
			}
		}
		if m.Why == "" {
			t.Errorf("%s is mapped without a reason", m.Attribute)
		}
	}
	return g
}

// mapped is the mapping of a guess, an attribute a line.
func mapped(g filesource.Guess) string {
	var b strings.Builder
	for _, m := range g.Mapping {
		fmt.Fprintf(&b, "%s: %s\n", m.Attribute, m.Expr)
	}
	return b.String()
}

func TestSniffSampleCompany(t *testing.T) {
	t.Parallel()
	data, err := fs.ReadFile(sampledata.Files(), sampledata.People)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), sampledata.People)
	write(t, path, string(data))
	g := sniff(t, path)
	if g.Key != "EmployeeNo" || g.Where != `row.Status == "Current"` || g.Records != 44 {
		t.Errorf("key %q where %q of %d records; want EmployeeNo, Status, 44", g.Key, g.Where, g.Records)
	}
	want := `externalId: row.EmployeeNo
employeeNumber: row.EmployeeNo
userName: lower(trim(row.Email))
displayName: row.FirstName + " " + row.LastName
active: row.Employed == "Y" ? true : row.Employed == "N" ? false : nil
title: row["Job Title"]
department: row.Department
phoneNumbers[type eq "work"].value: phone(row.WorkPhone, row.Country)
manager: person(row.ManagerNo)
`
	if diff := cmp.Diff(want, mapped(g)); diff != "" {
		t.Errorf("Mapping (-want +got):\n%s", diff)
	}
	sensitive := map[string]string{}
	for _, c := range g.Columns {
		if c.Sensitive != "" {
			sensitive[c.Name] = c.Sensitive
		}
	}
	if diff := cmp.Diff(map[string]string{
		"NationalID": "national identifier", "BirthDate": "birth date or age", "Gender": "gender", "MaritalStatus": "marital status or family",
		"AnnualSalary": "pay", "VacationDays": "health or absence", "Emergency Contact": "emergency contact", "EmergencyPhone": "emergency contact",
	}, sensitive); diff != "" {
		t.Errorf("sensitive columns (-want +got):\n%s", diff)
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	german := "Personalnummer;Vorname;Nachname;E-Mail;Abteilung;Stelle;Vorgesetzter;Geburtsdatum;Gehalt;Aktiv\r\n" +
		"1001;Jürgen;Größ;j.groess@x.example;Vertrieb;Leiter;;01.02.1980;52000;ja\r\n" +
		"1002;Anne;Müller;a.mueller@x.example;Vertrieb;Berater;1001;01.02.1981;42000;ja\r\n" +
		"1003;Zoë;Abt;z.abt@x.example;Einkauf;Berater;1001;01.02.1982;43000;nein\r\n"
	for name, tt := range map[string]struct {
		file, content                   string
		format                          filesource.Format
		delimiter, encoding, key, where string
		mapping                         string
		note                            string
	}{
		"a German export of Windows, with semicolons": {
			file: "a.csv", content: must(charmap.Windows1252.NewEncoder().String(german)),
			format: filesource.CSV, delimiter: ";", encoding: "windows-1252", key: "Personalnummer",
			mapping: "externalId: row.Personalnummer\nemployeeNumber: row.Personalnummer\nuserName: lower(row[\"E-Mail\"])\n" +
				"displayName: row.Vorname + \" \" + row.Nachname\nactive: row.Aktiv == \"ja\" ? true : row.Aktiv == \"nein\" ? false : nil\ntitle: row.Stelle\ndepartment: row.Abteilung\n" +
				"manager: person(row.Vorgesetzter)\n",
			note: "is read as windows-1252",
		},
		"a text file of tabs, a column that numbers rows, an end date": {
			file:    "a.txt",
			content: "RowID\tLogin\tName\tMail\tEnd Date\n1\ta\tAnn A\ta@x.org\t\n2\tb\tBo B\tb@x.org\t2020-01-31\n3\tb\tBo B\tb@x.org\t\n4\tc\tCy C\tc@x.org\t\n",
			format:  filesource.CSV, delimiter: "\t", key: "Login", where: `row["End Date"] == ""`,
			mapping: "externalId: row.Login\nuserName: lower(row.Mail)\ndisplayName: row.Name\n",
			note:    "No column says who is active",
		},
		"JSON with numbers and flags": {
			file: "a.json", format: filesource.JSON, key: "employeeId",
			content: `[{"employeeId": 7, "displayName": "Ann", "workEmail": "ann@x.org", "active": true, "ssn": "123-45-6789"},` +
				`{"employeeId": 8, "displayName": "Bo", "workEmail": "bo@x.org", "active": false, "ssn": "123-45-6780"}]`,
			mapping: "externalId: string(row.employeeId)\nemployeeNumber: string(row.employeeId)\nuserName: lower(row.workEmail)\ndisplayName: row.displayName\nactive: row.active\n",
		},
		"no key: names and addresses only, and a status that says who is active": {
			file: "a.psv", format: filesource.PSV,
			content: "Full Name|Email|Work Phone|Status|Badge\nAnn|ann@x.org|+49 30 23125 101|Active|1\nBo|bo@x.org|+49 30 23125 102|Inactive|2\n",
			mapping: "userName: lower(row.Email)\ndisplayName: row[\"Full Name\"]\nactive: row.Status == \"Active\" ? true : row.Status == \"Inactive\" ? false : nil\nphoneNumbers[type eq \"work\"].value: phone(row[\"Work Phone\"], \"US\")\n",
			note:    "No column is a safe key",
		},
		"a manager's address is not a person's": {
			file: "a.csv", format: filesource.CSV, key: "user_id",
			content: "user_id,manager_email,first_name,last_name\nu1,boss@x.org,A,B\nu2,boss@x.org,C,D\n",
			mapping: "externalId: row.user_id\nemployeeNumber: row.user_id\ndisplayName: row.first_name + \" \" + row.last_name\n",
			note:    "No column holds e-mail addresses",
		},
		"values betray what a name does not": {
			file: "a.csv", format: filesource.CSV, key: "emp_no",
			content: "emp_no,code_1\ne1,123-45-6789\ne2,123-45-6780\n",
			mapping: "externalId: row.emp_no\nemployeeNumber: row.emp_no\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), tt.file)
			write(t, path, tt.content)
			g := sniff(t, path)
			if g.Format != tt.format || g.Delimiter != tt.delimiter || g.Encoding != tt.encoding || g.Key != tt.key || g.Where != tt.where {
				t.Errorf("format %q delimiter %q encoding %q key %q where %q\nwant   %q %q %q %q %q",
					g.Format, g.Delimiter, g.Encoding, g.Key, g.Where, tt.format, tt.delimiter, tt.encoding, tt.key, tt.where)
			}
			if diff := cmp.Diff(tt.mapping, mapped(g)); diff != "" {
				t.Errorf("Mapping (-want +got):\n%s", diff)
			}
			if notes := strings.Join(g.Notes, "\n"); !strings.Contains(notes, tt.note) {
				t.Errorf("notes %q, want %q", notes, tt.note)
			}
			if g.Key == "" {
				return
			}
			f := open(t, path, filesource.Options{Key: g.Key, Format: g.Format, Delimiter: g.Delimiter, Encoding: g.Encoding, Sheet: g.Sheet})
			for _, row := range rows(t, f) {
				if strings.Contains(row, "!") {
					t.Errorf("read as guessed: %s", row)
				}
			}
		})
	}
}

func TestSniffWorkbook(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.xlsx")
	writeXLSX(t, path, sourcetest.Table{
		Columns: []string{"Matricule", "Nom", "Prénom", "Courriel", "Salaire"},
		Rows:    [][]string{{"m1", "Dubois", "Renée", "rd@x.org", "1"}, {"m2", "Petit", "Théo", "tp@x.org", "2"}},
	})
	g := sniff(t, path)
	want := "externalId: row.Matricule\nemployeeNumber: row.Matricule\nuserName: lower(row.Courriel)\ndisplayName: row[\"Prénom\"] + \" \" + row.Nom\n"
	if g.Format != filesource.XLSX || g.Key != "Matricule" || mapped(g) != want {
		t.Errorf("Sniff = %s, key %s, mapping:\n%s\nwant:\n%s", g.Format, g.Key, mapped(g), want)
	}
}

func TestSniffRefuses(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"no header":          "e1;ann@x.org;" + secret + "\ne2;bo@x.org;x\n",
		"a duplicate column": "id,name,name\n1,a,b\n",
		"an empty file":      "",
	} {
		path := filepath.Join(t.TempDir(), "a.csv")
		write(t, path, content)
		g, err := filesource.Sniff(t.Context(), path)
		if fault.Of(err) != fault.Invalid || fault.Hint(err) == "" || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: Sniff = %+v, %v; want fault.Invalid with a hint", name, g, err)
		}
	}
}

func TestSensitiveNames(t *testing.T) {
	t.Parallel()
	header := func(names ...string) map[string]string {
		path := filepath.Join(t.TempDir(), "a.psv")
		write(t, path, "id|"+strings.Join(names, "|")+"\n1"+strings.Repeat("|", len(names))+"\n")
		about := map[string]string{}
		for _, c := range sniff(t, path).Columns[1:] {
			about[c.Name] = c.Sensitive
		}
		return about
	}
	for name, about := range header("EmployeeNationalIDAlternateKey", "SSN", "SozialversicherungsNr", "Steuer-ID", "NIR", "CURP", "BirthDate", "DOB", "date_of_birth", "Geburtstag",
		"Date de naissance", "FechaNacimiento", "BaseRate", "PayFrequency", "SalariedFlag", "Grundgehalt", "Vergütung", "Salaire brut", "Sueldo", "MaritalStatus", "Familienstand",
		"Gender", "Geschlecht", "Sexe", "EmergencyContactName", "Notfallkontakt", "Contact d'urgence", "IBAN", "BankName", "Bankverbindung", "SickLeaveHours", "VacationHours",
		"Schwerbehinderung", "Resturlaub", "Congés payés", "Religion", "Konfession", "Ethnicity", "Staatsangehörigkeit", "HomeAddress", "Home Phone", "Street", "PLZ", "Straße", "Address",
		"Private Mail", "Privathandy", "EmployeePhoto", "Passbild", "Password", "Performance Rating", "TerminationReason") {
		if about == "" {
			t.Errorf("%s is not sensitive", name)
		}
	}
	for name, about := range header("EmailAddress", "E-Mail-Adresse", "Adresse e-mail", "FirstName", "Title", "HireDate", "StartDate", "EndDate", "LoginID", "Phone", "Mobile", "CurrentFlag",
		"SalesPersonFlag", "DepartmentName", "Status", "ManagerLoginID", "CostCenter", "Language", "Location", "Office Address", "Abteilung", "Eintrittsdatum", "Standort", "Service",
		"Fonction", "Puesto", "AlternateKey", "Leave Date", "Manager", "Skills", "Shift", "SalesTerritoryKey", "Benutzerkonto", "Package", "Stage", "Page") {
		if about != "" {
			t.Errorf("%s is taken for %s", name, about)
		}
	}
}

func TestSniffNeverTakesSilenceForNo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ values, want string }{
		"both":                   {"Y N Y", `row.Active == "Y" ? true : row.Active == "N" ? false : nil`},
		"yes alone":              {"1 1 1", `row.Active == "1" ? true : row.Active == "0" ? false : nil`},
		"yes alone, in its case": {"Yes Yes Yes", `row.Active == "Yes" ? true : row.Active == "No" ? false : nil`},
		"blanks":                 {"true  true", `row.Active == "true" ? true : row.Active == "false" ? false : nil`},
		"a cross, or nothing":    {"x  x", `row.Active == "x" ? true : nil`},
		"German":                 {"J J J", `row.Active == "J" ? true : row.Active == "N" ? false : nil`},
		"two words that mean no": {"active left terminated", `row.Active == "active" ? true : row.Active in ["left", "terminated"] ? false : nil`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a.csv")
			text := "user_id,mail,name,Active\n"
			for i, v := range strings.Split(tt.values, " ") {
				text += fmt.Sprintf("u%d,u%d@x.org,Name %d,%s\n", i, i, i, v)
			}
			write(t, path, text)
			if got := mapped(sniff(t, path)); !strings.Contains(got, "active: "+tt.want+"\n") {
				t.Errorf("mapping:\n%swant active: %s", got, tt.want)
			}
		})
	}
}
