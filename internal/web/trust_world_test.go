package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/program"
	"tocsin/internal/act/record"
	"tocsin/internal/act/staff"
	"tocsin/internal/act/triage"
	"tocsin/internal/api"
	"tocsin/internal/archive"
	"tocsin/internal/asset"
	"tocsin/internal/feed"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/internal/web"
	"tocsin/packs"
)

// The two parties of the trust tests. What is theirs carries their names in it; see canary.
const (
	alpha ident.Party = "alpha"
	beta  ident.Party = "beta"
)

// tlps are the markings of the world's feeds; a feed is named after its own.
var tlps = []string{"clear", "green", "amber", "amber-strict", "red"}

// trustWorld is a small installation in which every text that can carry data is a string of its own, with one visitor
// for every role.
type trustWorld struct {
	*world
	db     *store.Store
	sql    *sql.DB // the same database, to look into
	record *record.Log
	log    *bytes.Buffer
	post   *postbag
	roles  map[string]*caller
	tokens map[ident.Feed]string
	used   map[string]int // how many of each kind of thing cases took
	secret string         // of an authenticator app
	server http.Handler   // pages and API, as the program joins them
}

// postbag keeps every mail that went out.
type postbag struct {
	mu    sync.Mutex
	mails []loop.Envelope
}

func (p *postbag) Send(_ context.Context, e loop.Envelope) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, e)
	return nil
}

// Confirms says that whatever was taken has arrived.
func (p *postbag) Confirms() bool { return true }

// caller is one principal: a session, a token, or neither.
type caller struct {
	name   string
	cookie string // session token
	bearer string
	w      *trustWorld
}

var trustKey = []byte("0123456789abcdef0123456789abcdef")

// newTrust makes the world; plain is how many findings of each party there are beside the canaries.
func newTrust(t *testing.T, plain int) *trustWorld {
	t.Helper()
	w := &trustWorld{
		world: &world{t: t, now: today}, log: &bytes.Buffer{}, post: &postbag{}, roles: map[string]*caller{},
		tokens: map[ident.Feed]string{}, used: map[string]int{},
	}
	w.open()
	ctx := t.Context()
	for _, tlp := range tlps {
		w.tokens[ident.Feed(tlp)] = loop.NewFeedToken()
		mark := tlp
		if tlp == "red" {
			mark = "amber-strict" // a feed is never RED, only single findings are: see fold
		}
		w.must(w.loop.PutFeed(ctx, today, operator, loop.FeedSettings{
			ID: ident.Feed(tlp), Pack: "intelmq", Title: canary("none", tlp, "title"), Token: w.tokens[ident.Feed(tlp)], TLP: mark,
		}))
	}
	_, err := w.loop.ImportParties(ctx, today, operator, []party.Party{trustParty(alpha, "192.0.2.0/24"), trustParty(beta, "198.51.100.0/24")}, nil)
	w.must(err)
	w.staffUp()
	for _, tlp := range tlps {
		w.accept(ident.Feed(tlp), canary("none", tlp, "file")+".json", canaries(tlp))
		w.settle() // each marking in notices of its own: a notice is as strict as the strictest of its findings
	}
	w.accept("green", "plain.json", plainEvents(plain))
	w.settle()
	w.queue()
	w.must(w.record.Complete(ctx, w.now))
	return w
}

