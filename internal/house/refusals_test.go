package house

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// refusalBook is what Chinese readers are refused with, by the English format: one entry a line, in JSON's spelling.
const refusalBook = "internal/lang/zh/refusals.yaml"

// untold are folders and files whose faults no page shows, each with who does see them.
var untold = map[string]string{
	"internal/app":                         "the command and the log",
	"internal/api":                         "programs, to whom everything is said in English",
	"internal/house":                       "nobody: tests",
	"internal/testkit":                     "nobody: tests",
	"internal/ledger":                      "the command; pages say what verification found by codes of their own",
	"internal/act/record/verify.go":        "the command",
	"internal/act/record/export.go":        "the command",
	"internal/act/record/key.go":           "the command and the log of the start",
	"internal/act/record/record.go":        "the command and the log of the start",
	"internal/act/casework/check.go":       "the command: verification",
	"internal/act/staff/breach.go":         "the log of the start, and the command",
	"internal/store/migrate.go":            "the log of the start",
	"internal/store/foldlock.go":           "the log, and the command",
	"internal/outside/mail.go":             "the log of the start",
	"internal/notice/class.go":             "the log of the start: classes are read there",
	"internal/notice/pgp.go":               "the log of the start: the signing key is read there",
	"internal/notice/bounce.go":            "the command that takes bounces",
	"internal/party/import.go":             "the command and the API, which alone read registers from files",
	"internal/party/import_csv.go":         "the command and the API",
	"internal/party/import_rpsl.go":        "the command and the API",
	"internal/party/import_yaml.go":        "the command and the API",
	"internal/party/rpsl.go":               "the command and the API",
	"internal/party/export.go":             "the command and the API",
	"internal/party/locate.go":             "the log of the start: tables of places are read there",
	"internal/feed/pack.go":                "the log of the start: packs are read there",
	"internal/feed/packs.go":               "the log of the start: packs are read there",
	"internal/feed/shadowserver/schema.go": "the log of the start: the schema is read there",
	"internal/web/chart/shape.go":          "the log of the start: maps are read there",
	"internal/web/chart/contour.go":        "the log of the start: maps are read there",
}

// makers are the functions by which a package makes faults, with the place of the format among their arguments.
var makers = map[string]map[string]int{
	"internal/party": {"add": 2, "tooLarge": 1, "c": 1, "plain": 1},
	"internal/feed":  {"fail": 1},
}

// foreign are texts of libraries that faults carry inside of them.
var foreign = []string{
	"unexpected EOF", "unexpected end of JSON input",
	"invalid character %s looking for beginning of value", "invalid character %s looking for beginning of object key string",
	"invalid character %s in literal %s (expecting %s)", "invalid character %s after object key",
	"invalid character %s after object key:value pair", "invalid character %s after array element",
	"invalid character %s after top-level value", "invalid character %s in string literal",
	"invalid character %s in numeric literal",
	"gzip: invalid header", "gzip: invalid checksum", "flate: corrupt input before offset %d",
}

// passed are formats of verbs alone whose argument carries the text: a fault, or in pages what the catalogue says.
var passed = regexp.MustCompile(`^(%v\n?)+$|^%s$`)

