package page

import (
	"bytes"
	"html"
	"html/template"
	"strings"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/lang"
)

// What is settled says the same as what is looked up each time, between tags and in attributes, however it has to be
// escaped; what has arguments or branches is left to be looked up.
func TestSettle(t *testing.T) {
	t.Parallel()
	const text = `{{define "x"}}<p title="{{t "odd"}}" data-a={{"b"}}>{{t "odd"}}{{asset "odd"}} {{t "of" .}} {{if .}}{{t "odd"}}{{else}}{{t "of" 1}}{{end}}` +
		`{{range .}}<i>{{t "odd"}}</i>{{t "odd" | printf "%s"}}{{end}}{{with $k := "odd"}}{{t $k}}{{end}}</p>{{end}}`
	calls := 0
	funcs := template.FuncMap{
		"t":     func(key string, args ...any) string { calls++; return key + `<&>"'+=` + strings.Repeat("!", len(args)) },
		"asset": func(name string) string { calls++; return "/static/" + name },
	}
	render := func(settled bool) (string, int) {
		set := template.Must(template.New("").Funcs(funcs).Parse(text))
		if settled {
			settle(set.Lookup("x").Tree.Root, funcs)
		}
		calls = 0
		var out bytes.Buffer
		if err := set.ExecuteTemplate(&out, "x", []string{"a", "b"}); err != nil {
			t.Fatal(err)
		}
		return html.UnescapeString(out.String()), calls
	}
	want, all := render(false)
	got, few := render(true)
	if got != want {
		t.Errorf("settled:\n%s\nlooked up:\n%s", got, want)
	}
	if all != 10 || few != 4 {
		t.Errorf("%d lookups, %d of them left, want 10 and 4", all, few)
	}
}

// A badge says what the part of its name does, and is drawn once for each of its values.
func TestBadges(t *testing.T) {
	t.Parallel()
	k := newKit(t, Config{})
	for _, l := range lang.Languages {
		set := k.Template(l, "public/error")
		seen := map[string]bool{}
		for range 2 {
			for _, s := range event.Severities {
				var out bytes.Buffer
				if err := set.ExecuteTemplate(&out, "severity", s); err != nil {
					t.Fatal(err)
				}
				if word := l.Word("severity", s.String()); !strings.Contains(out.String(), word) || !strings.Contains(out.String(), "<svg") {
					t.Errorf("%s %s: %s", l, s, out.String())
				}
				seen[out.String()] = true
			}
		}
		if len(seen) != len(event.Severities) {
			t.Errorf("%s: %d different badges of %d severities", l, len(seen), len(event.Severities))
		}
	}
	calls := 0
	funcs := template.FuncMap{"count": func() string { calls++; return "" }}
	b := &badges{parts: template.Must(template.New("").Funcs(funcs).Parse(`{{define "p"}}{{count}}<b>{{.}}</b>{{end}}`))}
	for range 2 {
		if got, err := b.draw("p", 1); err != nil || got != "<b>1</b>" || calls != 1 {
			t.Errorf("%q after %d calls, %v", got, calls, err)
		}
	}
	for i := range mostBadges + 10 {
		if _, err := b.draw("p", i); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	b.drawn.Range(func(_, _ any) bool { kept++; return true })
	if kept != mostBadges {
		t.Errorf("%d are kept", kept)
	}
}
