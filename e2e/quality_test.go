package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// violations gathers what a page's content security policy refused.
const violations = `window.refused = [];
	addEventListener("securitypolicyviolation", e => refused.push(e.violatedDirective + " " + e.blockedURI + " " + e.sourceFile));`

// mostBytes bounds what one page loads over the wire: itself, the sheet, scripts and drawings.
const mostBytes = 150 << 10

// light checks what the page that is open has loaded: from here only, nothing that the policy refuses, and not much.
func (b *tab) light(address string) {
	b.t.Helper()
	for _, r := range eval[[]string](b, `window.refused ?? ["nothing listens for refusals"]`) {
		b.t.Errorf("%s: the content security policy refused %s", address, r)
	}
	for _, r := range eval[[]string](b, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin + "/"))`) {
		b.t.Errorf("%s: asks %s, which is not here", address, r)
	}
	size := eval[int](b, `[...performance.getEntriesByType("resource"), ...performance.getEntriesByType("navigation")].reduce((s, e) => s + e.encodedBodySize, 0)`)
	if size == 0 || size > mostBytes {
		b.t.Errorf("%s: loads %d bytes, at most %d", address, size, mostBytes)
	}
}

// axeScript returns axe-core as TOCSIN_TEST_AXE names it. Where CI runs it must be there.
func axeScript(t *testing.T) string {
	t.Helper()
	name := os.Getenv("TOCSIN_TEST_AXE")
	if name == "" {
		if os.Getenv("CI") != "" {
			t.Error("TOCSIN_TEST_AXE names no axe-core, and CI must have it")
		}
		t.Log("TOCSIN_TEST_AXE names no axe-core: pages are not checked with it")
		return ""
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// accessible asks axe-core for what it holds serious or critical: none.
func (b *tab) accessible(address string, l look) {
	b.t.Helper()
	if b.axe == "" {
		return
	}
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](b.axe+";true")); err != nil {
		b.t.Fatal(err)
	}
	const ask = `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => r.violations
		.filter(v => v.impact === "serious" || v.impact === "critical")
		.map(v => v.id + ": " + v.help + " at " + v.nodes.slice(0, 3).map(n => n.target.join(" ")).join(", ")))`
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](ask, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: axe: %v", address, err)
	}
	for _, v := range found {
		b.t.Errorf("%s (%s): axe: %s", address, l.name, v)
	}
}

// prints checks that the page that is open becomes paper.
func (b *tab) prints(address string) {
	b.t.Helper()
	pdf, err := chromedp.Call(b.ctx, page.PrintToPDF, page.PrintToPDFParams{})
	if err != nil {
		b.t.Errorf("%s: does not print: %v", address, err)
		return
	}
	if len(pdf.Data) < 1000 || !strings.HasPrefix(string(pdf.Data), "%PDF-") {
		b.t.Errorf("%s: prints as %d bytes of no document", address, len(pdf.Data))
	}
}
