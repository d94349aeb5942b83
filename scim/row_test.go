package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/fault"
	"rollcall/scim"
)

func TestResourceAt(t *testing.T) {
	t.Parallel()
	u := user(t)
	if u.ID != "2819c223-7f76-453a-919d-413861904646" || u.Version != "3694e05e9dff591" || u.Type != scim.User {
		t.Errorf("Ref = %+v", u.Ref)
	}
	for path, want := range map[scim.Path][]scim.Value{
		"userName":                          {`"bjensen@example.com"`},
		"USERNAME":                          {`"bjensen@example.com"`},
		"active":                            {`true`},
		"name.familyName":                   {`"Jensen"`},
		"emails.value":                      {`"bjensen@example.com"`, `"babs@jensen.org"`},
		"emails.primary":                    {`true`},
		`emails[type eq "home"].value`:      {`"babs@jensen.org"`},
		`emails[type eq "home"]`:            {`{"type":"home","value":"babs@jensen.org"}`},
		`emails[type eq "none"]`:            nil,
		"ims":                               {`{"type":"aim","value":"someaimhandle"}`},
		"roles":                             nil,
		"name.none":                         nil,
		"userName.none":                     nil,
		enterprise + ":department":          {`"Tour Operations"`},
		enterprise + ":manager.value":       {`"26118915-6090-4610-87e4-49d8ca9f808d"`},
		"urn:none:2.0:User:department":      nil,
		"urn:none:2.0:User":                 nil,
		`schemas[value ew "core:2.0:User"]`: {`"urn:ietf:params:scim:schemas:core:2.0:User"`},
		"urn:ietf:params:scim:schemas:core:2.0:User:userName": {`"bjensen@example.com"`},
	} {
		if diff := cmp.Diff(want, u.At(path)); diff != "" {
			t.Errorf("At(%s) (-want +got):\n%s", path, diff)
		}
	}
	if got := u.At(enterprise); len(got) != 1 || got[0].Sub("costCenter") != `"4130"` {
		t.Errorf("At(extension) = %s", got)
	}
	odd := scim.NewResource(scim.User, map[string]any{"urn:x:badges:1.0": map[string]any{"badge": 7.0}, "title": nil, "roles": []any{nil}})
	for path, want := range map[scim.Path][]scim.Value{"urn:x:badges:1.0:badge": {`7`}, "title": nil, "roles": nil} {
		if diff := cmp.Diff(want, odd.At(path)); diff != "" {
			t.Errorf("At(%s) (-want +got):\n%s", path, diff)
		}
	}
}

func TestParseResourceReadsVersions(t *testing.T) {
	t.Parallel()
	for meta, want := range map[string]string{
		`42`: "42", `"42"`: "42", `"\"42\""`: "42", `"W/\"42\""`: "42", `" W/\"a b\" "`: "a b", `null`: "", `""`: "", `9007199254740993`: "9007199254740993",
	} {
		r, err := scim.ParseResource(scim.Group, []byte(`{"Id":"g1","Meta":{"VERSION":`+meta+`}}`))
		if err != nil || r.Version != want || r.ID != "g1" || r.Type != scim.Group {
			t.Errorf("meta.version %s: %+v, %v, want %q", meta, r.Ref, err, want)
		}
	}
	for _, body := range []string{``, `[]`, `"x"`, `{"a":1`, `{} {}`} {
		if _, err := scim.ParseResource(scim.User, []byte(body)); scimType(t, err) != "invalidSyntax" {
			t.Errorf("ParseResource(%s): %v, want invalidSyntax", body, err)
		}
	}
}

func TestShape(t *testing.T) {
	t.Parallel()
	s := scim.NewShape("userName", "title", "userName", "roles")
	if diff := cmp.Diff([]scim.Path{"userName", "title", "roles"}, s.Paths()); diff != "" {
		t.Errorf("Paths (-want +got):\n%s", diff)
	}
	for p, want := range map[scim.Path]int{"userName": 0, "roles": 2, "active": -1} {
		if got := s.Index(p); got != want {
			t.Errorf("Index(%s) = %d, want %d", p, got, want)
		}
	}
}

