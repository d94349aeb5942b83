package filesource

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A topic is what a column is about, told by its name. A word stands for
// itself, words for their sequence; a word with a star also begins longer ones
// and stands within German compounds.
type topic struct {
	about string
	words []string
}

// sensitive is what no contact-center user record may receive, in English,
// German, French and Spanish, without accents.
var sensitive = []topic{
	{"national identifier", []string{
		"national id", "nationalid", "national identifier", "national insurance", "ssn", "social security", "social insurance",
		"nino", "tax id", "taxid", "tin", "itin", "passport*", "driver license", "drivers license", "driving licence", "fuhrerschein*", "identity card", "id card",
		"sozialversicherung*", "sv nummer", "rentenversicherung*", "steuernummer*", "steuer id", "steueridentifikation*", "reisepass*", "personalausweis*",
		"securite sociale", "numero secu", "nir", "insee", "carte identite", "passeport*", "seguridad social", "seguro social", "nss", "dni", "nif", "curp", "rfc",
		"pasaporte*", "cedula", "documento identidad", "cpf", "bsn", "ahv", "ahvn", "pesel",
	}},
	{"birth date or age", []string{"birth*", "dob", "born", "age", "geburt*", "geb datum", "gebdat*", "alter", "naissance", "ne le", "age ans", "nacimiento", "cumpleanos", "edad"}},
	{"pay", []string{
		"salary", "salaries", "salaried", "wage*", "pay", "payroll*", "paygrade*", "payrate*", "compensation", "remuneration*", "bonus*", "rate", "hourly", "income",
		"commission*", "stock", "equity", "garnishment*", "gehalt*", "lohn*", "vergutung*", "entgelt*", "besoldung*", "einkommen*", "tarifgruppe*", "stundensatz*", "steuerklasse*",
		"salaire*", "paie", "prime", "salario*", "sueldo*", "nomina", "remuneracion", "comision",
	}},
	{"marital status or family", []string{
		"marital*", "married", "civil status", "spouse*", "dependents", "dependants", "children", "maiden", "familienstand*", "verheiratet", "ehepartner*",
		"kinder*", "geburtsname*", "etat civil", "situation familiale", "conjoint", "enfants", "nom de jeune fille", "estado civil", "conyuge", "hijos",
	}},
	{"gender", []string{"gender*", "sex", "geschlecht*", "sexe", "sexo", "genero", "pronouns"}},
	{"emergency contact", []string{"emergency*", "next of kin", "kin", "notfall*", "urgence", "emergencia"}},
	{"bank details", []string{
		"bank*", "iban", "bic", "swift", "routing number", "sort code", "account number", "kontonummer*", "kontoinhaber*", "blz", "banque", "rib", "compte bancaire",
		"banco", "cuenta bancaria", "clabe", "credit card",
	}},
	{"health or absence", []string{
		"health*", "medical*", "disab*", "handicap*", "illness", "sick*", "vacation*", "pto", "absence*", "leave balance", "leave hours", "leave days", "maternity", "paternity", "parental",
		"fmla", "blood*", "vaccin*", "krank*", "gesundheit*", "behinder*", "schwerbehind*", "urlaub*", "fehlzeit*", "mutterschutz*", "elternzeit*", "impf*", "sante", "maladie*",
		"conge", "conges", "arret", "salud", "discapacidad*", "enfermedad*", "vacaciones", "baja medica",
	}},
	{"religion, origin or membership", []string{
		"religio*", "confession", "faith", "church*", "ethnic*", "race", "nationality", "citizenship", "origin", "political*", "union", "veteran*", "konfession*",
		"kirchensteuer*", "herkunft*", "nationalitat*", "staatsangehorigkeit*", "staatsburgerschaft*", "gewerkschaft*", "nationalite*", "syndicat*", "etnia", "raza", "nacionalidad", "sindicato", "orientation",
	}},
	{"home address or private contact", []string{
		"home address", "home phone", "home mail", "home email", "private", "personal email", "personal mail", "personal phone", "personal mobile", "street*", "zip", "zipcode",
		"postal*", "postcode", "address line", "address1", "address2", "residence*", "strasse*", "hausnummer*", "plz", "postleitzahl*", "wohnort*", "anschrift*", "privat*", "domicile",
		"rue", "code postal", "prive", "calle", "domicilio", "codigo postal", "personal telefono",
	}},
	{"photo or biometrics", []string{"photo*", "picture*", "image*", "portrait", "thumbnail*", "foto*", "bild", "lichtbild*", "passbild*", "imagen", "fingerprint*", "biometric*"}},
	{"password or secret", []string{"password*", "passwd", "pwd", "pin", "secret*", "passwort*", "kennwort*", "mot de passe", "contrasena*", "clave"}},
	{"appraisal or discipline", []string{
		"performance*", "appraisal*", "rating", "disciplin*", "warning*", "termination reason", "leaving reason", "reason for leaving", "beurteilung*", "abmahnung*",
		"kundigungsgrund*", "evaluation", "evaluacion", "motif depart", "motivo baja",
	}},
}

// addressWords make an address one of a person's home, unless placeWords stand
// beside them.
var (
	addressWords = []string{"address", "adresse", "direccion"}
	placeWords   = []string{"email", "mail", "e", "ip", "web", "office", "work", "business", "company", "site", "buro", "bureau", "correo", "oficina", "courriel"}
)

