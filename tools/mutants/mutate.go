package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// nothing is shown where a whole line is gone.
const nothing = "(nothing)"

// mutant is one change of one file.
type mutant struct {
	file     string // from the module's root
	line     int
	was, is  string // the line before and after, without indentation
	from, to int    // offsets of what is replaced
	with     string
	tests    []string // packages whose tests cover it
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d\n    - %s\n    + %s", m.file, m.line, m.was, m.is)
}

// source is the file with the change.
func (m mutant) source() ([]byte, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return nil, err
	}
	return slices.Concat(text[:m.from], []byte(m.with), text[m.to:]), nil
}

// mutantsOf are all mutants of a package's files, in the order of their places.
func mutantsOf(dir string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s: no Go files (%w)", dir, err)
	}
	var out []mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, ".gen.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		of, err := mutantsIn(filepath.ToSlash(file), text)
		if err != nil {
			return nil, err
		}
		out = append(out, of...)
	}
	return out, nil
}

// mutantsIn are those of one file.
func mutantsIn(file string, text []byte) ([]mutant, error) {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &finder{set: set, file: file, text: text}
	for _, decl := range syntax.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Body != nil && d.Name.Name != "String" {
				f.function(d.Type, d.Body)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && !tuning(v.Names[0].Name) {
					ast.Inspect(v, f.operator)
				}
			}
		}
	}
	return f.found, nil
}

// finder collects the mutants of a file.
type finder struct {
	set   *token.FileSet
	file  string
	text  []byte
	found []mutant
}

// replace adds a mutant that has with in the place of from to to. One that spans lines shows its first.
func (f *finder) replace(from, to token.Pos, with string) {
	m := mutant{file: f.file, line: f.set.Position(from).Line, from: f.set.Position(from).Offset, to: f.set.Position(to).Offset, with: with}
	begin := bytes.LastIndexByte(f.text[:m.from], '\n') + 1
	end := len(f.text)
	if i := bytes.IndexByte(f.text[m.from:], '\n'); i >= 0 {
		end = m.from + i
	}
	m.was = strings.TrimSpace(string(f.text[begin:end]))
	m.is = strings.TrimSpace(string(f.text[begin:m.from]) + with + string(f.text[min(m.to, end):end]))
	if m.is == "" {
		m.is = nothing
	}
	f.found = append(f.found, m)
}

func (f *finder) source(n ast.Node) string {
	return string(f.text[f.set.Position(n.Pos()).Offset:f.set.Position(n.End()).Offset])
}

// others are the operators that a slip of the hand makes of one.
var others = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND, token.SUB: token.ADD,
}

// function walks a body; functions in it have their own results.
func (f *finder) function(signature *ast.FuncType, body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.function(n.Type, n.Body)
			return false
		case *ast.AssignStmt:
			if name, ok := n.Lhs[0].(*ast.Ident); ok && tuning(name.Name) {
				return false
			}
		case *ast.IfStmt:
			if f.says(n) {
				return false
			}
			f.condition(n)
			if f.passesOn(n) {
				for _, part := range []ast.Node{n.Init, n.Cond} {
					if part != nil {
						ast.Inspect(part, f.operator)
					}
				}
				return false
			}
		case *ast.ReturnStmt:
			f.result(signature, n)
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok && !telemetry(f.source(call.Fun)) {
				f.replace(n.Pos(), n.End(), "")
			}
		case *ast.IncDecStmt:
			f.replace(n.Pos(), n.End(), "")
		}
		return f.operator(n)
	})
}

// operator changes an operator or a constant.
func (f *finder) operator(n ast.Node) bool {
	if b, ok := n.(*ast.BinaryExpr); ok {
		if other, ok := others[b.Op]; ok {
			f.replace(b.OpPos, b.OpPos+token.Pos(len(b.Op.String())), other.String())
		}
	}
	if call, ok := n.(*ast.CallExpr); ok && f.source(call.Fun) == "make" {
		return false // how much room there is changes nothing
	}
	f.constant(n)
	return true
}

