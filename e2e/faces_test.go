package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// script lets pages run scripts from the next page on, or not. What the test itself evaluates runs all the same.
func (b *tab) script(on bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		b.t.Fatal(err)
	}
}

// do takes steps in the page.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", eval[string](b, `location.pathname`), err)
	}
}

// paste puts a text where the cursor is, as the clipboard does, in place of what stands there.
func (b *tab) paste(selector, text string) {
	b.t.Helper()
	b.do(chromedp.Focus(selector))
	eval[bool](b, fmt.Sprintf(`document.querySelector(%q).select(), true`, selector))
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		b.t.Fatal(err)
	}
}

// has reports whether the page has something that the selector names.
func (b *tab) has(selector string) bool {
	b.t.Helper()
	return eval[bool](b, fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
}

// says is the text of the first thing that the selector names; empty where there is none.
func (b *tab) says(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector))
}

// quiet expects that no page had anything to say on the console.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		b.t.Errorf("console: %s", m)
	}
	b.messages = nil
}

// answers is the status of an address, read in the browser.
func (b *tab) answers(address string) int64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	r, err := chromedp.RunResponse(ctx, chromedp.Navigate(address))
	if err != nil {
		b.t.Fatalf("%s: %v", address, err)
	}
	return r.Status
}

// hands are two hands on a keyboard, with a count of what they press.
type hands struct {
	*tab
	presses int
}

// keys presses keys one after another.
func (h *hands) keys(keys ...string) {
	h.t.Helper()
	for _, k := range keys {
		h.do(chromedp.KeyEvent(k))
		h.presses++
	}
}

// turn presses a key that leads to another page, and expects 200 there.
func (h *hands) turn(key string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, 30*time.Second)
	defer cancel()
	h.presses++
	r, err := chromedp.RunResponse(ctx, chromedp.KeyEvent(key))
	if err != nil {
		h.t.Fatalf("key %q at %s: %v", key, eval[string](h.tab, `location.href`), err)
	}
	if r.Status != 200 {
		h.t.Errorf("key %q: status %d", key, r.Status)
	}
}

// tabTo presses Tab until what the selector names has the focus.
func (h *hands) tabTo(selector string) {
	h.t.Helper()
	for range 120 {
		if eval[bool](h.tab, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			return
		}
		h.keys(kb.Tab)
	}
	h.t.Fatalf("120 presses of Tab do not lead to %s", selector)
}

// enters signs in by a link that is used with the keyboard.
func (h *hands) enters(link string) {
	h.t.Helper()
	h.open(link)
	h.tabTo(`form[action^="/sign-in/"] button`)
	h.turn(kb.Enter)
}

// bothWays runs a journey with script and without.
func bothWays(t *testing.T, b *tab, journey func(b *tab, script bool)) {
	t.Helper()
	for _, on := range []bool{true, false} {
		name := "script"
		if !on {
			name = "no script"
		}
		t.Run(name, func(t *testing.T) {
			was := b.t
			b.t = t
			defer func() { b.t = was }()
			b.script(on)
			journey(b, on)
			b.quiet()
		})
	}
}

// TestFacesCitizen: a citizen with a telephone reports a phishing mail, keeps the receipt, and has it checked. Nothing is
// left on the telephone.
func TestFacesCitizen(t *testing.T) {
	heavy(t)
	base := serving(t, t.TempDir(), nil)
	bothWays(t, browse(t), func(b *tab, _ bool) {
		t := b.t
		b.as(look{"narrow-light", 390, "light"})
		signed := b.reports(base)
		b.open(base + "/report")
		if text := eval[string](b, `document.documentElement.outerHTML`); strings.Contains(text, signed) || b.has("output") {
			t.Error("the receipt is shown a second time")
		}
		if got := b.judged(base, signed); got != "recognised genuine" {
			t.Errorf("the receipt is judged %q", got)
		}
		for _, at := range []int{len(signed) / 3, len(signed) / 2, len(strings.TrimSpace(signed)) - 6} {
			if changed := altered(signed, at); b.judged(base, changed) != "" {
				t.Errorf("with its character %d changed the receipt is judged %q:\n%s", at, b.judged(base, changed), changed)
			}
		}
		r, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{})
		if err != nil || len(r.Cookies) > 0 {
			t.Errorf("cookies on the way: %+v, %v", r.Cookies, err)
		}
		if n := eval[int](b, `localStorage.length + sessionStorage.length`); n > 0 {
			t.Errorf("%d things are kept on the telephone", n)
		}
	})
}

