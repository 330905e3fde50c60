package main_test

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestStrictHandlers: without its options, a generated handler sends raw errors to the client.
func TestStrictHandlers(t *testing.T) {
	for _, f := range sources(t) {
		if f.gen {
			continue
		}
		f.uses(func(pkg, name string, pos token.Pos) {
			if strings.HasPrefix(pkg, module+"/openapi/gen/") && (name == "NewStrictHandler" || name == "RegisterHandlers") {
				t.Errorf("%s: use %sWithOptions with httpkit's error hooks", f.at(pos), name)
			}
		})
	}
}

// TestHandlersGetThePlainContext: gin's context is pooled, and must not be kept or passed to goroutines. Generated servers hand over
// the request's own (openapi/bundle makes them), so that no handler has to convert it.
func TestHandlersGetThePlainContext(t *testing.T) {
	handed := 0
	for _, f := range sources(t) {
		if !f.gen {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := method.X.(*ast.SelectorExpr); !ok || of.Sel.Name != "ssi" {
				return true
			}
			handed++
			if ctx, isCall := call.Args[0].(*ast.CallExpr); !isCall || len(ctx.Args) != 0 {
				t.Errorf("%s: %s gets gin's own context", f.at(call.Pos()), method.Sel.Name)
			}
			return true
		})
	}
	if handed == 0 {
		t.Error("no generated server calls a handler as this test expects")
	}
}

// ruleID is a rule of recovery's engine, spelt out.
var ruleID = regexp.MustCompile(`^["` + "`" + `]V([1-9]|1[0-9]|2[0-4])["` + "`" + `]$`)

// TestRuleIDs: the rules of recovery are constants, each with its sentence: one that is spelt out is found by nobody.
func TestRuleIDs(t *testing.T) {
	const home = "services/recovery/internal/engine/rules.go"
	found := 0
	for _, f := range sources(t) {
		if !strings.HasPrefix(f.name, "services/recovery/") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && ruleID.MatchString(lit.Value) {
				if found++; f.name != home {
					t.Errorf("%s: %s: use the constant of %s", f.at(lit.Pos()), lit.Value, home)
				}
			}
			return true
		})
	}
	if found != 24 {
		t.Errorf("%d rules are spelt out, 24 stand in %s", found, home)
	}
}

// A room is read in one sitting, and a store that does more than ten things serves two rooms (design: architecture, "Walls").
const (
	maxRoomLines = 1500
	maxRoomFiles = 15
	maxStore     = 10 // methods of an interface that is named Store
)

// TestRooms: no domain package grows into a hall again.
func TestRooms(t *testing.T) {
	lines, files := map[string]int{}, map[string]int{}
	for _, f := range sources(t) {
		if !f.test && !f.gen && f.inDomain() {
			lines[f.dir()] += f.lines
			files[f.dir()]++
		}
	}
	if len(lines) < 10 {
		t.Errorf("%d domain packages were found", len(lines))
	}
	for dir, n := range lines {
		if n > maxRoomLines || files[dir] > maxRoomFiles {
			t.Errorf("%s has %d lines in %d files, more than %d or %d: it is two rooms", dir, n, files[dir], maxRoomLines, maxRoomFiles)
		}
	}
}

// TestStores: an interface named Store has at most ten methods, its own and those that it embeds of its package.
func TestStores(t *testing.T) {
	found := 0
	for _, f := range sources(t) {
		if f.test || f.gen {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != "Store" {
				return true
			}
			if is, ok := spec.Type.(*ast.InterfaceType); ok {
				found++
				if n := methods(is); n > maxStore {
					t.Errorf("%s: Store has %d methods, more than %d", f.at(spec.Pos()), n, maxStore)
				}
			}
			return true
		})
	}
	if found == 0 {
		t.Error("no Store was found")
	}
}

func methods(is *ast.InterfaceType) (n int) {
	for _, m := range is.Methods.List {
		if id, ok := m.Type.(*ast.Ident); ok && id.Obj != nil {
			if spec, ok := id.Obj.Decl.(*ast.TypeSpec); ok {
				if embedded, ok := spec.Type.(*ast.InterfaceType); ok {
					n += methods(embedded)
					continue
				}
			}
		}
		n++
	}
	return n
}

func (f file) inDomain() bool {
	l, _ := layerOf(f.dir())
	return l == layerDomain
}

var (
	link     = regexp.MustCompile(`\]\(([^)#:]+)\)`)
	testName = regexp.MustCompile(`\bTest[A-Z][A-Za-z0-9_]+\b`)
)

// What the pages point at is there: files, and the tests that they name.
func TestPagesPointAtWhatIsThere(t *testing.T) {
	tests := map[string]bool{}
	for _, f := range sources(t) {
		for _, d := range f.syntax.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && f.test {
				tests[d.Name.Name] = true
			}
		}
	}
	for _, page := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/OPERATIONS.md", "deploy/bench/README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, name := range testName.FindAllString(string(text), -1) {
			if !tests[name] && !strings.Contains(string(text), name+"…") {
				t.Errorf("%s names the test %s, which isn't there", page, name)
			}
		}
	}
}