// refusals: whatever people are refused with has a Chinese text with the same arguments, and every such text is used.
func refusals(t *tree) []string {
	var out []string
	body := t.text(refusalBook)
	if body == "" {
		return nil
	}
	book, out := readBook(body)
	used := map[string]bool{}
	for _, f := range foreign {
		used[f] = true
	}
	for _, s := range t.files {
		if s.test || !under(s.dir, "internal") || isUntold(s) {
			continue
		}
		for _, f := range append(t.faults(s), t.sayings(s)...) {
			switch {
			case f.format == "":
				out = append(out, f.at+": a format that is not written out where the fault is made has no translation")
			case passed.MatchString(f.format):
				if f.format == "%s" && !under(s.dir, "internal/web") {
					out = append(out, f.at+": a text made elsewhere has no translation; hand over a fault with %v, or write the format out")
				}
			case book[f.format] == "":
				out = append(out, fmt.Sprintf("%s: no Chinese text for %q in %s", f.at, f.format, refusalBook))
			default:
				used[f.format] = true
			}
		}
	}
	for format, text := range book {
		if !used[format] {
			out = append(out, fmt.Sprintf("%s: %q is never said", refusalBook, format))
		}
		if d := places(format, text); d != "" {
			out = append(out, fmt.Sprintf("%s: %q: %s", refusalBook, format, d))
		}
	}
	for where := range untold {
		if strings.HasSuffix(where, ".go") && !t.has(where) && len(t.dirs()[path.Dir(where)]) > 1 {
			out = append(out, where+" is left out of the refusals and is not there")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func isUntold(s *source) bool {
	for where := range untold {
		if under(s.dir, where) || s.path == where {
			return true
		}
	}
	return false
}

// readBook reads the entries of a catalogue.
func readBook(body string) (map[string]string, []string) {
	book, wrong := map[string]string{}, []string(nil)
	for i, line := range strings.Split(body, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		one := map[string]string{}
		if err := json.Unmarshal([]byte("{"+line+"}"), &one); err != nil || len(one) != 1 {
			wrong = append(wrong, fmt.Sprintf("%s:%d: one entry a line, as \"format\": \"text\"", refusalBook, i+1))
		}
		for format, text := range one {
			if _, twice := book[format]; twice || text == "" {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %q is there twice, or empty", refusalBook, i+1, format))
			}
			book[format] = text
		}
	}
	return book, wrong
}

var (
	formatVerb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)
	textPlace  = regexp.MustCompile(`\{(\d)(:[a-z_.]+)?\}`)
)

// places says where a text does not have the arguments of its format, each at least once.
func places(format, text string) string {
	n := len(formatVerb.FindAllString(strings.ReplaceAll(format, "%%", ""), -1))
	got := map[int]bool{}
	for _, m := range textPlace.FindAllStringSubmatch(text, -1) {
		i, _ := strconv.Atoi(m[1])
		got[i] = true
	}
	want := map[int]bool{}
	for i := range n {
		want[i] = true
	}
	if !maps.Equal(got, want) {
		return fmt.Sprintf("the format has %d arguments, the text has the places %v", n, slices.Sorted(maps.Keys(got)))
	}
	return ""
}

// said is a format, and where it stands.
type said struct{ at, format string }

// faults returns the formats of all faults that a file makes; an empty one is not written out there.
func (t *tree) faults(s *source) []said {
	var out []said
	for _, d := range s.ast.Decls {
		f, _ := d.(*ast.FuncDecl)
		ast.Inspect(d, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			at, maker := formatAt(s, call)
			if at < 0 || at >= len(call.Args) {
				return true
			}
			format := written(call.Args[at])
			if format == "" && f != nil && !maker && makers[s.dir][f.Name.Name] > 0 {
				return true // the maker itself
			}
			if format == "" && maker && f != nil && (f.Name.Name == "under" || makers[s.dir][f.Name.Name] > 0 || passesOn(call.Args[at])) {
				return true
			}
			out = append(out, said{t.at(call), format})
			return true
		})
	}
	return out
}

// passesOn reports whether a format is the parameter of a function that is a maker itself.
func passesOn(e ast.Expr) bool {
	x, ok := e.(*ast.Ident)
	return ok && x.Name == "format"
}

// formatAt returns which argument of a call is the format of a fault, -1 where it makes none.
func formatAt(s *source, call *ast.CallExpr) (at int, maker bool) {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
		if x, ok := f.X.(*ast.Ident); ok && s.imports[x.Name] == module+"/internal/fault" && name == "New" {
			return 1, false
		}
	}
	if at, ok := makers[s.dir][name]; ok && len(call.Args) > at {
		return at, true
	}
	return -1, false
}

// written returns a text that is written out: a literal, or several added up.
func written(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return written(e.X)
	case *ast.BinaryExpr:
		x, y := written(e.X), written(e.Y)
		if e.Op != token.ADD || x == "" || y == "" {
			return ""
		}
		return x + y
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return text
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			return written(e.Args[0])
		}
	}
	return ""
}

func isCall(e ast.Expr) bool {
	_, ok := e.(*ast.CallExpr)
	return ok
}

// beside are texts that are kept instead of a fault that would say too much, by the file that has them.
var beside = map[string]string{
	"internal/act/loop/poll.go":    "the fetch failed",
	"internal/act/loop/deliver.go": "taken by the mail server",
}

// sayings returns what stands beside faults on pages: why a row was kept aside, left out or changed, and a hint.
func (t *tree) sayings(s *source) []said {
	var out []said
	add := func(e ast.Expr) {
		if text := written(e); strings.Contains(text, " ") {
			out = append(out, said{t.at(e), text})
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch e := n.(type) {
		case *ast.CallExpr:
			if s.path == "internal/strict/near.go" {
				add(e)
			}
		case *ast.BasicLit:
			if text := written(e); text != "" && text == beside[s.path] {
				add(e)
			}
		}
		return true
	})
	if !under(s.dir, "internal/feed", "internal/event") {
		return out
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Reason" {
				add(n.Value)
			}
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if x, ok := l.(*ast.Ident); ok && x.Name == "reason" && i < len(n.Rhs) {
					add(n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, x := range n.Names {
				if strings.HasPrefix(x.Name, "reason") && i < len(n.Values) {
					add(n.Values[i])
				}
			}
		case *ast.ReturnStmt:
			if last := len(n.Results) - 1; last >= 0 && (last == 1 || isCall(n.Results[last])) {
				add(n.Results[last])
			}
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) == 0 {
				return true
			}
			if x, ok := f.X.(*ast.Ident); f.Sel.Name == "Note" || ok && x.Name == "errors" && f.Sel.Name == "New" {
				add(n.Args[len(n.Args)-1])
			}
		}
		return true
	})
	return out
}