// reports fills the form in and sends it, and returns the signed receipt.
func (b *tab) reports(base string) string {
	b.t.Helper()
	b.open(base + "/report")
	b.do(chromedp.Click(`label[for="kind-phishing"]`))
	b.do(chromedp.SendKeys(`#what`, "A mail that says my parcel waits and asks for my card."))
	b.do(chromedp.SendKeys(`#where`, "http://parcel.example/pay"))
	b.press(`form[action^="/report"] button[type="submit"]`)
	code, signed := b.says("output"), b.says("#signed")
	if len(code) < 12 || len(signed) < 100 {
		b.t.Fatalf("there is no receipt: code %q, signed text %q", code, signed)
	}
	if at := eval[string](b, `location.href`); strings.Contains(at, code) || path(b.t, at) != "/report" {
		b.t.Errorf("the receipt stands at %s", at)
	}
	if over := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.t.Errorf("the receipt is %d px wider than the telephone", over)
	}
	if got := b.judged(base, code); got != "recognised" {
		b.t.Errorf("the code %s is judged %q", code, got)
	}
	return signed
}

// judged pastes a text at /verify and returns what is said of it.
func (b *tab) judged(base, text string) string {
	b.t.Helper()
	b.open(base + "/verify")
	b.paste("#text", text)
	b.press(`form[action="/verify"] button`)
	var out []string
	if b.has("#standing .done") {
		out = append(out, "recognised")
	}
	if b.has("#result .done") {
		out = append(out, "genuine")
	}
	return strings.Join(out, " ")
}

// altered changes the first letter or digit from a place on.
func altered(text string, at int) string {
	out := []byte(text)
	for i := at; i < len(out); i++ {
		switch c := out[i]; {
		case c >= 'a' && c < 'z', c >= 'A' && c < 'Z', c >= '0' && c < '9':
			out[i]++
			return string(out)
		}
	}
	return text + "x"
}

// serving starts an installation and returns its address.
func serving(t *testing.T, dir string, env []string) string {
	t.Helper()
	addr := freeAddr(t)
	base := "http://" + addr
	p := start(t, dir, append(env, "TOCSIN_LISTEN="+addr, "TOCSIN_BASE_URL="+base), "serve")
	p.wait("listening", 1, time.Minute)
	return base
}

// hospital is an installation with one party that has sixty open findings, and a sign-in link of its security officer.
func hospital(t *testing.T) (dir, base, link string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "parties.yaml"), "parties:\n  - id: city-hospital\n    name: City Hospital\n    kind: institution\n"+
		"    contacts:\n      - role: security\n        name: IT\n        mail: it@hospital.example\n    resources:\n      - prefix: 198.51.100.0/24\n")
	rows := "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,banner\n"
	day := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	for host := 1; host <= 60; host++ {
		rows += fmt.Sprintf("%s 04:05:06,high,198.51.100.%d,tcp,23,,telnet,64496,ZZ,,,0,,,login:\n", day, host)
	}
	file := filepath.Join(dir, day+"-scan_telnet-test.csv")
	write(t, file, rows)
	addr := freeAddr(t)
	base = "http://" + addr
	env := []string{"TOCSIN_LISTEN=" + addr, "TOCSIN_BASE_URL=" + base}
	must(t, dir, env, "party", "import", filepath.Join(dir, "parties.yaml"))
	must(t, dir, env, "ingest", file)
	must(t, dir, env, "person", "found", "noor@hospital.example", "--full-name", "Noor", "--party", "city-hospital")
	link = strings.TrimSpace(must(t, dir, env, "sign-in", "noor@hospital.example"))
	start(t, dir, env, "serve").wait("listening", 1, time.Minute)
	return dir, base, link
}

