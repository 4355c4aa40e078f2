// Package page owns what every page shares: the choice of language, the session, the layout, the filling of templates,
// the headers that keep a browser strict, and the one place where an error becomes a page.
//
// It owns no page of its own but the error page; those are in packages public, member and desk.
package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/lang"
)

// Authority is who answers for this installation, as pages name it.
type Authority struct {
	Name    string
	NameZH  string // Name where empty
	Mail    string // where people write to; may be empty
	Phone   string // may be empty
	Home    string // its own web page; may be empty
	Fiction bool   // a demonstration with invented data: every page says so
}

// Named returns the name in language l.
func (a Authority) Named(l lang.Language) string {
	if l == lang.Chinese && a.NameZH != "" {
		return a.NameZH
	}
	return a.Name
}

// Visitor is who a session speaks for. The zero value is nobody.
type Visitor = staff.Visitor

// Config is what all pages need to know of the installation.
type Config struct {
	Authority Authority
	Zone      *time.Location // of times shown; nil is UTC
	Clock     func() time.Time
	Secure    bool // pages are served over TLS: cookies carry Secure and the __Host- prefix
	Mailbox   bool // the desk shows sent mail (demonstration)
	NoDesk    bool // the desk has a listener of its own, and this is not it
	Log       *slog.Logger
	Limit     *gate.Limiter // nil: requests are not limited
	Proxies   gate.Proxies  // that say whom they speak for
	// Session returns who holds an open session's token; fault.NotFound or fault.Expired where nobody does.
	Session func(ctx context.Context, now time.Time, token string) (Visitor, error)
	// Seen writes down that they were here, once they have their answer; nil: nobody does.
	Seen func(ctx context.Context, now time.Time, who Visitor) error
	// Snapshot returns a context under which what is read of the database is of one state, and what ends that; nil: each
	// question is answered as things are by then.
	Snapshot func(ctx context.Context) (context.Context, func())
}

// Spec names a page's template and the type of its body; a test checks the one against the other.
type Spec struct {
	Name string // "desk/queue"
	View any    // the zero View of the page
}

// Kit renders pages. It is safe for use by many goroutines.
type Kit struct {
	Config
	sets  map[lang.Language]map[string]*template.Template
	turns chan struct{} // one for each page that may be made at once
}

// New parses every template in every language.
func New(c Config) (*Kit, error) {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	k := &Kit{Config: c, sets: map[lang.Language]map[string]*template.Template{}, turns: make(chan struct{}, pagesAtOnce())}
	for _, l := range lang.Languages {
		set, err := readSet(l, c.Zone)
		if err != nil {
			return nil, err
		}
		k.sets[l] = set
	}
	return k, nil
}

// Template returns the template of a page; nil where there is none.
func (k *Kit) Template(l lang.Language, name string) *template.Template { return k.sets[l][name] }

// Names lists the pages that there are templates for.
func (k *Kit) Names() []string { return slices.Sorted(maps.Keys(k.sets[lang.English])) }

// Frame is what the layout shows around a page.
type Frame struct {
	Lang      lang.Language
	Title     string
	Area      string // "public", "member" or "desk"
	Tab       string // of the navigation that is open
	Self      string // path and query of this page
	Now       time.Time
	Who       Visitor
	Authority Authority
	Mailbox   bool
	Done      string // what the act before this page did; empty where there was none
	Languages []Choice
	Theme     string // of Themes; empty where the system's is followed
	Themes    []Choice
}

// Side says whose navigation stands beside the page: "desk", "member" or "public". A person's own pages stand on the side
// that they work on.
func (f Frame) Side() string {
	switch {
	case f.Area == "public":
		return "public"
	case f.Who.Desk():
		return "desk"
	case f.Who.Member():
		return "member"
	}
	return "public"
}

// Choice is one way to see this page: a language or a theme.
type Choice struct {
	Code, Name, URL string
	Current         bool
}

// View is a page: the frame and its own part.
type View[T any] struct {
	Frame
	Body T
}

// Visit is one request with what every handler needs to know of it.
type Visit struct {
	W    http.ResponseWriter
	R    *http.Request
	Kit  *Kit
	ID   string // request id
	Lang lang.Language
	Now  time.Time
	Who  Visitor

	turn  bool   // this visit holds one of the kit's turns
	ended func() // ends the state of the database that it looks at in its turn; nil: there is none
}

// T returns a message in the visitor's language.
func (v *Visit) T(key string, args ...any) string { return v.Lang.T(key, args...) }

// Refusal returns what err says to people, in the visitor's language; false where only "internal error" may be shown.
func (v *Visit) Refusal(err error) (string, bool) {
	format, args, ok := fault.Told(err)
	if !ok {
		return "", false
	}
	return v.Lang.Refusal(format, args...), true
}

// Show renders the page called name ("desk/queue") with its title and body.
func Show[T any](v *Visit, name, title string, body T) error {
	return ShowAs(v, http.StatusOK, name, title, body)
}

