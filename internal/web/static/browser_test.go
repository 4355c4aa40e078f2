package static

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tocsin/internal/lang"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/templates"
)

// policy is that of every page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"

const list = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>list</title><link rel="stylesheet" href="{{.Sheet}}"><script type="module" src="{{.Script}}"></script></head>
<body class="desk" data-live-from="/desk/live"><nav aria-label="main"><a href="/desk/findings" data-go="f">Findings<span class="count" data-live="findings"></span></a> <a href="/desk/parties" data-go="p">Parties</a></nav>
<main><h1>List</h1><form id="act" method="post" action="/act"><label><input type="checkbox" data-tick-all="id">all</label> <button name="do" value="fix" data-key="f">Fixed <kbd>f</kbd></button> <label>find <input data-search name="q"></label></form>
<table><tbody data-rows>{{range .Rows}}<tr id="row{{.}}"><td><input type="checkbox" name="id" value="{{.}}" form="act" aria-label="row {{.}}"></td><td class="title"><a href="/desk/findings/{{.}}">Finding {{.}}</a></td><td><button form="act" name="do" value="drop{{.}}" data-key="d">Drop</button></td></tr>{{end}}</tbody></table>
<form data-draft="test" method="post" action="/act"><label>text <textarea name="text">as it was</textarea></label><label>word <input name="password" type="password"></label><label>kept <input name="receipt_code"></label><button>Send</button></form>
<p id="said">curl -H x</p><button hidden data-copy="#said">Copy</button>
<form method="post" action="/sign-out"><button>out</button></form>
{{template "chart" .Figure}}</main>{{template "script-words" .}}</body></html>`

type face struct {
	Sheet, Script, Side string
	Rows                []int
	Figure              chart.Figure
}

// May is asked by the partial of the words.
func (face) May(string) bool { return true }

// desk is a page with all that scripts serve, behind the policy of every page. It keeps what forms send.
func desk(t *testing.T) (address string, sent func() string) {
	t.Helper()
	l := lang.English
	p := template.Must(template.New("page").Funcs(template.FuncMap{"t": l.T, "n": func(key string, n int) string { return l.N(key, int64(n)) }}).Parse(list))
	template.Must(p.ParseFS(templates.Files, "part/script.html", "part/chart.html"))
	x := chart.Axis{Head: "day"}
	for i := range 10 {
		x.Times = append(x.Times, time.Date(2026, 11, 10+i, 0, 0, 0, 0, time.UTC))
	}
	figure := chart.Lines(chart.About{Lang: l, ID: "c", Title: "Chart"}, x, []chart.Series{{Name: "Findings", Values: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 12}}})
	var last atomic.Value
	last.Store("")
	mux := http.NewServeMux()
	mux.Handle("GET "+Prefix, Handler())
	mux.HandleFunc("GET /desk/live", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprint(w, "data: {\"counts\":{\"findings\":12345}}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /desk/search.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"hits":[{"kind":"party","title":"<b>Hospital</b> %s","sub":"pty_1","href":"/desk/parties/1"},{"title":"evil","href":"https://evil.example/"},{"title":"script","href":"javascript:alert(1)"}]}`, r.FormValue("q"))
	})
	mux.HandleFunc("POST /act", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		last.Store(r.Form.Encode())
		http.Redirect(w, r, "/desk", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		if err := p.Execute(w, face{Path("tocsin.css"), Path("tocsin.js"), "desk", []int{1, 2, 3}, figure}); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, func() string { return last.Load().(string) }
}

// tab is one tab of a browser.
type tab struct {
	*testing.T
	ctx context.Context
}

// browse opens a tab; without a browser there is nothing to test.
func browse(t *testing.T) tab {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium))
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // a browser refuses its sandbox to root
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return tab{t, ctx}
}

