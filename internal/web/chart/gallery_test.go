package chart

import (
	"flag"
	"html/template"
	"os"
	"path/filepath"
	"testing"

	"tocsin/internal/lang"
)

var gallery = flag.String("gallery", "", "a folder to write a page with every chart to, for eyes")

// A page with every chart, in both languages: go test ./internal/web/chart -run Gallery -args -gallery DIR.
func TestGallery(t *testing.T) {
	t.Parallel()
	sheet, err := os.ReadFile("../static/tocsin.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lang.Languages {
		page := template.Must(template.New("page").Funcs(template.FuncMap{"t": l.T, "n": func(key string, n int) string { return l.N(key, int64(n)) }}).
			Parse(`<!doctype html><html lang="{{.Lang}}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>charts</title><style>{{.Sheet}}</style>
<body class="desk"><main><section>{{template "chart" index .Figures 0}}</section><div class="pair">{{range $i, $f := .Figures}}{{if $i}}<section><div class="panel">{{template "chart" $f}}</div></section>{{end}}{{end}}</div>
<p>{{.Spark}}</p></main></body></html>`))
		template.Must(page.ParseFiles("../templates/part/chart.html"))
		dir := t.TempDir()
		if *gallery != "" {
			dir = *gallery
		}
		for name, figures := range map[string][]Figure{"normal": normal(l), "huge": huge(l)} {
			out, err := os.Create(filepath.Join(dir, name+"-"+string(l)+".html"))
			if err != nil {
				t.Fatal(err)
			}
			err = page.Execute(out, struct {
				Lang    lang.Language
				Sheet   template.CSS
				Figures []Figure
				Spark   template.HTML
			}{l, template.CSS(sheet), figures, Spark("12", Plain, wave(30, 3, 9))})
			if err != nil {
				t.Fatal(err)
			}
			if err := out.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
