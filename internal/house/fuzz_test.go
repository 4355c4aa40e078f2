package house

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"path"
	"regexp"
	"slices"
	"strings"
)

// fuzzRoot is the folder whose packages .ci/run searches for fuzz targets, as ./internal/... there.
const fuzzRoot = "internal"

// fuzzing: every fuzz target is one that .ci/run finds and runs, and starts from seeds.
func fuzzing(t *tree) []string {
	var out []string
	found := false
	for _, s := range t.files {
		if !s.test {
			continue
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			found = true
			switch {
			case !under(s.dir, fuzzRoot):
				out = append(out, fmt.Sprintf("%s: %s lies outside ./%s/..., where .ci/run looks", t.at(f), f.Name.Name, fuzzRoot))
			case tagged(s):
				out = append(out, fmt.Sprintf("%s: %s hides behind a build tag", t.at(f), f.Name.Name))
			case !seeded(f):
				out = append(out, fmt.Sprintf("%s: %s has no seed", t.at(f), f.Name.Name))
			}
		}
	}
	if found && !strings.Contains(t.text(".ci/run"), "-list '^Fuzz' ./"+fuzzRoot+"/...") {
		out = append(out, fmt.Sprintf(".ci/run: does not list the fuzz targets of ./%s/...", fuzzRoot))
	}
	return out
}

// e2eStep is a step of .ci/run that runs tests of e2e: its pattern is the group.
var e2eStep = regexp.MustCompile(`(?m)^step .* e2e \w+ '([^']+)'$`)

// endToEnd: every end-to-end test is one that .ci/run runs.
func endToEnd(t *tree) []string {
	var steps []*regexp.Regexp
	for _, m := range e2eStep.FindAllStringSubmatch(t.text(".ci/run"), -1) {
		steps = append(steps, regexp.MustCompile(m[1]))
	}
	var out []string
	for _, s := range t.files {
		if !under(s.dir, "e2e") {
			continue
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") || f.Name.Name == "TestMain" {
				continue
			}
			if !slices.ContainsFunc(steps, func(r *regexp.Regexp) bool { return r.MatchString(f.Name.Name) }) {
				out = append(out, fmt.Sprintf("%s: no step of .ci/run runs %s", t.at(f), f.Name.Name))
			}
		}
	}
	return out
}

// seeded reports whether f adds to its corpus, itself or through a function that it hands its *testing.F.
func seeded(f *ast.FuncDecl) bool {
	if f.Body == nil || len(f.Type.Params.List) != 1 || len(f.Type.Params.List[0].Names) != 1 {
		return false
	}
	name := f.Type.Params.List[0].Names[0].Name
	is := func(e ast.Expr) bool {
		x, ok := e.(*ast.Ident)
		return ok && x.Name == name
	}
	yes := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := c.Fun.(*ast.SelectorExpr); ok && is(sel.X) && sel.Sel.Name == "Add" {
			yes = true
		}
		for _, a := range c.Args {
			yes = yes || is(a)
		}
		return true
	})
	return yes
}

func tagged(s *source) bool {
	for _, g := range s.ast.Comments {
		for _, c := range g.List {
			if constraint.IsGoBuild(c.Text) {
				return true
			}
		}
	}
	return false
}

// parsers: a package that turns bytes of strangers into something has a fuzz target.
func parsers(t *tree) []string {
	var out []string
	for dir, files := range t.dirs() {
		if !under(dir, "internal/feed") || dir == "internal/feed/format" {
			continue
		}
		has := false
		for _, s := range files {
			for _, d := range s.ast.Decls {
				f, ok := d.(*ast.FuncDecl)
				has = has || ok && s.test && strings.HasPrefix(f.Name.Name, "Fuzz")
			}
		}
		if !has {
			out = append(out, fmt.Sprintf("%s: %s parses and is not fuzzed", dir, path.Base(dir)))
		}
	}
	return out
}
