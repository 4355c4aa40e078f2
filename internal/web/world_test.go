package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/casework"
	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/program"
	"tocsin/internal/act/record"
	"tocsin/internal/act/register"
	"tocsin/internal/act/staff"
	"tocsin/internal/act/triage"
	"tocsin/internal/api"
	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/people"
	"tocsin/internal/simulate"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/internal/web"
	"tocsin/packs"
)

// today is when the pages are looked at.
var today = time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)

// operator is whoever owns the data folder.
var operator = access.ForSoftware("command")

// world is an installation with a week and more of the simulated province behind it, and its pages.
type world struct {
	set   web.Config
	t     *testing.T
	loop  *loop.Loop
	staff *staff.Staff
	work  *casework.Casework

	exposure *exposure.Exposure
	register *register.Register
	pages    http.Handler
	now      time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := emptyWorld(t)
	p := simulate.NewProvince(today, 9)
	for _, f := range []ident.Feed{"shadowserver", "ipsum", "recheck"} {
		w.must(w.loop.PutFeed(t.Context(), p.Day(0), operator, loop.FeedSettings{ID: f, Pack: string(f), Title: string(f)}))
	}
	_, err := w.loop.ImportParties(t.Context(), p.Day(0), operator, p.Parties(), p.Regions)
	w.must(err)
	for d := 1; d <= p.Days(); d++ {
		w.day(p, d)
	}
	return w
}

func emptyWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: today}
	known, err := feed.ReadPacks(packs.Feeds())
	w.must(err)
	library, err := notice.LoadLibrary(packs.Classes())
	w.must(err)
	blobs, err := archive.Open(filepath.Join(t.TempDir(), "archive"))
	w.must(err)
	t.Cleanup(func() { w.must(blobs.Close()) })
	db := testkit.SQLite(t)
	testkit.ReleaseMail(t, db)
	w.staff = staff.New(db, staff.Settings{BaseURL: "https://tocsin.example", Key: []byte("0123456789abcdef0123456789abcdef")})
	w.exposure, w.register = exposure.New(db, library), newRegister(db, loop.Mailbox{})
	w.loop = loop.New(loop.Config{
		Store: db, Archive: blobs, Packs: known, Library: library, Mailer: loop.Mailbox{},
		Settings: loop.Settings{
			Sender: notice.Sender{Name: "CSIRT Anhe", NameZH: "安河应急中心", Mail: "csirt@anhe.example"}, BaseURL: "https://tocsin.example",
			MailDomain: "anhe.example", Key: []byte("0123456789abcdef0123456789abcdef"),
		},
	})
	t.Cleanup(func() { w.must(w.loop.Close(context.WithoutCancel(t.Context()))) })
	log := record.New(db, record.Settings{Dir: t.TempDir(), Origin: "tocsin.example/log"})
	w.work = newCasework(db, log, nil)
	w.set = deskTools(web.Config{
		Library: library, Casework: w.work, Loop: w.loop, Staff: w.staff, Picture: picture.New(db), Exposure: w.exposure, Register: w.register,
		Triage: triage.New(db, w.loop, time.UTC), Record: log, Clock: func() time.Time { return w.now }, Mailbox: true,
		Programs: program.New(db, program.Settings{Key: make([]byte, 32)}), Document: api.Document(),
		Authority: web.Authority{Name: "CSIRT Anhe", NameZH: "安河应急中心", Mail: "csirt@anhe.example"},
	}, db, w.loop)
	w.pages, err = web.New(w.set)
	w.must(err)
	return w
}