// says: all that depends on it is what is logged and counted.
func (f *finder) says(n *ast.IfStmt) bool {
	return n.Else == nil && !slices.ContainsFunc(n.Body.List, func(s ast.Stmt) bool {
		x, ok := s.(*ast.ExprStmt)
		if !ok {
			return true
		}
		call, ok := x.X.(*ast.CallExpr)
		return !ok || !telemetry(f.source(call.Fun))
	})
}

// passesOn: whatever failed before is handed to the caller as it is, or wrapped. What would be lost is a fault of the
// store or of a peer, not a decision: those are the storetest suites' and the fault tests' work.
func (f *finder) passesOn(n *ast.IfStmt) bool {
	if n.Init != nil || n.Else != nil || len(n.Body.List) != 1 || f.source(n.Cond) != "err != nil" {
		return false
	}
	_, returns := n.Body.List[0].(*ast.ReturnStmt)
	return returns
}

// tuning are the names of constants that say how patient or how large something is, and decide nothing.
func tuning(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc([]string{"pause", "retry", "every", "budget", "timeout", "lease", "poll", "idle", "slack", "batch", "each", "buffer", "patience", "atmost"},
		func(word string) bool { return strings.Contains(lower, word) })
}

// telemetry are calls whose loss nobody is hurt by.
func telemetry(function string) bool {
	lower := strings.ToLower(function)
	return slices.ContainsFunc([]string{"log.", "warn", "metric", "observe", ".inc", "labelvalues", "panic", "counter", "kick", "wait", "sleep", "pause", "cancel", "close", "unlock", "lock", ".stop"},
		func(word string) bool { return strings.Contains(lower, word) })
}

// condition negates what isn't a comparison (those have their own), and lets a guard pass whatever it finds.
func (f *finder) condition(n *ast.IfStmt) {
	if _, compares := n.Cond.(*ast.BinaryExpr); !compares {
		f.replace(n.Cond.Pos(), n.Cond.End(), "!("+f.source(n.Cond)+")")
	}
	if n.Else != nil || len(n.Body.List) == 0 || f.passesOn(n) {
		return
	}
	switch n.Body.List[len(n.Body.List)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		f.replace(n.Cond.Pos(), n.Cond.End(), "false && ("+f.source(n.Cond)+")")
	}
}

// result turns a bool around and swallows a refusal. What failed before (err) is handed on: see passesOn.
func (f *finder) result(signature *ast.FuncType, n *ast.ReturnStmt) {
	if len(n.Results) == 0 || signature.Results == nil {
		return
	}
	fields := signature.Results.List
	kind, isName := fields[len(fields)-1].Type.(*ast.Ident)
	last := n.Results[len(n.Results)-1]
	name, _ := last.(*ast.Ident)
	switch {
	case !isName:
	case kind.Name == "bool" && name != nil && name.Name == "true":
		f.replace(last.Pos(), last.End(), "false")
	case kind.Name == "bool" && name != nil && name.Name == "false":
		f.replace(last.Pos(), last.End(), "true")
	case kind.Name == "error" && len(n.Results) == signature.Results.NumFields() && (name == nil || name.Name != "nil" && name.Name != "err"):
		if _, call := last.(*ast.CallExpr); name != nil || call {
			f.replace(last.Pos(), last.End(), "nil")
		}
	}
}

// constant moves a whole number by one.
func (f *finder) constant(n ast.Node) {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.INT {
		return
	}
	value, err := strconv.ParseInt(lit.Value, 0, 64)
	if err != nil {
		return
	}
	f.replace(lit.Pos(), lit.End(), strconv.FormatInt(value+1, 10))
	if value > 1 {
		f.replace(lit.Pos(), lit.End(), strconv.FormatInt(value-1, 10))
	}
}