func TestRow(t *testing.T) {
	t.Parallel()
	s := scim.NewShape("userName", "title", "roles.value", "active")
	b := scim.NewRow(s)
	b.Set(2, `"b"`, `"a"`, "", `"b"`, "null")
	b.Set(0, `"first"`)
	b.Set(0, `"jo"`)
	b.Set(1)
	r := b.Row()
	at := func(r scim.Row, p scim.Path) string {
		values, known := r.At(p)
		return fmt.Sprint(values, known)
	}
	for p, want := range map[scim.Path]string{
		"userName": `["jo"] true`, "title": `[] true`, "roles.value": `["a" "b"] true`, "active": `[] false`, "locale": `[] false`,
	} {
		if got := at(r, p); got != want {
			t.Errorf("At(%s) = %s, want %s", p, got, want)
		}
	}
	b.Set(2, `"a"`, `"b"`)
	b.Set(1)
	b.Set(0, `"jo"`)
	if again := b.Row(); !again.Equal(r) || again.Packed() != r.Packed() {
		t.Error("a builder used again gives another row")
	}

	changed := r.With("roles.value", `"c"`).With("active", "true")
	if got := at(changed, "roles.value") + at(changed, "active") + at(changed, "userName"); got != `["c"] true[true] true["jo"] true` {
		t.Errorf("With: %s", got)
	}
	if changed.Equal(r) || at(r, "roles.value") != `["a" "b"] true` {
		t.Error("With changed its row")
	}

	cut := r.Reshape(scim.NewShape("locale", "roles.value", "title"))
	if got := at(cut, "locale") + at(cut, "roles.value") + at(cut, "title") + at(cut, "userName"); got != `[] false["a" "b"] true[] true[] false` {
		t.Errorf("Reshape: %s", got)
	}
	if got := r.Reshape(s); got != r {
		t.Error("Reshape to the same shape is another row")
	}
}

func TestZeroRow(t *testing.T) {
	t.Parallel()
	var none scim.Row
	if v, known := none.At("userName"); v != nil || known || none.Shape() != nil || none.Packed() != "" {
		t.Error("the zero Row knows something")
	}
	if _, known := none.Index(0); known {
		t.Error("the zero Row knows a path")
	}
	s := scim.NewShape("userName", "title")
	empty := scim.NewRow(s).Row()
	if empty.Packed() != "" || empty.Shape() != s || !none.Equal(empty) || !none.Reshape(s).Equal(empty) {
		t.Error("a row of nothing is not the zero Row in its shape")
	}
	back, err := scim.UnpackRow(s, "")
	if err != nil || !back.Equal(empty) {
		t.Errorf("UnpackRow of nothing: %v", err)
	}
	other := scim.NewRow(scim.NewShape("a", "b"))
	other.Set(0, "1")
	this := scim.NewRow(s)
	this.Set(0, "1")
	if other.Row().Equal(this.Row()) {
		t.Error("rows of other shapes are equal")
	}
}

func TestUnpackRowRefuses(t *testing.T) {
	t.Parallel()
	s := scim.NewShape("a", "b")
	b := scim.NewRow(s)
	b.Set(1, `"x"`, `"y"`)
	packed := b.Row().Packed()
	for name, text := range map[string]string{
		"a cut text":          packed[:len(packed)-1],
		"a longer text":       packed + "x",
		"another count":       "\x03" + packed[1:],
		"no sections":         "\x02\x00\x00",
		"a half header":       "\x02\x00",
		"a long section":      "\x02\x7f\x00",
		"a long value":        "\x02\x02\x00\x05",
		"an empty value":      "\x02\x02\x00\x00",
		"a longer varint":     "\x82\x00" + packed[1:],
		"a huge varint":       "\x02" + strings.Repeat("\xff", 12),
		"a varint never done": "\x02\x80",
	} {
		if _, err := scim.UnpackRow(s, text); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: UnpackRow(%q): %v, want an error of kind invalid", name, text, err)
		}
	}
	if _, err := scim.UnpackRow(scim.NewShape("a"), packed); err == nil {
		t.Error("a row unpacks under a shape of another length")
	}
}