func (w *trustWorld) open() {
	t := w.t
	path := filepath.Join(t.TempDir(), "tocsin.db")
	var err error
	w.db, err = store.Open(t.Context(), path)
	w.must(err)
	t.Cleanup(func() { w.must(w.db.Close()) })
	w.sql, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(60000)")
	w.must(err)
	t.Cleanup(func() { w.must(w.sql.Close()) })
	known, err := feed.ReadPacks(packs.Feeds())
	w.must(err)
	library, err := notice.LoadLibrary(packs.Classes())
	w.must(err)
	testkit.ReleaseMail(t, w.db)
	blobs, err := archive.Open(filepath.Join(t.TempDir(), "archive"))
	w.must(err)
	t.Cleanup(func() { w.must(blobs.Close()) })
	w.staff = staff.New(w.db, staff.Settings{BaseURL: "https://tocsin.example", Key: trustKey})
	w.record = record.New(w.db, record.Settings{Dir: t.TempDir(), Origin: "tocsin.example/log"})
	w.work = newCasework(w.db, w.record, w.post)
	w.exposure, w.register = exposure.New(w.db, library), newRegister(w.db, w.post)
	w.loop = loop.New(loop.Config{
		Store: w.db, Archive: blobs, Packs: known, Library: library, Mailer: w.post,
		Settings: loop.Settings{
			Sender: notice.Sender{Name: "CSIRT Anhe", Mail: "csirt@anhe.example"}, BaseURL: "https://tocsin.example",
			MailDomain: "anhe.example", Key: trustKey, NoticesADay: 100,
		},
	})
	t.Cleanup(func() { w.must(w.loop.Close(context.WithoutCancel(t.Context()))) })
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	clock := func() time.Time { return w.now }
	w.pages, err = web.New(w.config(clock, log))
	w.must(err)
	tools := w.config(clock, log)
	calls := api.New(api.Config{
		Loop: w.loop, Triage: triage.New(w.db, w.loop, time.UTC), Staff: w.staff, Record: w.record, Programs: w.programs(), Casework: w.work, Picture: picture.New(w.db),
		Rules: tools.Ruling, Register: w.register, Exposure: w.exposure, Stage: tools.Stage, Clock: clock, Log: log,
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", calls)
	mux.Handle("/healthz", calls)
	mux.Handle("/readyz", calls)
	mux.Handle("/", w.pages)
	w.server = mux
}

func (w *trustWorld) programs() *program.Programs {
	return program.New(w.db, program.Settings{Key: trustKey})
}

func (w *trustWorld) config(clock func() time.Time, log *slog.Logger) web.Config {
	return deskTools(web.Config{
		Loop: w.loop, Staff: w.staff, Casework: w.work, Record: w.record, Picture: picture.New(w.db), Exposure: w.exposure, Register: w.register, Triage: triage.New(w.db, w.loop, time.UTC), Clock: clock, Mailbox: true, Log: log,
		Authority: web.Authority{Name: "CSIRT Anhe", NameZH: "安河应急中心", Mail: "csirt@anhe.example"},
		Programs:  w.programs(), Document: api.Document(),
	}, w.db, w.loop)
}

// trustParty is a party whose every text names it.
func trustParty(id ident.Party, prefix string) party.Party {
	p := string(id)
	return party.Party{
		ID: id, Name: canary(p, "own", "party"), Kind: "institution", Language: "en", Rank: 100,
		Contacts:  []party.Contact{{ID: "c-" + p, Role: party.Security, Name: canary(p, "own", "contact"), Mail: canary(p, "own", "contactmail") + "@mail.example"}},
		Resources: []party.Resource{{ID: "r-" + p, Kind: party.Prefix, Value: prefix, Source: "manual"}, {ID: "d-" + p, Kind: party.Domain, Value: p + ".example", Source: "manual"}},
		Systems:   []party.System{{ID: "s-" + p, Name: canary(p, "own", "system"), Asset: asset.Asset{Kind: asset.Domain, Value: "sys." + p + ".example"}}},
	}
}

// canary is a string that stands in one place of the world only. The letters z and q keep it apart from all words.
func canary(of, tlp, what string) string {
	return "zq" + of + "-" + strings.ReplaceAll(tlp, "-", "") + "-" + what
}

// canaries are the events of one feed: for each party one at an address, one at a name, one at a URL, and a row that
// becomes no event.
func canaries(tlp string) string {
	var b strings.Builder
	for _, p := range []string{string(alpha), string(beta)} {
		c := func(what string) string { return canary(p, tlp, what) }
		net := map[string]string{"alpha": "192.0.2.", "beta": "198.51.100."}[p]
		last := map[string]int{"clear": 201, "green": 202, "amber": 203, "amber-strict": 204, "red": 205}[tlp]
		fmt.Fprintf(&b, `{"classification.type":"infected-system","classification.identifier":%q,"malware.name":%q,"source.ip":"%s%d",`+
			`"source.port":7,"event_description.text":%q,"extra.note":%q,"severity":"high","time.source":"2026-11-23T08:00:00+00:00"}`+"\n",
			c("ident"), c("malware"), net, last, c("text"), c("extra"))
		fmt.Fprintf(&b, `{"classification.type":"vulnerable-system","classification.identifier":"open-x","source.fqdn":"%s.%s.example","severity":"high",`+
			`"time.source":"2026-11-23T08:00:00+00:00"}`+"\n", c("domain"), p)
		fmt.Fprintf(&b, `{"classification.type":"phishing","source.url":"https://www.%s.example/%s","severity":"high","time.source":"2026-11-23T08:00:00+00:00"}`+"\n",
			p, c("path"))
		fmt.Fprintf(&b, `{"source.ip":"no address","extra.note":%q}`+"\n", c("aside"))
	}
	return b.String()
}

// plainEvents are n events of each party without a canary, for cases that use a finding up.
func plainEvents(n int) string {
	var b strings.Builder
	for i := range n {
		for _, net := range []string{"192.0.2.", "198.51.100."} {
			fmt.Fprintf(&b, `{"classification.type":"vulnerable-system","classification.identifier":"open-plain","source.ip":"%s%d","source.port":%d,`+
				`"severity":"high","time.source":"2026-11-23T08:00:00+00:00"}`+"\n", net, i%200, 1000+i)
		}
	}
	return b.String()
}

func (w *trustWorld) accept(f ident.Feed, name, body string) ident.Signal {
	w.t.Helper()
	r, err := w.loop.Accept(w.t.Context(), w.now, loop.AcceptRequest{Feed: f, Name: name, Body: strings.NewReader(body), By: operator})
	w.must(err)
	return r.Signal
}

// fold folds what waits, and marks what the red feed brought RED, as the desk would one by one.
func (w *trustWorld) fold() {
	w.t.Helper()
	ctx := w.t.Context()
	for more := true; more; {
		var err error
		_, more, err = w.loop.FoldNext(ctx, w.now, nil)
		w.must(err)
	}
	w.must(w.loop.WriteBack(ctx))
	_, err := w.sql.ExecContext(ctx, `update finding set tlp = 4 where malware like 'zq%-red-%' or asset like '%zq%-red-%'`)
	w.must(err)
	w.must(w.db.RebuildTally(ctx))
}

// settle folds what waits and tells the parties.
func (w *trustWorld) settle() {
	w.t.Helper()
	ctx := w.t.Context()
	w.fold()
	_, err := w.loop.Plan(ctx, w.now)
	w.must(err)
	for n := 1; n > 0; {
		n, err = w.loop.Deliver(ctx, w.now)
		w.must(err)
	}
}

func (c *caller) get(path string) *httptest.ResponseRecorder { return c.call("GET", path, nil) }

// call sends one request as a browser or program of the caller would. A form of nil sends no body.
func (c *caller) call(method, path string, form url.Values) *httptest.ResponseRecorder {
	var body io.Reader
	if raw, ok := form[rawBody]; ok {
		body = strings.NewReader(raw[0])
	} else if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(c.w.t.Context(), method, "https://tocsin.example"+path, body)
	r.Header.Set("Accept-Language", "en")
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if strings.HasPrefix(form.Get(rawBody), "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	if c.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "tocsin", Value: c.cookie})
	}
	out := httptest.NewRecorder()
	c.w.server.ServeHTTP(out, r)
	return out
}

// rawBody names the form's value that is sent as the whole body: what programs send is no form.
const rawBody = "\x00body"

// hash is how the store keeps tokens.
func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