// ShowAs is Show with another status: a form that is shown again because of a mistake in it.
func ShowAs[T any](v *Visit, status int, name, title string, body T) error {
	t := v.Kit.Template(v.Lang, name)
	if t == nil {
		return fmt.Errorf("no template %s", name)
	}
	area, tab := path.Split(name)
	view := View[T]{Frame: v.frame(strings.TrimSuffix(area, "/"), tab, title), Body: body}
	var b bytes.Buffer
	if err := v.render(&b, t, view); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	h := v.W.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(v.Lang))
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	v.W.WriteHeader(status)
	if _, err := b.WriteTo(v.W); err != nil {
		v.Kit.Log.DebugContext(v.R.Context(), "page not sent", "error", err)
	}
	return nil
}

// render fills a template in the visit's turn, which ends with that: what follows waits for the network.
func (v *Visit) render(w io.Writer, t *template.Template, view any) error {
	v.looked()
	if err := v.take(); err != nil {
		return err
	}
	defer v.yield()
	return t.Execute(w, view)
}

func (v *Visit) frame(area, tab, title string) Frame {
	f := Frame{
		Lang: v.Lang, Title: title, Area: area, Tab: tab, Self: v.R.URL.RequestURI(), Now: v.Now, Who: v.Who,
		Authority: v.Kit.Authority, Mailbox: v.Kit.Mailbox,
	}
	if code := v.R.URL.Query().Get("done"); code != "" && v.Lang.Has("done."+code) {
		f.Done = v.Lang.T("done." + code)
	}
	for _, l := range lang.Languages {
		f.Languages = append(f.Languages, Choice{string(l), l.T("language.name"), v.with("lang", string(l)), l == v.Lang})
	}
	f.Theme = v.theme()
	for _, name := range append([]string{""}, themes...) {
		c := Choice{name, v.Lang.Word("theme", name), v.with("theme", name), name == f.Theme}
		if name == "" {
			c.Name, c.URL = v.T("layout.theme_system"), v.with("theme", system)
		}
		f.Themes = append(f.Themes, c)
	}
	return f
}

// with is the address of this page with one part of its query changed.
func (v *Visit) with(name, value string) string {
	q := v.R.URL.Query()
	q.Del("done")
	q.Set(name, value)
	// Escaped: /%2fhost decoded would be the address of another site.
	return v.R.URL.EscapedPath() + "?" + q.Encode()
}

// Redirect sends the browser to a page of ours after an act; done is the code of what to say there, empty for nothing.
func (v *Visit) Redirect(to, done string) error {
	if done != "" {
		u, err := url.Parse(to)
		if err != nil {
			return err
		}
		q := u.Query()
		q.Set("done", done)
		u.RawQuery = q.Encode()
		to = u.String()
	}
	http.Redirect(v.W, v.R, to, http.StatusSeeOther)
	return nil
}

// Problem is what the error page shows.
type Problem struct {
	Status  int
	Title   string
	Message string // what happened and what to do
	Saved   bool   // the request may have changed something: it says that nothing was saved
	Ref     string // request id
}

// fail renders err as a page. It is the only place where an error meets a browser.
func (v *Visit) fail(err error) {
	status := fault.Status(err)
	if errors.Is(err, context.Canceled) {
		return
	}
	if errors.Is(err, access.ErrFresh) && v.proveFirst() == nil {
		return
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = fault.New(fault.TooLarge, "this form is larger than the %d KiB that are taken", maxForm>>10)
		status = http.StatusRequestEntityTooLarge
	}
	message, ok := v.Refusal(err)
	switch {
	case ok:
	case status == http.StatusNotFound:
		message = v.T("error.no_page")
	default:
		message = v.T("error.internal")
	}
	if status >= http.StatusInternalServerError {
		// The route, not the path: the path of a one-time link is its secret.
		v.Kit.Log.ErrorContext(v.R.Context(), "page failed", "error", err, "route", v.R.Pattern, "request", v.ID)
	}
	if later := fault.Later(err); later > 0 {
		v.W.Header().Set("Retry-After", strconv.Itoa(later))
	}
	title := v.Lang.Word("error.status", strconv.Itoa(status))
	p := Problem{Status: status, Title: title, Message: message, Saved: v.R.Method == http.MethodPost, Ref: v.ID}
	if err := ShowAs(v, status, "public/error", title, p); err != nil {
		v.Kit.Log.ErrorContext(v.R.Context(), "error page failed", "error", err, "request", v.ID)
		http.Error(v.W, message, http.StatusInternalServerError)
	}
}

// Pages are the pages of this package.
var Pages = []Spec{{"public/error", View[Problem]{}}}

// Open reports whether the page is one of names: its tab of the navigation is marked.
func (f Frame) Open(names ...string) bool { return slices.Contains(names, f.Tab) }