// sensitiveName says why a column of this name must not leave; "" for no reason.
func sensitiveName(words []string) string {
	if about(words, addressWords) && !about(words, placeWords) {
		return "home address or private contact"
	}
	for _, t := range sensitive {
		if about(words, t.words) {
			return t.about
		}
	}
	return ""
}

// about tells whether one of the terms stands in a name.
func about(words, terms []string) bool {
	return slices.ContainsFunc(terms, func(term string) bool {
		if stem, ok := strings.CutSuffix(term, "*"); ok {
			return slices.ContainsFunc(words, func(w string) bool {
				return strings.HasPrefix(w, stem) || len(stem) >= 6 && strings.Contains(w, stem)
			})
		}
		sequence := strings.Split(term, " ")
		for i := range len(words) - len(sequence) + 1 {
			if slices.Equal(words[i:i+len(sequence)], sequence) {
				return true
			}
		}
		return false
	})
}

// wordsOf splits a name into lower-case words without accents:
// "EmployeeNationalIDAlternateKey", "hire_date", "Straße/Nr.".
func wordsOf(name string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	runes := []rune(strip(name))
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			end()
			continue
		}
		if i > 0 && unicode.IsUpper(r) {
			before, after := runes[i-1], i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsLower(before) || unicode.IsDigit(before) || unicode.IsUpper(before) && after {
				end()
			}
		}
		word = append(word, r)
	}
	end()
	return words
}

func strip(name string) string {
	name = strings.NewReplacer("ß", "ss", "Ø", "O", "ø", "o", "Ł", "L", "ł", "l").Replace(name)
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(name))
}

// What columns that matter are called.
var (
	personWords  = []string{"employee", "emp", "empl", "personnel", "person", "people", "staff", "worker", "associate", "user", "colleague", "mitarbeiter", "personal", "employe", "salarie", "empleado", "trabajador", "collaborateur"}
	numberWords  = []string{"id", "no", "nr", "num", "number", "nummer", "numero", "key", "code", "kennung", "identifiant", "clave"}
	keyNames     = []string{"personalnummer", "personalnr", "persnr", "mitarbeiternummer", "mitarbeiternr", "matricule", "legajo", "empno", "empid", "emplid", "employeeid", "employeeno", "employeenumber", "workerid", "staffid", "personid"}
	loginWords   = []string{"login", "logon", "loginid", "username", "userid", "uid", "samaccountname", "sam account name", "user name", "network id", "benutzername", "benutzer", "anmeldename", "identifiant", "usuario"}
	otherWords   = []string{"manager", "supervisor", "boss", "parent", "reports", "lead", "vorgesetzter", "vorgesetzte", "fuhrungskraft", "chef", "responsable", "superior", "jefe", "hrbp", "assistant", "photo"}
	thingWords   = []string{"department", "dept", "abteilung", "position", "job", "cost", "kostenstelle", "territory", "company", "site", "location", "org", "unit", "team", "assignment", "row", "line", "record", "seq", "sequence", "contract", "badge", "room", "phone", "country"}
	managerWords = []string{"manager", "supervisor", "boss", "parent", "reports", "vorgesetzter", "vorgesetzte", "vorgesetzten", "fuhrungskraft", "chef", "responsable", "superior", "jefe", "teamlead", "superieur"}
	statusWords  = []string{"status", "state", "current", "active", "primary", "main", "aktiv", "aktuell", "statut", "actif", "principal", "estado", "activo", "zustand", "employed", "enabled", "beschaftigt", "vigente"}
	activeWords  = []string{"current", "active", "isactive", "employed", "enabled", "aktiv", "beschaftigt", "actif", "activo", "vigente"}
	endWords     = []string{"end", "enddate", "until", "to", "ende", "bis", "austritt", "termination", "fin", "sortie", "baja", "leave", "leaving", "exit"}
	givenWords   = []string{"first name", "firstname", "given name", "givenname", "forename", "preferred name", "vorname", "prenom", "nombre"}
	familyWords  = []string{"last name", "lastname", "surname", "family name", "familyname", "nachname", "familienname", "nom", "nom de famille", "apellido", "apellidos"}
	fullWords    = []string{"display name", "displayname", "full name", "fullname", "employee name", "anzeigename", "name", "nom complet", "nombre completo"}
	titleWords   = []string{"job title", "jobtitle", "title", "position", "role", "funktion", "stelle", "stellenbezeichnung", "berufsbezeichnung", "poste", "fonction", "puesto", "cargo"}
	deptWords    = []string{"department name", "departmentname", "department", "dept", "abteilung", "service", "departement", "departamento", "org unit", "team"}
	phoneWords   = []string{"work phone", "office phone", "business phone", "phone", "telephone", "tel", "telefon", "durchwahl", "telefono", "workphone", "telefonnummer", "phonenumber"}
	notPhone     = []string{"fax", "mobile", "cell", "handy", "mobil", "portable", "movil", "pager"}
	mailWords    = []string{"work email", "business email", "primary email", "company email", "email", "mail", "email address", "upn", "user principal name", "e mail", "courriel", "correo"}
	countryWords = []string{"country", "country code", "countrycode", "land", "landerkennung", "pays", "pais", "iso country"}
)
