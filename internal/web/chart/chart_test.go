package chart

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/lang"
)

var update = flag.Bool("update", false, "write the golden drawings anew")

// Every kind of chart looks as it did when somebody last looked at it.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		figures := normal(l)
		for _, f := range huge(l) {
			if f.ID == "h-ranked" || f.ID == "h-funnel" || f.ID == "h-intervals" {
				figures = append(figures, f)
			}
		}
		for _, f := range figures {
			name := filepath.Join("testdata", string(l)+"-"+f.ID+".svg")
			got := strings.ReplaceAll(string(f.SVG), "><", ">\n<") + "\n"
			for _, k := range f.Legend {
				got += k.Text + " " + string(k.Mark) + "\n"
			}
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; look at it and run go test -update\n%s", name, cmp.Diff(string(want), got))
			}
		}
	}
}

// Whatever the numbers and names are, a drawing is well-formed, holds no style and no colour, no number that is none, and
// no two labels meet or leave it.
func TestDrawings(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		for _, f := range append(normal(l), huge(l)...) {
			if f.SVG == "" || f.Empty != "" {
				t.Errorf("%s/%s: nothing drawn", l, f.ID)
			}
			if n := len(f.SVG); n > 220_000 {
				t.Errorf("%s/%s: %d bytes", l, f.ID, n)
			}
			if strings.Contains(string(f.SVG), "⟦") {
				t.Errorf("%s/%s: a text is missing", l, f.ID)
			}
			wellFormed(t, f)
		}
	}
}

// wellFormed checks what a browser and the policy of pages need of a drawing.
func wellFormed(t rapid.TB, f Figure) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader("<all>" + string(f.SVG) + "</all>"))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", f.ID, err)
			return
		}
		if e, ok := tok.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if !sound(a.Name.Local, a.Value) {
					t.Errorf("%s: <%s %s=%q>", f.ID, e.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

var numbers = regexp.MustCompile(`^[-0-9. ]+$`)

// sound reports whether an attribute is one that a drawing may have: numbers are numbers, a fill is a texture, a link
// stays on this site, and nothing is style or script.
func sound(name, value string) bool {
	switch name {
	case "href":
		return safeLink(value)
	case "fill":
		return strings.HasPrefix(value, "url(#")
	case "x", "y", "cx", "cy", "r", "width", "height", "viewBox", "stroke-width", "data-x", "data-step", "data-n", "data-top", "data-foot":
		return numbers.MatchString(value)
	case "d", "transform":
		return !strings.Contains(value, "NaN") && !strings.Contains(value, "Inf") && !strings.Contains(value, "%")
	}
	return name != "style" && name != "stroke" && !strings.HasPrefix(name, "on")
}

// A chart without numbers says so.
func TestEmpty(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		for i, f := range empty(l) {
			if f.SVG != "" || f.Empty == "" {
				t.Errorf("%s %d: %q", l, i, f.Empty)
			}
		}
	}
}

// The table and the file say what the drawing says.
func TestTwin(t *testing.T) {
	t.Parallel()
	for _, f := range append(normal(lang.English), huge(lang.Chinese)...) {
		var b bytes.Buffer
		if err := f.WriteCSV(&b); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", f.ID, err)
		}
		if len(rows) != len(f.Rows)+1 || len(f.Rows) == 0 {
			t.Errorf("%s: %d rows in the file, %d in the table", f.ID, len(rows)-1, len(f.Rows))
		}
		for i, row := range f.Rows {
			if len(row) != len(f.Head) {
				t.Fatalf("%s: row %d has %d cells, %d heads", f.ID, i, len(row), len(f.Head))
			}
			for j, c := range row {
				if rows[i+1][j] != "" && !c.Num && strings.ContainsRune("=+-@", rune(rows[i+1][j][0])) {
					t.Errorf("%s: a spreadsheet runs %q", f.ID, rows[i+1][j])
				}
			}
		}
		if len(f.Shown())+f.Cut() != len(f.Rows) {
			t.Errorf("%s: %d rows shown and %d cut of %d", f.ID, len(f.Shown()), f.Cut(), len(f.Rows))
		}
	}
	f := Lines(About{Lang: lang.English}, days(2), []Series{{Name: "x", Values: []float64{1234, -2.5}}})
	want := [][]Cell{
		{{Text: "23 November 2026", Raw: "2026-11-23"}, {Text: "1,234", Raw: "1234", Num: true}},
		{{Text: "24 November 2026", Raw: "2026-11-24"}, {Text: "−2.5", Raw: "-2.5", Num: true}},
	}
	if d := cmp.Diff(want, f.Rows); d != "" {
		t.Error(d)
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		u    Unit
		v    float64
		l    lang.Language
		want string
	}{
		{Count, 12345, lang.English, "12,345"},
		{Count, 0.25, lang.English, "0.3"},
		{Count, -0.96, lang.English, "−1"},
		{Percent, .1234, lang.English, "12.3%"},
		{Percent, 1, lang.Chinese, "100%"},
		{Days, 1, lang.English, "1 day"},
		{Days, 2.5, lang.English, "2.5 days"},
		{Hours, 3, lang.Chinese, "3 小时"},
		{PerMil, .0125, lang.English, "12.5"},
		{Count, nan, lang.English, "–"},
		{Count, 1e300, lang.English, "1,000,000,000,000,000"},
		{Count, 9.97, lang.English, "10"},
	} {
		if got := c.u.say(c.l, c.v); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.u, c.v, got, c.want)
		}
	}
}

// No link leaves the site, whatever its letters become when they are written.
func TestLinksStay(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"//evil.example", "/\x00/evil.example", " //evil.example", "/\u202e/evil.example", "/\\evil.example", "javascript:alert(1)", "https://evil.example"} {
		f := Ranked(About{Lang: lang.English, ID: "x"}, "a", "b", []Item{{Name: "n", Value: 1, Link: link}})
		if strings.Contains(string(f.SVG), "href") || f.Rows[0][0].Link != "" {
			t.Errorf("%q is a link: %s", link, f.SVG)
		}
	}
}
