package static

import (
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
	light, rest, ok := strings.Cut(string(raw), "@media (prefers-color-scheme: dark)")
	dark, _, found := strings.Cut(rest, "@media")
	if !ok || !found {
		t.Fatal("the sheet has no dark tokens")
	}
	for name, css := range map[string]string{"light": light, "dark": dark} {
		token := tokens(css)
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
	w := httptest.NewRecorder()
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