func TestProject(t *testing.T) {
	t.Parallel()
	s := scim.NewShape("userName", "emails.value", `emails[type eq "home"].value`, "roles", enterprise+":department")
	r := s.Project(user(t))
	for p, want := range map[scim.Path][]scim.Value{
		"userName": {`"bjensen@example.com"`}, "emails.value": {`"babs@jensen.org"`, `"bjensen@example.com"`},
		`emails[type eq "home"].value`: {`"babs@jensen.org"`}, "roles": nil, enterprise + ":department": {`"Tour Operations"`},
	} {
		got, known := r.At(p)
		if diff := cmp.Diff(want, got); diff != "" || !known {
			t.Errorf("At(%s), known %v (-want +got):\n%s", p, known, diff)
		}
	}
}

func FuzzRow(f *testing.F) {
	f.Add("a\x00b\x01\x01c", uint8(3))
	f.Add(strings.Repeat("long", 80)+"\x01x", uint8(1))
	f.Add("", uint8(200))
	f.Fuzz(func(t *testing.T, text string, paths uint8) {
		all := make([]scim.Path, paths)
		for i := range all {
			all[i] = scim.Path(fmt.Sprintf("p%d", i))
		}
		s := scim.NewShape(all...)
		b := scim.NewRow(s)
		want := map[int][]scim.Value{}
		for i, section := range strings.Split(text, "\x01") {
			if i >= int(paths) || section == "skip" {
				continue
			}
			want[i] = nil
			for _, v := range strings.Split(section, "\x00") {
				want[i] = append(want[i], scim.ValueOf(v))
			}
			b.Set(i, want[i]...)
		}
		r := b.Row()
		back, err := scim.UnpackRow(s, r.Packed())
		if err != nil || !back.Equal(r) {
			t.Fatalf("UnpackRow: %v", err)
		}
		for i := range all {
			got, known := back.Index(i)
			values, set := want[i]
			if known != set {
				t.Fatalf("path %d: known %v, set %v", i, known, set)
			}
			again := scim.NewRow(s)
			again.Set(i, values...)
			sorted, _ := again.Row().Index(i)
			if !cmp.Equal(sorted, got) {
				t.Fatalf("path %d: %s, want %s", i, got, sorted)
			}
		}
		if !r.Reshape(scim.NewShape(append([]scim.Path{"x"}, all...)...)).Reshape(s).Equal(r) {
			t.Fatal("reshaped there and back it is another row")
		}
	})
}

func FuzzUnpackRow(f *testing.F) {
	f.Add("\x02\x00\x03\x01x", uint8(2))
	f.Add("\x01\x04\x01x\x00", uint8(1))
	f.Fuzz(func(t *testing.T, packed string, paths uint8) {
		all := make([]scim.Path, paths)
		for i := range all {
			all[i] = scim.Path(fmt.Sprintf("p%d", i))
		}
		r, err := scim.UnpackRow(scim.NewShape(all...), packed)
		if err != nil {
			return
		}
		for i := range all {
			r.Index(i)
		}
		if r.Packed() != packed {
			t.Fatalf("Packed() = %q, want %q", r.Packed(), packed)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	s := scim.NewShape("userName", "externalId", "displayName", "active", "title", `phoneNumbers[type eq "work"].value`, enterprise+":department", enterprise+":manager.value", "roles.value")
	u := user(b)
	r := s.Project(u)
	b.Run("project", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Project(u)
		}
	})
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		builder := scim.NewRow(s)
		for b.Loop() {
			for i := range s.Paths() {
				builder.Set(i, `"some value"`)
			}
			builder.Row()
		}
	})
	b.Run("index", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Index(7)
		}
	})
}
