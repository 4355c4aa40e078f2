package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mutant is one small fault: in a file, the bytes from start to end are replaced.
type mutant struct {
	kind       string // comparison, logic, negation, guard, verdict, step, call
	file       string // relative to the root of the repository
	line       int
	begin      int // line of the function
	function   string
	from, to   string // as shown: what stands there, and what is put there
	nth        int    // of those that would have the same name; 0 is the first
	start, end int
	text       string // that replaces it
}

// dir returns the folder of the mutant's package, "internal/finding".
func (m mutant) dir() string { return filepath.Dir(m.file) }

// name tells mutants apart without their line, so that a list of them outlives edits above them.
func (m mutant) name() string {
	name := fmt.Sprintf("%s %s: %s -> %s", m.file, m.function, m.from, m.to)
	if m.nth > 0 {
		name += fmt.Sprintf(" (%d)", m.nth+1)
	}
	return name
}

// opposites says what a comparison or a connective becomes.
var opposites = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ,
	token.GEQ: token.GTR, token.LAND: token.LOR, token.LOR: token.LAND,
}

// steps says what a sum with a literal becomes: durations and bounds that are off by one.
var steps = map[token.Token]token.Token{token.ADD: token.SUB, token.SUB: token.ADD}

// checks are the names of functions whose error is a refusal. Errors of other calls are failures of the machine, which
// no test can cause: to ignore them is no fault of a rule.
var checks = regexp.MustCompile(`(?i)(may|can|check|ask|allow|refus|permit|read|valid|verif|ready|mine|own|power|grant)`)

// finder collects the mutants of one file.
type finder struct {
	fset     *token.FileSet
	source   []byte
	file     string
	function string
	begin    int
	found    []mutant
}

// findMutants returns the mutants of the Go files of a folder without its tests, in order.
func findMutants(root, dir string) ([]mutant, error) {
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var out []mutant
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found, err := mutantsOf(filepath.Join(dir, filepath.Base(name)), source)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// mutantsOf returns the mutants of one file.
func mutantsOf(file string, source []byte) ([]mutant, error) {
	f := &finder{fset: token.NewFileSet(), source: source, file: file}
	parsed, err := parser.ParseFile(f.fset, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range parsed.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		f.function, f.begin = fn.Name.Name, f.fset.Position(fn.Pos()).Line
		ast.Inspect(fn.Body, f.visit)
	}
	slices.SortStableFunc(f.found, func(a, b mutant) int { return a.start - b.start })
	seen := map[string]int{}
	for i := range f.found {
		name := f.found[i].name()
		f.found[i].nth = seen[name]
		seen[name]++
	}
	return f.found, nil
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		if propagates(n) {
			ast.Inspect(n.Body, f.visit)
			return false
		}
		f.guard(n)
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.replace("negation", n.OpPos, n.OpPos+1, "!", "nothing", "")
		}
	case *ast.ReturnStmt:
		for _, r := range n.Results {
			f.verdict(r)
		}
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); ok && nameOf(call.Fun) != "panic" {
			f.replace("call", n.Pos(), n.End(), f.at(n), "nothing", "")
		}
	}
	return true
}

// propagates reports whether an if only hands a failure on: "err != nil" of a call that is no check.
func propagates(n *ast.IfStmt) bool {
	b, ok := n.Cond.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ || nameOf(b.X) != "err" || nameOf(b.Y) != "nil" {
		return false
	}
	init, ok := n.Init.(*ast.AssignStmt)
	if !ok || len(init.Lhs) != 1 || len(init.Rhs) != 1 {
		return true
	}
	call, ok := init.Rhs[0].(*ast.CallExpr)
	return !ok || !checks.MatchString(nameOf(call.Fun))
}

// guard takes out an if that does nothing but leave.
func (f *finder) guard(n *ast.IfStmt) {
	if n.Else != nil || len(n.Body.List) != 1 {
		return
	}
	switch n.Body.List[0].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		cond := string(f.source[f.offset(n.Cond.Pos()):f.offset(n.Cond.End())])
		shown := f.at(n.Cond)
		if n.Init != nil {
			shown = f.at(n.Init) + "; " + shown
		}
		f.replace("guard", n.Cond.Pos(), n.Cond.End(), "if "+shown, "no guard", "false && ("+cond+")")
	}
}

func (f *finder) binary(n *ast.BinaryExpr) {
	to, kind := opposites[n.Op], "comparison"
	if n.Op == token.LAND || n.Op == token.LOR {
		kind = "logic"
	}
	if to == 0 && (isInt(n.X) || isInt(n.Y)) {
		to, kind = steps[n.Op], "step"
	}
	if to == 0 || (nameOf(n.X) == "err" || nameOf(n.Y) == "err") && n.Op != token.LAND && n.Op != token.LOR {
		return
	}
	shown := f.at(n)
	left, right := f.at(n.X), f.at(n.Y)
	f.replace(kind, n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), shown, strings.TrimSpace(left+" "+to.String()+" "+right), to.String())
}

// verdict turns a returned true into false and the other way round.
func (f *finder) verdict(e ast.Expr) {
	id, ok := e.(*ast.Ident)
	if !ok || id.Name != "true" && id.Name != "false" {
		return
	}
	to := strconv.FormatBool(id.Name != "true")
	f.replace("verdict", id.Pos(), id.End(), "return "+id.Name, "return "+to, to)
}

func (f *finder) replace(kind string, from, to token.Pos, shown, becomes, text string) {
	f.found = append(f.found, mutant{
		kind: kind, file: f.file, line: f.fset.Position(from).Line, begin: f.begin, function: f.function, from: shown, to: becomes,
		start: f.offset(from), end: f.offset(to), text: text,
	})
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// at returns the source of a node on one line, at most 80 bytes.
func (f *finder) at(n ast.Node) string {
	s := strings.Join(strings.Fields(string(f.source[f.offset(n.Pos()):f.offset(n.End())])), " ")
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func isInt(e ast.Expr) bool {
	l, ok := e.(*ast.BasicLit)
	return ok && l.Kind == token.INT
}
