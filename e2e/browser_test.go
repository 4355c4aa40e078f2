package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// look is one way in which a page is seen.
type look struct {
	name   string
	width  int64
	scheme string
}

var looks = []look{
	{"wide-light", 1280, "light"}, {"wide-dark", 1280, "dark"}, {"narrow-light", 390, "light"}, {"narrow-dark", 390, "dark"},
}

// tab is one browser tab that gathers what its console says.
type tab struct {
	ctx context.Context
	t   *testing.T

	told map[string]bool // pages that were complained of for their links
	axe  string          // the checker's script; empty: it is not there

	mu       sync.Mutex
	messages []string
}

// browse starts a headless browser of the test's own.
func browse(t *testing.T) *tab {
	t.Helper()
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(need(t, "chromium", "google-chrome")))
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // a browser refuses its sandbox to root
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: violations}); err != nil {
		t.Fatal(err)
	}
	b := &tab{ctx: ctx, t: t, told: map[string]bool{}}
	console := chromedp.Console(ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.IsException() {
				b.mu.Lock()
				b.messages = append(b.messages, m.String()+" at "+m.URL)
				b.mu.Unlock()
			}
		}
	}()
	return b
}

// open loads a page and expects 200.
func (b *tab) open(address string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	r, err := chromedp.RunResponse(ctx, chromedp.Navigate(address))
	if err != nil {
		b.t.Fatalf("%s: %v", address, err)
	}
	if r.Status != 200 {
		b.t.Errorf("%s: status %d", address, r.Status)
	}
}

// press clicks what leads to another page, and expects 200 there.
func (b *tab) press(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	r, err := chromedp.RunResponse(ctx, chromedp.Click(selector))
	if err != nil {
		b.t.Fatalf("click on %s: %v", selector, err)
	}
	if r.Status != 200 {
		b.t.Errorf("click on %s: status %d", selector, r.Status)
	}
}

