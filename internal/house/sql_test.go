package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxDialect is how often the store may ask which engine it is on. Raise it only with a reason in a decision page.
const maxDialect = 12

// columnTypes are the words that a migration may use for the type of a column.
var columnTypes = []string{"text", "bigint", "double precision", "boolean", "bytea", "jsonb"}

var (
	statement = regexp.MustCompile(`(?is)^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(table|index)\s|with\s+\w+\s+as\s*\()`)
	selectAll = regexp.MustCompile(`(?i)\bselect\s+(\w+\.)?\*`)
	create    = regexp.MustCompile(`(?is)create\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)\s*\(`)
	addColumn = regexp.MustCompile(`(?i)add\s+column\s+(\w+)\s+([^;,\n]+)`)
	comment   = regexp.MustCompile(`--[^\n]*`)
)

// dialects: the engines differ in few places.
func dialects(t *tree) []string {
	var at []string
	isEngine := func(e ast.Expr) bool {
		x, ok := e.(*ast.Ident)
		return ok && (x.Name == "onPostgres" || x.Name == "onSQLite")
	}
	for _, s := range t.files {
		if s.test || !under(s.dir, "internal/store") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if (n.Op == token.EQL || n.Op == token.NEQ) && (isEngine(n.X) || isEngine(n.Y)) {
					at = append(at, t.at(n))
				}
			case *ast.CaseClause:
				if slices.ContainsFunc(n.List, isEngine) {
					at = append(at, t.at(n))
				}
			}
			return true
		})
	}
	if len(at) <= maxDialect {
		return nil
	}
	return []string{fmt.Sprintf("%d branches between the engines, at most %d: %s", len(at), maxDialect, strings.Join(at, " "))}
}

// sqlRoom: statements stand in store, with their columns named.
func sqlRoom(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if s.test || under(s.dir, "internal/testkit", "internal/house", "bench") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			body, err := strconv.Unquote(lit.Value)
			if err != nil {
				return true
			}
			inStore := under(s.dir, "internal/store")
			switch {
			case !inStore && statement.MatchString(body):
				out = append(out, t.at(lit)+": SQL outside store")
			case inStore && selectAll.MatchString(body):
				out = append(out, t.at(lit)+": select * instead of the columns")
			}
			return true
		})
	}
	return out
}

// migrations: columns have one of six types, which both engines know.
func migrations(t *tree) []string {
	var out []string
	for _, x := range t.texts {
		if !under(path.Dir(x.path), "internal/store/migrations") {
			continue
		}
		body := comment.ReplaceAllString(x.body, "")
		for _, m := range create.FindAllStringSubmatchIndex(body, -1) {
			table := body[m[2]:m[3]]
			for _, column := range topLevel(body[m[1]:]) {
				name, rest, _ := strings.Cut(strings.TrimSpace(column), " ")
				if slices.Contains([]string{"primary", "unique", "check", "foreign", "constraint"}, strings.ToLower(name)) {
					continue
				}
				if !columnType(rest) {
					out = append(out, fmt.Sprintf("%s: %s.%s is %q, not one of: %s", x.path, table, name, rest, strings.Join(columnTypes, ", ")))
				}
			}
		}
		for _, m := range addColumn.FindAllStringSubmatch(body, -1) {
			if !columnType(m[2]) {
				out = append(out, fmt.Sprintf("%s: %s is %q, not one of: %s", x.path, m[1], m[2], strings.Join(columnTypes, ", ")))
			}
		}
	}
	return out
}

// columnType reports whether a column's definition starts with one of the six.
func columnType(rest string) bool {
	rest = strings.ToLower(strings.TrimSpace(rest))
	return slices.ContainsFunc(columnTypes, func(w string) bool { return rest == w || strings.HasPrefix(rest, w+" ") })
}

// topLevel splits the inside of a bracket at its commas, up to the bracket that closes it.
func topLevel(body string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range body {
		switch {
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			return append(out, body[from:i])
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			out = append(out, body[from:i])
			from = i + 1
		}
	}
	return append(out, body[from:])
}