// states counts the findings of an installation by state, as its database has them.
func states(t *testing.T, dir string) map[finding.State]int {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(dir, "tocsin-data", "tocsin.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	out := map[finding.State]int{}
	err = s.View(t.Context(), func(tx *store.Tx) error {
		last, err := tx.LastFinding(t.Context())
		for id := ident.Finding(1); err == nil && id <= last; id++ {
			f, missing := tx.FindingByID(t.Context(), id)
			if missing == nil {
				out[f.State]++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lists opens the findings of one state and expects so many, all on one page.
func (b *tab) lists(base string, state finding.State, want int) {
	b.t.Helper()
	b.open(base + "/my/exposure?state=" + string(state))
	got := eval[int](b, `document.querySelectorAll("[data-rows] tr").length`)
	if got != want || b.has(`.pager a[rel="next"]`) {
		b.t.Errorf("%d findings are listed as %s, not %d", got, state, want)
	}
}

// TestFacesMember: the security officer of a hospital answers fifty findings at once without a mouse.
func TestFacesMember(t *testing.T) {
	heavy(t)
	dir, base, link := hospital(t)
	b := browse(t)
	h := &hands{tab: b}
	h.enters(link)
	b.arrive("/my")
	if before := states(t, dir); before[finding.Open] != 60 {
		t.Fatalf("the findings are %v, not 60 open ones", before)
	}
	bothWays(t, b, func(b *tab, script bool) {
		h.presses = 0
		h.open(base + "/my")
		if script {
			h.keys("g")
			h.turn("e")
			h.keys("*")
			h.turn("a")
		} else {
			h.answersByForm()
		}
		b.t.Logf("%d presses for 50 findings", h.presses)
		if script && h.presses > 4 {
			b.t.Errorf("%d presses for 50 findings", h.presses)
		}
		if !strings.Contains(b.says("main .done"), "50") {
			b.t.Errorf("the page does not say that it took 50 answers:\n%s", b.says("main"))
		}
		want := map[finding.State]int{finding.Open: 10, finding.Acknowledged: 50}
		if !script {
			want = map[finding.State]int{finding.Open: 10, finding.Remediating: 50}
		}
		got := states(b.t, dir)
		for s, n := range want {
			if got[s] != n {
				b.t.Errorf("%d findings are %s, not %d: %v", got[s], s, n, got)
			}
			b.lists(base, s, n)
		}
	})
	t.Run("Enter", func(t *testing.T) { h.entersWhose(t, base, dir) })
}

// answersByForm ticks the boxes of the fifty findings of the first page one by one, says that they are worked on, and sends
// the form: Tab, Space and arrows are all there is.
func (h *hands) answersByForm() {
	h.t.Helper()
	h.tabTo(`a[href="/my/exposure"]`)
	h.turn(kb.Enter)
	boxes := eval[[]string](h.tab, `[...document.querySelectorAll("[name=finding]")].map(e => e.id)`)
	if len(boxes) != 50 {
		h.t.Fatalf("%d findings take an answer on the first page, not 50", len(boxes))
	}
	for _, id := range boxes {
		h.tabTo("#" + id)
		h.keys(" ")
	}
	h.tabTo(`[name="answer"]`)
	h.keys(" ")
	for range 10 {
		if eval[string](h.tab, `document.querySelector("[name=answer]:checked").value`) == "start" {
			break
		}
		h.keys(kb.ArrowDown)
	}
	h.tabTo(`#answer button:not([name])`)
	h.turn(kb.Enter)
}

// entersWhose: Enter in a field of the form sends the answer that was chosen there, never that of a quick button above it.
func (h *hands) entersWhose(t *testing.T, base, dir string) {
	was := h.t
	h.t = t
	defer func() { h.t = was }()
	h.script(true)
	h.open(base + "/my/exposure?state=open")
	h.keys("j", "x")
	h.do(chromedp.Click(`[name="answer"][value="not_mine"]`), chromedp.SendKeys(`#whose`, "the clinic next door"))
	h.turn(kb.Enter)
	if got := states(t, dir); got[finding.Disputed] != 1 || got[finding.Open] != 9 {
		t.Errorf("Enter in the field did not send the answer that was chosen: %v", got)
	}
}

// TestFacesAnalyst: an analyst settles twenty items of the queue, takes one back, and adds a feed from a pasted sample.
func TestFacesAnalyst(t *testing.T) {
	heavy(t)
	_, links, _ := startDemo(t, t.TempDir())
	base, _, _ := strings.Cut(links[0], "/sign-in/")
	b := browse(t)
	h := &hands{tab: b}
	h.enters(links[0])
	b.arrive("/desk")
	bothWays(t, b, func(b *tab, script bool) {
		h.presses = 0
		h.open(base + "/desk")
		if script {
			h.triages()
		} else {
			h.triagesByForm()
		}
		h.addsFeed(base, map[bool]string{true: "partner-a", false: "partner-b"}[script])
	})
}

// waiting is a script that returns what the queue shows, by the keys of its rows.
const waiting = `[...new Set([...document.querySelectorAll("[data-rows] [name=do]")].map(e => e.value.split("|")[1]))]`

// all is a script that returns how many items wait, as the first tab says it.
const all = `Number(document.querySelector(".subtabs .soft").textContent.replace(/\D/g, ""))`

// triages settles twenty items, each by one key that its row shows, and undoes the last.
func (h *hands) triages() {
	h.t.Helper()
	before, count := eval[[]string](h.tab, waiting), eval[int](h.tab, all)
	h.keys("j")
	var settled []string
	for range 20 {
		const here = `(() => { const row = document.activeElement.closest("[data-rows] > tr");
			const b = ["a", "r", "n", "d"].map(k => row?.querySelector("[name=do][data-key=" + k + "]")).find(Boolean);
			return b ? [b.dataset.key, b.value.split("|")[1]] : []; })()`
		key := eval[[]string](h.tab, here)
		if len(key) != 2 {
			h.t.Fatalf("after %d items no row that takes a key is selected:\n%s", len(settled), h.says("main"))
		}
		h.turn(key[0])
		settled = append(settled, key[1])
	}
	for _, s := range settled {
		if !slices.Contains(before, s) || slices.Contains(eval[[]string](h.tab, waiting), s) {
			h.t.Errorf("%s was settled and still waits, or never waited", s)
		}
	}
	if left := eval[int](h.tab, all); left != count-20 {
		h.t.Errorf("of %d items %d are left, not %d", count, left, count-20)
	}
	h.turn("u")
	if !slices.Contains(eval[[]string](h.tab, waiting), settled[19]) || eval[int](h.tab, all) != count-19 {
		h.t.Errorf("%s was undone and does not wait again", settled[19])
	}
	h.t.Logf("%d presses for 20 items and one undone", h.presses)
	if h.presses >= 40 {
		h.t.Errorf("%d presses for 20 items, not under 40", h.presses)
	}
}

// triagesByForm settles twenty findings at once: boxes, a preview, a confirmation; and undoes the whole.
func (h *hands) triagesByForm() {
	h.t.Helper()
	ticked := eval[[]string](h.tab, `[...document.querySelectorAll("[name=row]")].map(e => e.value).filter(v => v.startsWith("finding:")).slice(0, 20)`)
	count := eval[int](h.tab, all)
	if len(ticked) != 20 {
		h.t.Fatalf("%d findings wait, not 20 or more", len(ticked))
	}
	for _, v := range ticked {
		h.do(chromedp.Click(fmt.Sprintf(`[name="row"][value="%s"]`, v)))
	}
	h.do(chromedp.SetValue(`#do`, "discard"))
	h.press(`#bulk button`)
	if n := eval[int](h.tab, `document.querySelectorAll("table.diff tbody tr").length`); n != 20 {
		h.t.Errorf("the preview shows %d rows, not 20", n)
	}
	h.press(`form[action="/desk/queue/bulk"] button`)
	if left := eval[int](h.tab, all); left != count-20 {
		h.t.Errorf("of %d items %d are left, not %d", count, left, count-20)
	}
	h.press(`form[action="/desk/queue/undo"] button`)
	shown := eval[[]string](h.tab, waiting)
	for _, v := range ticked {
		key, _, _ := strings.Cut(v, "|")
		if !slices.Contains(shown, key) {
			h.t.Errorf("%s was undone and does not wait again", key)
		}
	}
}

// sample is what a partner sends: a table with columns by their IntelMQ names.
const sample = "time.source,source.ip,source.port,classification.type,malware.name\n" +
	"2026-11-23T04:05:06Z,198.18.228.77,443,infected-system,qakbot\n2026-11-23T04:06:06Z,198.18.228.78,443,infected-system,qakbot\n"

// addsFeed pastes a sample, reads what would become of it, and adds the feed.
func (h *hands) addsFeed(base, id string) {
	h.t.Helper()
	h.open(base + "/desk/feeds/new")
	h.do(chromedp.SetValue(`#pack`, "generic-csv"))
	h.paste(`#sample`, sample)
	h.press(`form[action="/desk/feeds/new"] button`)
	mapping := h.says("#mapping")
	for _, want := range []string{"source.ip", "198.18.228.77", "malware.name", "qakbot"} {
		if !strings.Contains(mapping, want) {
			h.t.Errorf("the mapping does not show %s:\n%s", want, mapping)
		}
	}
	if n := eval[int](h.tab, `document.querySelectorAll("#rows tbody tr").length`); n != 2 {
		h.t.Errorf("the dry run shows %d rows, not 2:\n%s", n, h.says("main"))
	}
	h.paste(`#feed-id`, id)
	h.press(`form[action="/desk/feeds"] button`)
	h.open(base + "/desk/feeds")
	if !strings.Contains(h.says("main"), id) {
		h.t.Errorf("the feed %s is not in the list:\n%s", id, h.says("main"))
	}
}

// TestFacesAdministrator: on an empty folder serve prints a link that works once; behind it the first administrator names
// themselves, enrols a passkey, and stands at the desk.
func TestFacesAdministrator(t *testing.T) {
	heavy(t)
	dir, listen := t.TempDir(), freeAddress(t)
	_, port, _ := strings.Cut(listen, ":")
	base := "http://localhost:" + port
	p := start(t, dir, []string{"TOCSIN_LISTEN=" + listen, "TOCSIN_BASE_URL=" + base}, "serve")
	found, _ := p.wait(`(http://localhost:\d+/set-up/[^\s\x1b"]+)`, 1, time.Minute)
	p.wait("listening", 1, time.Minute)

	b := browse(t)
	b.device()
	b.open(found[0])
	b.do(chromedp.SendKeys(`#name`, "Ada Author"), chromedp.SendKeys(`#mail`, "ada@csirt.example"))
	b.press(`form[action^="/set-up/"] button`)
	b.arrive("/account")
	b.press(`form[action="/account/passkeys"] button`)
	b.arrive("/account")
	if text := b.says("#passkeys"); !strings.Contains(text, "Chrome") {
		t.Errorf("the passkey is not there:\n%s", text)
	}
	b.press(`a.home`)
	b.arrive("/desk")
	b.press(`form[action="/sign-out"] button`)
	b.quiet()

	if got := b.answers(found[0]); got < 400 || b.has(`form[action^="/set-up/"]`) {
		t.Errorf("the link works a second time: %d\n%s", got, b.says("main"))
	}
	b.open(base + "/sign-in")
	b.press(`form[action="/sign-in/passkey"] button`)
	b.arrive("/desk")
}
