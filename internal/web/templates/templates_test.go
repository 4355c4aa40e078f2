package templates

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

var (
	action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	spoken = []string{"title", "alt", "aria-label", "placeholder", "label"}
	named  = []string{"Tocsin", "tocsin verify", "finding:12", "per_…"} // the program, its commands and its ids are the same in every language
)

// Whatever people read comes from the message catalogue, and nothing in a template needs a looser policy than the
// strict one: no style attribute, no inline script, no handler in an attribute.
func TestTemplates(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".html" {
			return err
		}
		raw, err := Files.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.Contains(string(raw), "?{{") {
			t.Errorf("%s puts a query into an address, where it is escaped twice: take the whole address from the program", name)
		}
		z := html.NewTokenizer(strings.NewReader(action.ReplaceAllString(string(raw), "")))
		for key := false; ; {
			switch z.Next() {
			case html.ErrorToken:
				return nil
			case html.TextToken:
				if text := strings.TrimSpace(string(z.Text())); wordsIn(text) && !key { // keys are the same in every language
					t.Errorf("%s: %q is not from the catalogue", name, text)
				}
			case html.StartTagToken, html.SelfClosingTagToken:
				tag := z.Token()
				key = tag.Data == "kbd"
				checkTag(t, name, tag)
			case html.EndTagToken:
				key = false
			case html.CommentToken, html.DoctypeToken:
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wordsIn(text string) bool {
	return !slices.Contains(named, text) && strings.ContainsFunc(text, unicode.IsLetter)
}

func checkTag(t *testing.T, name string, tag html.Token) {
	t.Helper()
	src := false
	for _, a := range tag.Attr {
		src = src || a.Key == "src"
		switch {
		case slices.Contains(spoken, a.Key) && wordsIn(a.Val):
			t.Errorf("%s: %s=%q is not from the catalogue", name, a.Key, a.Val)
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			t.Errorf("%s: <%s> has %s, which the policy forbids", name, tag.Data, a.Key)
		}
	}
	if tag.Data == "style" || tag.Data == "script" && !src {
		t.Errorf("%s: inline <%s>", name, tag.Data)
	}
}