// day takes in what arrives, tells the parties, and looks whether anything is gone.
func (w *world) day(p *simulate.Province, d int) {
	ctx, morning := w.t.Context(), p.Day(d).Add(6*time.Hour)
	signals, err := p.Signals(d)
	w.must(err)
	for _, s := range signals {
		_, err := w.loop.Accept(ctx, morning, loop.AcceptRequest{Feed: s.Feed, Name: s.Name, Body: bytes.NewReader(s.Body), By: operator})
		w.must(err)
	}
	for more := true; more; {
		_, more, err = w.loop.FoldNext(ctx, morning, nil)
		w.must(err)
	}
	w.must(w.loop.WriteBack(ctx))
	_, err = w.loop.Verify(ctx, morning.Add(time.Hour))
	w.must(err)
	_, err = w.loop.WatchFeeds(ctx, morning.Add(time.Hour))
	w.must(err)
	_, err = w.loop.Plan(ctx, morning.Add(3*time.Hour))
	w.must(err)
	for n := 1; n > 0; {
		n, err = w.loop.Deliver(ctx, morning.Add(3*time.Hour))
		w.must(err)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// person is a browser: it keeps cookies and speaks one language.
type person struct {
	*world
	language string
	cookies  map[string]string
}

func (w *world) visitor(language string) *person {
	return &person{world: w, language: language, cookies: map[string]string{}}
}

// link makes the first person of an organisation where it has none yet, and a link that signs them in.
func (w *world) link(of ident.Party) string {
	w.t.Helper()
	mail := "first@" + string(of) + ".example"
	who, err := w.staff.PersonByMail(w.t.Context(), mail)
	if errors.Is(err, fault.NotFound) {
		who, err = w.staff.Found(w.t.Context(), w.now, operator, people.Person{Party: of, Name: "Ada", Mail: mail, Language: "en"})
	}
	w.must(err)
	token, err := w.staff.OfferLink(w.t.Context(), w.now, operator, store.LinkOperator, who.ID, time.Hour)
	w.must(err)
	return token
}

// signedIn is a visitor who has used a sign-in link of an organisation's first person.
func (w *world) signedIn(of ident.Party, language string) *person {
	w.t.Helper()
	token := w.link(of)
	p := w.visitor(language)
	if r := p.post("/sign-in/"+token, nil); r.Code != http.StatusSeeOther {
		w.t.Fatalf("sign in: %d\n%s", r.Code, r.Body)
	}
	return p
}

func (p *person) get(path string) *httptest.ResponseRecorder {
	return p.do(http.MethodGet, path, nil, nil)
}

func (p *person) post(path string, form url.Values) *httptest.ResponseRecorder {
	return p.do(http.MethodPost, path, strings.NewReader(form.Encode()), nil)
}

func (p *person) do(method, path string, body io.Reader, header map[string]string) *httptest.ResponseRecorder {
	if path == "/desk/live" {
		path += "?once=1" // the stream goes on for as long as somebody listens
	}
	r := httptest.NewRequestWithContext(p.t.Context(), method, "https://tocsin.example"+path, body)
	r.Header.Set("Accept-Language", p.language)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	for name, value := range p.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	out := httptest.NewRecorder()
	p.pages.ServeHTTP(out, r)
	for _, c := range out.Result().Cookies() {
		if p.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(p.cookies, c.Name)
		}
	}
	return out
}

// ok gets a page that must be there.
func (p *person) ok(path string) string {
	p.t.Helper()
	r := p.get(path)
	if r.Code != http.StatusOK {
		p.t.Fatalf("GET %s: %d\n%s", path, r.Code, r.Body)
	}
	return r.Body.String()
}

// first returns what the first group of the pattern matches on a page.
func (p *person) first(path, pattern string) string {
	p.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(p.ok(path))
	if m == nil {
		p.t.Fatalf("%s has nothing like %s", path, pattern)
	}
	return m[1]
}

// look says why the person looks at raw rows or a mail.
func (p *person) look(path string) {
	p.t.Helper()
	if r := p.post(path, url.Values{"why": {"question"}}); r.Code != http.StatusSeeOther {
		p.t.Fatalf("POST %s: %d\n%s", path, r.Code, r.Body)
	}
}
