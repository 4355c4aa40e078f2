package house

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// dependencyPage has one row a direct module: the list of what may be required.
const dependencyPage = "docs/decisions/dependencies.md"

var (
	requireLine = regexp.MustCompile(`(?m)^(?:require)?\s+([\w.-]+\.[\w-]+/\S+)\s+v\S+(.*)$`)
	pageRow     = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|([^|]*)\\|([^|]*)\\|([^|]*)\\|")
)

// modules: what go.mod requires directly, what the page of dependencies explains and what the code imports are the same.
func modules(t *tree) []string {
	var out []string
	direct, indirect := required(t.text("go.mod"))
	listed := map[string]bool{}
	for _, m := range pageRow.FindAllStringSubmatch(t.text(dependencyPage), -1) {
		listed[m[1]] = true
		for _, cell := range m[2:] {
			if strings.TrimSpace(cell) == "" {
				out = append(out, fmt.Sprintf("%s: an empty cell in the row of %s", dependencyPage, m[1]))
			}
		}
	}
	imported := importedModules(t, append(slices.Clone(direct), indirect...))
	for _, m := range direct {
		if !listed[m] {
			out = append(out, fmt.Sprintf("go.mod: %s has no row in %s", m, dependencyPage))
		}
		if !imported[m] {
			out = append(out, fmt.Sprintf("go.mod: nothing imports %s", m))
		}
	}
	for _, m := range indirect {
		if imported[m] {
			out = append(out, fmt.Sprintf("go.mod: %s is imported and still marked indirect", m))
		}
	}
	for m := range listed {
		if !slices.Contains(direct, m) {
			out = append(out, fmt.Sprintf("%s: %s is not required by go.mod", dependencyPage, m))
		}
	}
	slices.Sort(out)
	return out
}

// required splits the modules that go.mod names.
func required(mod string) (direct, indirect []string) {
	for _, m := range requireLine.FindAllStringSubmatch(mod, -1) {
		if strings.Contains(m[2], "// indirect") {
			indirect = append(indirect, m[1])
		} else {
			direct = append(direct, m[1])
		}
	}
	return direct, indirect
}

// importedModules says which of names some file imports; the longest name that holds an import is its module.
func importedModules(t *tree, names []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range t.files {
		for _, target := range s.imports {
			best := ""
			for _, n := range names {
				if under(target, n) && len(n) > len(best) {
					best = n
				}
			}
			out[best] = true
		}
	}
	return out
}
