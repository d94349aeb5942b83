// Package rollcall_test holds the house rules: which room may know which, who
// may touch the world, and how large a thing may grow. It is policy: discuss
// it, do not edit it to make a build pass.
package rollcall_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A room is one package: the floor it stands on, and the modules of others
// that it may use beside the standard library.
//
// A package imports only rooms of lower floors. Side rooms stand half a floor
// above their seam; whoever stands higher and may import one says so in sides.
type room struct {
	floor   float64
	modules []string
	sides   []string // side rooms it may import although they are not a seam
}

const module = "rollcall"

var (
	cobra   = "github.com/spf13/cobra"
	yaml    = "go.yaml.in/yaml/v4"
	xtext   = "golang.org/x/text"
	allSeen = []string{"*"}
)

// rooms is the house (style §2). A package that is not listed does not build here.
var rooms = map[string]room{
	"fault":  {floor: 0},
	"scim":   {floor: 0.1, modules: []string{xtext}},
	"source": {floor: 0.1},
	"target": {floor: 0.2},

	"source/filesource":    {floor: 0.5, modules: []string{xtext, "github.com/xuri/excelize/v2"}},
	"scim/scimclient":      {floor: 0.4},
	"target/genesysschema": {floor: 0.4},
	"target/genesys":       {floor: 0.5, modules: []string{xtext, "github.com/nyaruka/phonenumbers"}, sides: []string{"scim/scimclient", "target/genesysschema"}},
	"target/genesyssim":    {floor: 0.5, modules: []string{yaml, xtext}, sides: []string{"target/genesysschema"}},

	"mapping": {floor: 1, modules: []string{"github.com/expr-lang/expr", "github.com/nyaruka/phonenumbers", xtext}},
	"plan":    {floor: 1, modules: []string{xtext}},

	"ledger":           {floor: 2},
	"ledger/sqlledger": {floor: 2.5, modules: []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5", "golang.org/x/mod", xtext}},
	"apply":            {floor: 3},
	"reconcile":        {floor: 4},

	"internal/report":     {floor: 5},
	"internal/evidence":   {floor: 5},
	"internal/config":     {floor: 5, modules: []string{yaml}},
	"internal/sampledata": {floor: 5},
	"internal/app":        {floor: 7, sides: allSeen},
	"internal/cli":        {floor: 8, modules: []string{cobra, "golang.org/x/term"}, sides: []string{"target/genesyssim"}},
	"internal/docgen":     {floor: 9, modules: []string{cobra}, sides: allSeen},
	"cmd/rollcall":        {floor: 9},
}

// suites are packages that only tests import; they follow the rules of tests.
var suites = []string{"source/sourcetest", "target/targettest", "ledger/ledgertest", "ledger/ledgertest/pgtest", "scim/difftest", "target/genesyssim/sdktest"}

// goers may start goroutines (style §8).
var goers = []string{"apply", "internal/daemon", "internal/app", "target/genesyssim"}

// worldly packages of the standard library are closed to floors 0 and 1.
var worldly = []string{"os", "os/exec", "os/signal", "net", "net/http", "log", "log/slog", "database/sql", "syscall", "io/ioutil", "math/rand", "math/rand/v2", "crypto/rand"}

// forbidden calls and where they may stand all the same.
var forbidden = map[string][]string{
	"time.Now":           {"internal/app", "cmd/rollcall"},
	"time.Since":         {"internal/app", "cmd/rollcall"},
	"context.Background": {"cmd/rollcall"},
	"context.TODO":       {},
	"os.Getenv":          {"cmd/rollcall"},
	"os.LookupEnv":       {"cmd/rollcall"},
	"os.Environ":         {"cmd/rollcall"},
	"os.Exit":            {"cmd/rollcall", "internal/docgen"},
	"fmt.Print":          {"internal/cli"},
	"fmt.Printf":         {"internal/cli"},
	"fmt.Println":        {"internal/cli"},
}

const (
	fileLines, fileLinesP95 = 600, 450
	funcLines, funcMedian   = 70, 10
	nesting                 = 3
)

type file struct {
	dir, name string
	lines     int
	ast       *ast.File
	fset      *token.FileSet
}

func TestImportsPointDownward(t *testing.T) {
	t.Parallel()
	for _, f := range productFiles(t) {
		r, listed := rooms[f.dir]
		if !listed {
			t.Errorf("%s: package is not on the list of rooms", f.dir)
			continue
		}
		for _, imp := range f.ast.Imports {
			checkImport(t, f, r, strings.Trim(imp.Path.Value, `"`))
		}
	}
}

func checkImport(t *testing.T, f file, r room, imp string) {
	t.Helper()
	at := path.Join(f.dir, f.name)
	if own, ok := strings.CutPrefix(imp, module+"/"); ok {
		if slices.Contains(suites, own) {
			t.Errorf("%s imports the test suite %s", at, own)
		}
		other := rooms[own]
		side := other.floor != float64(int(other.floor)) && other.floor > 0.2
		switch {
		case other.floor >= r.floor:
			t.Errorf("%s (floor %g) imports %s (floor %g)", at, r.floor, own, other.floor)
		case side && !slices.Contains(r.sides, own) && !slices.Equal(r.sides, allSeen):
			t.Errorf("%s imports the side room %s", at, own)
		}
		return
	}
	if !strings.Contains(strings.Split(imp, "/")[0], ".") {
		if r.floor <= 1 && r.floor != 0.4 && r.floor != 0.5 && slices.Contains(worldly, imp) {
			t.Errorf("%s touches the world: imports %s", at, imp)
		}
		return
	}
	if !slices.ContainsFunc(r.modules, func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") }) {
		t.Errorf("%s uses %s, which is not listed for %s", at, imp, f.dir)
	}
}

func TestEveryRoomExists(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range productFiles(t) {
		seen[f.dir] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(rooms)) {
		if !seen[dir] {
			t.Errorf("%s is listed and has no code", dir)
		}
	}
}

func TestForbiddenCalls(t *testing.T) {
	t.Parallel()
	for _, f := range productFiles(t) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				mayGo(t, f, n)
			case *ast.CallExpr:
				checkCall(t, f, n)
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: init", f.fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

func checkCall(t *testing.T, f file, call *ast.CallExpr) {
	t.Helper()
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	if sel.Sel.Name == "Go" && len(call.Args) == 1 {
		mayGo(t, f, call)
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return
	}
	name := pkg.Name + "." + sel.Sel.Name
	if may, ruled := forbidden[name]; ruled && !slices.Contains(may, f.dir) {
		t.Errorf("%s: %s", f.fset.Position(call.Pos()), name)
	}
}

func mayGo(t *testing.T, f file, n ast.Node) {
	t.Helper()
	if !slices.Contains(goers, f.dir) {
		t.Errorf("%s: starts a goroutine", f.fset.Position(n.Pos()))
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	var fileSizes, funcSizes []int
	for _, f := range productFiles(t) {
		fileSizes = append(fileSizes, f.lines)
		if f.lines > fileLines {
			t.Errorf("%s/%s has %d lines, over %d: which two files is it?", f.dir, f.name, f.lines, fileLines)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			size := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			funcSizes = append(funcSizes, size)
			if size > funcLines {
				t.Errorf("%s: %s has %d lines, over %d", f.fset.Position(fn.Pos()), fn.Name.Name, size, funcLines)
			}
			if d := depth(fn.Body, 0); d > nesting {
				t.Errorf("%s: %s nests %d deep, over %d", f.fset.Position(fn.Pos()), fn.Name.Name, d, nesting)
			}
		}
	}
	slices.Sort(fileSizes)
	slices.Sort(funcSizes)
	if p95 := fileSizes[len(fileSizes)*95/100]; p95 > fileLinesP95 {
		t.Errorf("the 95th percentile of file lengths is %d lines, over %d", p95, fileLinesP95)
	}
	if median := funcSizes[len(funcSizes)/2]; median > funcMedian {
		t.Errorf("the median function has %d lines, over %d", median, funcMedian)
	}
}

// depth is how deep control flow nests below n. An else-if chain and a case
// count once; a function literal starts anew.
func depth(n ast.Node, have int) int {
	most := have
	ast.Inspect(n, func(c ast.Node) bool {
		if c == nil || c == n {
			return true
		}
		switch c := c.(type) {
		case *ast.FuncLit:
			most = max(most, depth(c.Body, 0))
			return false
		case *ast.IfStmt:
			most = max(most, depth(c.Body, have+1))
			for c.Else != nil {
				next, chained := c.Else.(*ast.IfStmt)
				if !chained {
					most = max(most, depth(c.Else, have+1))
					break
				}
				most = max(most, depth(next.Body, have+1))
				c = next
			}
			return false
		case *ast.ForStmt:
			most = max(most, depth(c.Body, have+1))
			return false
		case *ast.RangeStmt:
			most = max(most, depth(c.Body, have+1))
			return false
		case *ast.SwitchStmt:
			most = max(most, depth(c.Body, have+1))
			return false
		case *ast.TypeSwitchStmt:
			most = max(most, depth(c.Body, have+1))
			return false
		case *ast.SelectStmt:
			most = max(most, depth(c.Body, have+1))
			return false
		}
		return true
	})
	return most
}

// productFiles parses every Go file that is not a test, once per call.
func productFiles(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata") || slices.Contains(suites, p) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file{dir: path.Dir(p), name: path.Base(p), lines: fset.File(parsed.Pos()).LineCount(), ast: parsed, fset: fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
