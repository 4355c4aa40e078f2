package e2e

import (
	"bytes"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// screen is a page of which pictures are kept. Address names it; else Find is a selector of the link to it on From.
type screen struct {
	name         string
	address      string
	from, find   string
	sends        bool // the page is the answer to a report
	highContrast bool // a picture with that theme too
}

// screens are the screens that people know Tocsin by, by the face that shows them.
var screens = map[string][]screen{
	"public": {
		{name: "home", address: "/", highContrast: true},
		{name: "report", address: "/report"},
		{name: "receipt", address: "/report", sends: true},
		{name: "statistics", address: "/statistics"},
	},
	"member": {
		{name: "today", address: "/my"},
		{name: "exposure", address: "/my/exposure"},
		{name: "notice", from: "/my/notices", find: `[data-rows] .title a, main a[href^="/my/notices/"]`},
	},
	"desk": {
		{name: "queue", address: "/desk", highContrast: true},
		{name: "situation", address: "/desk/situation"},
		{name: "finding", from: "/desk/findings", find: `[data-rows] .title a`},
		{name: "party", address: "/desk/parties/city-hospital"},
		{name: "ledger", address: "/desk/ledger"},
		{name: "design", address: "/desk/system/design"},
	},
}

// tallest bounds a picture, in CSS pixels.
const tallest = 3000

// clip keeps the page that is open under e2e/screens, at most tallest high, and checks that the picture has something on
// it.
func (b *tab) clip(name string, width int64) {
	b.t.Helper()
	height := min(eval[float64](b, `document.documentElement.scrollHeight`), tallest)
	r, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: new(true), OptimizeForSpeed: new(true),
		Clip: &page.Viewport{Width: float64(width), Height: height, Scale: 1},
	})
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	raw := r.Data
	if c, err := png.DecodeConfig(bytes.NewReader(raw)); err != nil || c.Width != int(width) || c.Height < 300 {
		b.t.Errorf("%s: the picture is %d × %d, %v", name, c.Width, c.Height, err)
	}
	if err := os.WriteFile(filepath.Join("screens", name+".png"), raw, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// reach opens a screen in a language.
func (b *tab) reach(base string, s screen, lang string) {
	b.t.Helper()
	to := s.address
	if to == "" {
		b.open(base + s.from)
		href := eval[string](b, `document.querySelector(`+"`"+s.find+"`"+`)?.href ?? ""`)
		u, err := url.Parse(href)
		if href == "" || err != nil {
			b.t.Fatalf("%s: nothing at %s is %s", s.name, s.from, s.find)
		}
		to = u.Path
	}
	b.open(base + to + "?lang=" + lang)
	if s.sends {
		b.do(chromedp.Click(`label[for="kind-phishing"]`), chromedp.SendKeys(`#what`, "A mail that says my parcel waits."))
		b.press(`form[action^="/report"] button[type="submit"]`)
	}
	if got := eval[string](b, `document.documentElement.lang`); !strings.HasPrefix(got, lang) {
		b.t.Errorf("%s: the page is in %q, not %q", s.name, got, lang)
	}
}

// TestScreens keeps pictures of the screens for eyes: each in both languages, both schemes and both widths.
func TestScreens(t *testing.T) {
	heavy(t)
	_, links, _ := startDemo(t, t.TempDir())
	base, _, _ := strings.Cut(links[0], "/sign-in/")
	if err := os.MkdirAll("screens", 0o755); err != nil {
		t.Fatal(err)
	}
	for face, link := range map[string]string{"public": "", "desk": links[0], "member": links[1]} {
		t.Run(face, func(t *testing.T) {
			b := browse(t)
			if link != "" {
				b.open(link)
				b.press(`form[action^="/sign-in/"] button`)
			}
			for _, s := range screens[face] {
				for _, lang := range []string{"en", "zh"} {
					b.looks(base, face+"-"+s.name+"-"+lang, s, lang)
				}
			}
			b.quiet()
		})
	}
}

// looks keeps one screen in every look.
func (b *tab) looks(base, name string, s screen, lang string) {
	b.t.Helper()
	b.as(looks[0])
	b.reach(base, s, lang)
	for _, l := range looks {
		b.as(l)
		b.clip(name+"-"+l.name, l.width)
		if over := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
			b.t.Errorf("%s-%s: %d px wider than the window", name, l.name, over)
		}
	}
	if s.highContrast && lang == "en" {
		b.as(looks[0])
		b.open(base + s.address + "?lang=en&theme=contrast")
		b.clip(name+"-"+looks[0].name+"-contrast", looks[0].width)
		b.open(base + s.address + "?lang=en&theme=system")
	}
}