// eval returns the value of a script in the page.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// as changes how pages are seen from now on.
func (b *tab) as(l look) {
	b.t.Helper()
	err := chromedp.Do(b.ctx, chromedp.EmulateViewport(l.width, 900))
	if err == nil {
		_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
		})
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// picture keeps the whole page under e2e/screens, for eyes.
func (b *tab) picture(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll("screens", 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("screens", name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// sound checks what holds for every page, and complains by its address.
func (b *tab) sound(address string, l look) {
	b.t.Helper()
	where := fmt.Sprintf("%s (%s)", address, l.name)
	if n := eval[int](b, `document.querySelectorAll("h1").length`); n != 1 {
		b.t.Errorf("%s: %d headings of the first level, not one", where, n)
	}
	if eval[string](b, `document.documentElement.lang`) == "" {
		b.t.Errorf("%s: the page does not say its language", where)
	}
	if over := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.t.Errorf("%s: the page is %d px wider than the window: %s", where, over, eval[string](b, widest))
	}
	// A field that a reader cannot name, or a picture without words.
	nameless := eval[[]string](b, `[...document.querySelectorAll("input:not([type=hidden]),select,textarea,button,a,img")]
		.filter(e => !(e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby") || e.title || e.alt ||
			(e.matches("button,a") && (e.textContent.trim() || e.querySelector("[aria-label],title,img[alt]"))) ||
			(e.matches("input[type=submit]") && e.value)))
		.map(e => e.outerHTML.slice(0, 120))`)
	for _, e := range nameless {
		b.t.Errorf("%s: nothing names %s", where, e)
	}
	if faint := eval[[]string](b, contrast); len(faint) > 0 {
		b.t.Errorf("%s: too little contrast: %s", where, strings.Join(faint, "; "))
	}
}

// widest names what reaches furthest beyond the window.
const widest = `[...document.body.querySelectorAll("*")].filter(e => e.checkVisibility() && !e.closest(".scroll *"))
	.sort((a, b) => b.getBoundingClientRect().right - a.getBoundingClientRect().right).slice(0, 3).map(e => e.localName + "." + (e.className.baseVal ?? e.className) + " " + e.textContent.trim().slice(0, 30)).join("; ")`

// contrast finds text whose colour differs from its background by less than WCAG 2.2 AA asks: 4.5, or 3 for large text.
const contrast = `(() => {
	const parse = c => { const m = c.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0]; return c.startsWith("color(srgb")
		? [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1]; };
	const lum = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
	const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
	const ground = e => { const stack = []; for (; e; e = e.parentElement) stack.push(parse(getComputedStyle(e).backgroundColor));
		const dark = matchMedia("(prefers-color-scheme: dark)").matches;
		return stack.reverse().reduce((b, a) => over(a, b), dark ? [18, 18, 18, 1] : [255, 255, 255, 1]); };
	const out = new Set();
	for (const e of document.body.querySelectorAll("*")) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.closest("[disabled],[aria-hidden=true],svg")) continue;
		const s = getComputedStyle(e), size = parseFloat(s.fontSize), b = ground(e);
		const [x, y] = [lum(over(parse(s.color), b)), lum(b)].sort((p, q) => q - p);
		const ratio = (x + .05) / (y + .05), large = size >= 24 || size >= 18.66 && s.fontWeight >= 700;
		if (ratio < (large ? 3 : 4.5)) out.add(ratio.toFixed(1) + " " + e.localName + "." + e.className + " " + e.textContent.trim().slice(0, 30));
	}
	return [...out].slice(0, 8);
})()`

// links returns the addresses of the same site that the page links to or, as a mail does, spells out.
func (b *tab) links() []string {
	b.t.Helper()
	all := eval[[]string](b, `[...document.querySelectorAll("a[href]:not([download])")].map(a => new URL(a.href.baseVal ?? a.href, location).href)
		.concat(document.body.textContent.match(/http:[^\s]+\/n\/[\w.~-]+/g) ?? [])`)
	here, err := url.Parse(eval[string](b, `location.href`))
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, a := range all {
		u, err := url.Parse(a)
		if err != nil || u.Host != here.Host {
			continue
		}
		for k := range u.Query() {
			if strings.ContainsAny(k, "=&?") && !b.told[here.Path] {
				b.told[here.Path] = true
				b.t.Errorf("%s: the query of the link %s is escaped twice", here.Path, a)
			}
		}
		u.Fragment = ""
		out = append(out, u.String())
	}
	return out
}

// shape is the pattern of an address: the name of the one thing that a page is about, and the values of the query, are
// what differs between pages of one kind.
func shape(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) > 1 && (len(parts) > 2 || parts[0] == "n") {
		parts[min(2, len(parts)-1)] = "_"
	}
	var query []string
	for k := range u.Query() {
		if k != "lang" && k != "done" && k != "theme" {
			query = append(query, k)
		}
	}
	slices.Sort(query)
	return strings.Join(parts, "/") + "?" + strings.Join(query, "&")
}

// inLanguage is the same page in a language.
func inLanguage(t *testing.T, address, language string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("lang", language)
	u.RawQuery = q.Encode()
	return u.String()
}

// seen are the ways in which every page is looked at in each language: together they have both widths, the narrowest that
// WCAG 2.2 asks for (1.4.10), and both schemes.
var seen = map[string][]look{
	"en": {{"wide-light", 1280, "light"}, {"narrow-dark", 390, "dark"}, {"tiny-light", 320, "light"}},
	"zh": {{"narrow-light", 390, "light"}, {"wide-dark", 1280, "dark"}},
}

// TestBrowser walks each face along every kind of page, in English and Chinese, light and dark, wide and narrow, and
// demands of each what must hold for every page.
func TestBrowser(t *testing.T) {
	heavy(t)
	_, faces, _ := startDemo(t, t.TempDir())
	home, _, ok := strings.Cut(faces[0], "/sign-in/")
	if !ok {
		t.Fatalf("%s is no sign-in link", faces[0])
	}
	axe := axeScript(t)
	for i, face := range append([]string{home + "/"}, faces...) {
		t.Run([]string{"public", "desk", "member", "member-2"}[i], func(t *testing.T) {
			t.Parallel()
			b := browse(t)
			b.axe = axe
			pages := b.walk(face, 90, face == home+"/")
			if least := []int{9, 25, 6, 6}[i]; len(pages) < least {
				t.Errorf("%d kinds of page lie behind %s, not %d or more: %s", len(pages), face, least, pages)
			}
			t.Log(strings.Join(pages, "\n"))
			for _, address := range pages {
				b.see(inLanguage(t, address, "en"), "en")
				b.see(inLanguage(t, address, "zh"), "zh")
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, m := range b.messages {
				t.Errorf("console: %s", m)
			}
		})
	}
}

// see looks at a page in every way of a language.
func (b *tab) see(address, lang string) {
	b.t.Helper()
	for i, l := range seen[lang] {
		b.as(l)
		if i == 0 {
			b.open(address)
			b.light(address)
			b.accessible(address, l)
			b.prints(address)
		}
		b.sound(address, l)
	}
}

// walk signs in and returns an address of each kind of page within reach, at most limit: of the public's, or of those
// that are for people only.
func (b *tab) walk(signIn string, limit int, public bool) []string {
	b.t.Helper()
	b.open(signIn)
	if strings.Contains(signIn, "/sign-in/") {
		b.press(`form[action^="/sign-in/"] button`)
	}
	todo := append([]string{eval[string](b, `location.href`)}, b.links()...)
	seen := map[string]bool{}
	var pages []string
	for len(todo) > 0 && len(pages) < limit {
		next := todo[0]
		todo = todo[1:]
		if kind := shape(next); seen[kind] || leaves(next) || forAll(next) != public {
			continue
		} else {
			seen[kind] = true
		}
		b.open(next)
		if eval[string](b, `document.contentType`) != "text/html" {
			continue
		}
		pages = append(pages, next)
		todo = append(todo, b.links()...)
	}
	return pages
}

// forAll reports whether a page is anybody's.
func forAll(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	for _, side := range []string{"/desk", "/my", "/account", "/n/"} {
		if u.Path == side || strings.HasPrefix(u.Path, strings.TrimSuffix(side, "/")+"/") {
			return false
		}
	}
	return true
}

// leaves reports addresses that are no page: downloads, and the end of the session.
func leaves(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	for _, w := range []string{"export", "sign-out", "raw", ".csv", ".json", ".zip", "/sign-in", "attachment", "/ledger/", "/n/preview"} {
		if strings.Contains(u.Path, w) {
			return true
		}
	}
	return u.Query().Get("format") != ""
}
