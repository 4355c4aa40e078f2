package static

import (
	"compress/gzip"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Text stands out from its ground by 4.5:1 and marks by 3:1, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11).
func TestContrast(t *testing.T) {
	t.Parallel()
	raw, err := files.ReadFile("tocsin.css")
	if err != nil {
		t.Fatal(err)
	}
	themes := themesOf(t, string(raw))
	for name, css := range themes {
		token := tokens(themes["light"]) // what a theme leaves out is the light one's
		maps.Copy(token, tokens(css))
		for _, c := range []struct {
			fronts, grounds string
			least           float64
		}{
			{"ink soft link", "paper sheet well", 4.5},
			{"ink", "bronze-wash ok-wash warn-wash", 4.5},
			{"critical high medium low info unknown", "paper sheet well", 4.5},
			{"critical high medium low info unknown link soft", "bronze-wash", 4.5},
			{"ok warn bronze", "paper sheet", 4.5},
			{"bronze-ink", "bronze", 4.5},
			{"edge focus", "paper sheet well", 3},
			{"chart-a chart-b chart-c chart-d chart-e chart-f chart-g chart-h chart-zero", "paper sheet", 3},
			{"chart-four-ink", "chart-four", 4.5},
			{"ink", "chart-three", 4.5},
		} {
			for front := range strings.FieldsSeq(c.fronts) {
				for ground := range strings.FieldsSeq(c.grounds) {
					if got := contrast(token[front], token[ground]); !(got >= c.least) {
						t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", name, front, ground, got, c.least)
					}
				}
			}
		}
	}
}

// themesOf returns the tokens of each theme. A reader who chooses the dark one gets just what a dark system gets.
func themesOf(t *testing.T, css string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, start := range map[string]string{
		"light": ":root {", "dark": ":root:not([data-theme]) {", "chosen dark": ":root[data-theme=\"dark\"] {", "contrast": ":root[data-theme=\"contrast\"] {",
	} {
		_, rest, ok := strings.Cut(css, start)
		block, _, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			t.Fatalf("the sheet has no tokens of %s", name)
		}
		out[name] = block
	}
	if !maps.Equal(tokens(out["dark"]), tokens(out["chosen dark"])) || len(tokens(out["dark"])) < 20 {
		t.Error("the dark theme of the system and the chosen one differ")
	}
	return out
}

func tokens(css string) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// contrast is WCAG's contrast ratio of two colours "#rrggbb".
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(colour string) float64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		return math.NaN()
	}
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n)
}

// An asset is served at its own address only, with its type, to be kept for ever.
func TestHandler(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]string{"tocsin.css": "text/css", "tocsin.js": "text/javascript", "bell.svg": "image/svg+xml"} {
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path(name), nil))
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path("tocsin.css"), nil)
	r.Header.Set("Accept-Encoding", "br, gzip")
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	z, err := gzip.NewReader(w.Body)
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatal(err, w.Header())
	}
	sheet, err := files.ReadFile("tocsin.css")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != string(sheet) {
		t.Errorf("the packed sheet is another one: %v", err)
	}
	w = httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/static/000000000000/tocsin.css", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("an old hash: %d", w.Code)
	}
}

// The sheet names no colour outside its tokens, so that dark and print forget none.
func TestColoursAreTokens(t *testing.T) {
	t.Parallel()
	raw, err := files.ReadFile("tocsin.css")
	if err != nil {
		t.Fatal(err)
	}
	colour := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\(`)
	for i, line := range strings.Split(string(raw), "\n") {
		rest := regexp.MustCompile(`--[a-z-]+: [^;]+;`).ReplaceAllString(line, "")
		if colour.MatchString(rest) && !strings.Contains(line, "iframe") { // a letter brings its own colours for white paper
			t.Errorf("line %d: %s", i+1, strings.TrimSpace(line))
		}
	}
}