func (b tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

func key(k string) chromedp.Action[chromedp.Void] { return chromedp.KeyEvent(k) }

// is expects the value of a script, which may need a moment to come.
func (b tab) is(what, script, want string) {
	b.Helper()
	wait := fmt.Sprintf(`new Promise((done) => { const ask = (n) => { const v = String(%s); v === %q || n > 60 ? done(v) : setTimeout(ask, 50, n + 1); }; ask(0); })`, script, want)
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](wait, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
	if got != want {
		b.Errorf("%s: %q, want %q", what, got, want)
	}
}

// turn presses a key that leads to another page.
func (b tab) turn(k string) {
	b.Helper()
	if _, err := chromedp.RunResponse(b.ctx, key(k)); err != nil {
		b.Fatal(err)
	}
	b.is("the next page", `document.readyState`, "complete")
}

// What scripts promise, in a browser: keys, the palette, drafts, live numbers and the cross-hair, under the strict policy.
func TestInBrowser(t *testing.T) {
	b := browse(t)
	address, sent := desk(t)
	b.do(chromedp.Navigate(address + "/desk"))
	b.is("live", `document.querySelector("[data-live]").textContent`, "12,345")
	b.is("copy shows", `document.querySelector("[data-copy]").hidden`, "false")
	checkRows(b, sent)
	checkHelp(b)
	checkPalette(b)
	b.do(chromedp.Focus(`figure .chart-body`), key(kb.ArrowLeft), key(kb.ArrowLeft))
	b.is("cross-hair", `document.querySelector(".chart-read").textContent`, "18 November 2026 · Findings: 9")
	checkDraft(b, address)
	b.is("no inline style", `document.querySelectorAll("[style]").length`, "0")
}

const row = `document.activeElement.closest("tr")?.id ?? document.activeElement.tagName`

func checkRows(b tab, sent func() string) {
	b.Helper()
	b.do(key("j"), key("j"))
	b.is("j", row, "row2")
	b.do(key("k"), key("x"))
	b.is("x", `document.querySelector("#row1 input").checked + " " + document.querySelector("[data-tick-all]").indeterminate`, "true true")
	b.do(key("x"), key("j"))
	b.turn("f")
	b.is("the page comes again at the same row", row, "row2")
	if sent() != "do=fix&id=2&q=" {
		b.Errorf("f sent %q, not the row that is selected", sent())
	}
	b.do(key("j"))
	b.turn("d")
	b.is("and again", row, "row3")
	if sent() != "do=drop3&q=" {
		b.Errorf("d sent %q, not the row's own button", sent())
	}
	b.do(key("*"))
	b.is("*", `document.querySelectorAll("[name=id]:checked").length`, "3")
	b.do(key("/"), key("j"))
	b.is("typing is typing", `document.activeElement.name + document.activeElement.value.endsWith("j")`, "qtrue")
	b.do(key(kb.Escape), key("g"))
	b.turn("p")
	b.is("g p", `location.pathname`, "/desk/parties")
}

func checkHelp(b tab) {
	b.Helper()
	b.do(key("?"))
	b.is("help", `document.querySelector("dialog.help").open + " " + document.querySelector("dialog.help").textContent.includes("Fixed")`, "true true")
	b.do(chromedp.Click(`dialog.help input`), key(kb.Escape), key("j"))
	b.is("keys are off", row, "BODY")
	b.do(key("?"), chromedp.Click(`dialog.help input`), key(kb.Escape))
}

func checkPalette(b tab) {
	b.Helper()
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(2))) // Ctrl
	b.is("palette", `document.activeElement.getAttribute("role") + document.querySelectorAll("[role=option]").length`, "combobox3")
	b.do(key("hos"))
	b.is("palette finds, as text, and only here", `[...document.querySelectorAll("[role=option] .what")].map((e) => e.textContent).join("|")`, "<b>Hospital</b> hos")
	b.turn(kb.Enter)
	b.is("palette goes", `location.pathname`, "/desk/parties/1")
}

func checkDraft(b tab, address string) {
	b.Helper()
	b.do(chromedp.SendKeys(`textarea`, "more "), chromedp.SendKeys(`[type=password]`, "hush"), chromedp.SendKeys(`[name=receipt_code]`, "hush"))
	b.is("draft is kept", `Boolean(localStorage.getItem("tocsin.draft:test")?.includes("more"))`, "true")
	b.is("secrets are not", `localStorage.getItem("tocsin.draft:test").includes("hush")`, "false")
	b.do(chromedp.Navigate(address + "/desk"))
	b.is("draft comes back", `document.querySelector("textarea").value.includes("more")`, "true")
	b.do(chromedp.Click(`.draft button`))
	b.is("draft undone", `document.querySelector("textarea").value + localStorage.getItem("tocsin.draft:test")`, "as it wasnull")
}
