package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the path that our own imports start with.
const module = "tocsin"

// tree is the repository as the rules see it.
type tree struct {
	fset   *token.FileSet
	files  []*source // Go files, in order of path
	texts  []text    // every other text file, in order of path
	others []string  // paths of what is neither
}

// source is one Go file.
type source struct {
	path      string // from the root, with slashes
	dir       string
	name      string // of the package
	test      bool
	generated bool
	lines     int
	ast       *ast.File
	imports   map[string]string // local name -> import path
}

// text is one file that is not Go.
type text struct {
	path string
	body string
}

// skipped are folders that hold no source of ours.
var skipped = []string{".git", "testdata", "bin", "tocsin-data", "screens", "node_modules"}

// texted are the endings of files that are read as text.
var texted = []string{".md", ".yaml", ".yml", ".sql", ".html", ".tmpl", ".css", ".js", ".mod", ".txt", ".txtar", ".sh", ".toml", ".svg"}

// load reads the tree below root; a folder with a go.mod of its own is another module and is left out.
func load(root fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(skipped, d.Name()) {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(p, "go.mod")); err == nil && p != "." {
				return fs.SkipDir
			}
			return nil
		}
		return t.add(root, p)
	})
	return t, err
}

func (t *tree) add(root fs.FS, p string) error {
	isGo := path.Ext(p) == ".go"
	if !isGo && !slices.Contains(texted, path.Ext(p)) && p != ".ci/run" {
		t.others = append(t.others, p)
		return nil
	}
	body, err := fs.ReadFile(root, p)
	if err != nil {
		return err
	}
	if !isGo {
		t.texts = append(t.texts, text{path: p, body: string(body)})
		return nil
	}
	f, err := parser.ParseFile(t.fset, p, body, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	s := &source{
		path: p, dir: path.Dir(p), name: f.Name.Name, ast: f, lines: bytes.Count(body, []byte("\n")),
		test: strings.HasSuffix(p, "_test.go"), generated: ast.IsGenerated(f), imports: map[string]string{},
	}
	for _, i := range f.Imports {
		target, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		local := path.Base(target)
		if i.Name != nil {
			local = i.Name.Name
		}
		s.imports[local] = target
	}
	t.files = append(t.files, s)
	return nil
}

// at is where a node stands, for a complaint.
func (t *tree) at(n ast.Node) string {
	p := t.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// text returns the body of the text file at p, and "" where there is none.
func (t *tree) text(p string) string {
	for _, x := range t.texts {
		if x.path == p {
			return x.body
		}
	}
	return ""
}

// dirs returns the files of each folder.
func (t *tree) dirs() map[string][]*source {
	out := map[string][]*source{}
	for _, s := range t.files {
		out[s.dir] = append(out[s.dir], s)
	}
	return out
}

// calls reports every use of one of names (as "os.Exit", the first part an import path) in s.
func (t *tree) calls(s *source, names []string) []string {
	var out []string
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		full := s.imports[x.Name] + "." + sel.Sel.Name
		if s.imports[x.Name] != "" && slices.Contains(names, full) {
			out = append(out, fmt.Sprintf("%s: %s", t.at(n), full))
		}
		return true
	})
	return out
}

// under reports whether dir is folder or lies in it.
func under(dir string, folders ...string) bool {
	for _, f := range folders {
		if dir == f || strings.HasPrefix(dir, f+"/") {
			return true
		}
	}
	return false
}
