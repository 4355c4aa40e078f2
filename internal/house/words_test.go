package house

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Limits of size, in lines.
const (
	maxFile     = 500
	maxTestFile = 800
	maxFunc     = 80
	maxPackage  = 4000 // without tests; store and web, which are folders of concepts, are excepted
	maxMain     = 29
)

// larger are packages that have outgrown maxPackage: a ratchet, raised once for the evidence rules that had no room.
var larger = map[string]int{
	"internal/act/loop": 9000, // is split into a package per step of the loop next; new operations go into packages of their own
	"internal/feed":     4150, // until the conversions are a package of their own
}

// empty are names that say nothing about what is inside.
var empty = []string{
	"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types", "handler", "handlers", "manager",
	"managers", "service", "services", "base", "misc", "shared", "core", "lib",
}

// emptyNames: packages and files are named after what a reader would look for.
func emptyNames(t *tree) []string {
	var out []string
	for _, s := range t.files {
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
		for _, n := range []string{strings.TrimSuffix(s.name, "_test"), path.Base(s.dir), stem} {
			if slices.Contains(empty, n) {
				out = append(out, fmt.Sprintf("%s: the name %q says nothing", s.path, n))
				break
			}
		}
	}
	return out
}

// sizes: files, functions, packages and main.go stay short; what a program generated is excepted.
func sizes(t *tree) []string {
	var out []string
	packages := map[string]int{}
	for _, s := range t.files {
		if s.generated {
			continue
		}
		limit := maxFile
		if s.test {
			limit = maxTestFile
		} else {
			packages[s.dir] += s.lines
		}
		if under(s.dir, "cmd") && path.Base(s.path) == "main.go" {
			limit = maxMain
		}
		if s.lines > limit {
			out = append(out, fmt.Sprintf("%s: %d lines, at most %d", s.path, s.lines, limit))
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := t.fset.Position(f.End()).Line - t.fset.Position(f.Pos()).Line + 1
			if n > maxFunc {
				out = append(out, fmt.Sprintf("%s: %s has %d lines, at most %d", t.at(f), f.Name.Name, n, maxFunc))
			}
		}
	}
	for dir, n := range packages {
		if limit := max(maxPackage, larger[dir]); n > limit && !under(dir, "internal/store", "internal/web") {
			out = append(out, fmt.Sprintf("%s: %d lines in one package, at most %d", dir, n, limit))
		}
	}
	slices.Sort(out)
	return out
}

// packageComments: every package says what it owns.
func packageComments(t *tree) []string {
	var out []string
	for dir, files := range t.dirs() {
		said := ""
		for _, s := range files {
			if s.ast.Doc != nil && (!s.test || strings.HasPrefix(dir, "e2e")) {
				said = s.ast.Doc.Text()
			}
		}
		name := strings.TrimSuffix(files[0].name, "_test")
		if said == "" {
			out = append(out, dir+": no package comment")
		} else if name != "main" && !strings.HasPrefix(said, "Package "+name+" ") {
			out = append(out, fmt.Sprintf("%s: the package comment must start with \"Package %s \"", dir, name))
		}
	}
	slices.Sort(out)
	return out
}

var (
	leftover = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b(\(#\d+\))?`)
	// A path that exists on one machine only.
	machine = regexp.MustCompile(`(^|[\s"'=:(` + "`" + `])/(work|root|farm|home|Users)/[\w.]`)
)

// leftovers: TODO names its issue, as in TODO(#12), or is not there.
func leftovers(t *tree) []string {
	var out []string
	say := func(where, body string) {
		for _, m := range leftover.FindAllStringSubmatch(body, -1) {
			if m[1] != "TODO" || m[2] == "" {
				out = append(out, fmt.Sprintf("%s: %s without an issue's number", where, m[1]))
			}
		}
	}
	for _, s := range t.files {
		if under(s.dir, "internal/house") {
			continue // the rule's own text
		}
		for _, g := range s.ast.Comments {
			say(t.at(g), g.Text())
		}
	}
	for _, x := range t.texts {
		if ext := path.Ext(x.path); ext != ".md" && ext != ".txt" && !under(x.path, "packs/feeds") {
			say(x.path, x.body)
		}
	}
	return out
}

// machinePaths: nothing in the tree depends on where one machine keeps things.
func machinePaths(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if under(s.dir, "internal/house") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if machine.MatchString(n.Value) {
					out = append(out, t.at(n)+": the path of one machine")
				}
			case *ast.CommentGroup:
				if machine.MatchString(n.Text()) {
					out = append(out, t.at(n)+": the path of one machine")
				}
			}
			return true
		})
	}
	for _, x := range t.texts {
		if machine.MatchString(x.body) {
			out = append(out, x.path+": the path of one machine")
		}
	}
	return out
}
