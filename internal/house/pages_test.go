package house

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

var (
	pageLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fenced   = regexp.MustCompile("(?ms)^```.*?^```")
)

// links: a link between pages of the documentation leads somewhere.
func links(t *tree) []string {
	known := map[string]bool{".": true}
	add := func(p string) {
		for ; p != "."; p = path.Dir(p) {
			known[p] = true
		}
	}
	for _, s := range t.files {
		add(s.path)
	}
	for _, x := range t.texts {
		add(x.path)
	}
	for _, name := range t.others {
		add(name)
	}
	var out []string
	for _, x := range t.texts {
		if path.Ext(x.path) != ".md" {
			continue
		}
		for _, m := range pageLink.FindAllStringSubmatch(fenced.ReplaceAllString(x.body, ""), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if !known[path.Join(path.Dir(x.path), target)] {
				out = append(out, fmt.Sprintf("%s: nothing lies at %s", x.path, m[1]))
			}
		}
	}
	return out
}
