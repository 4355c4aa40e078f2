// Package api owns the HTTP interface for programs: signals are pushed in and their receipts are read back. It also
// answers whether the process lives and is ready.
//
// Errors are problem documents (RFC 9457) made from package fault. It knows no pages.
package api

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/casework"
	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/program"
	"tocsin/internal/act/record"
	"tocsin/internal/act/register"
	"tocsin/internal/act/rehearse"
	"tocsin/internal/act/rule"
	"tocsin/internal/act/staff"
	"tocsin/internal/act/triage"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/ident"
)

// Config is what the interface needs.
type Config struct {
	Loop      *loop.Loop
	Triage    *triage.Desk
	Staff     *staff.Staff // whom API tokens act for
	Record    *record.Log
	Programs  *program.Programs
	Rules     *rule.Desk
	Register  *register.Register
	Exposure  *exposure.Exposure
	Stage     *rehearse.Stage    // where samples of feeds are read
	Casework  *casework.Casework // nil: reports are not taken in
	Picture   *picture.Picture   // nil: nothing is counted
	Clock     func() time.Time   // what time it is
	MaxSignal int64              // most bytes of one signal as sent; 0 is 4 GiB
	Log       *slog.Logger       // nil: nothing is logged
	Limit     *gate.Limiter      // nil: requests are not limited
	Secure    bool               // reached over TLS
	Zone      *time.Location     // of working days; nil is UTC
	Streams   *gate.Streams      // nil: streams of events are not bounded
	LookEvery time.Duration      // how often a stream looks at the ledger; 0 is a second
}

const usualMaxSignal = 4 << 30

type api struct {
	Config
}

// New returns the handler of /api/, /healthz and /readyz.
func New(c Config) http.Handler { return (&api{c}).gated(newMux(c)) }

func newMux(c Config) *http.ServeMux {
	if c.MaxSignal == 0 {
		c.MaxSignal = usualMaxSignal
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	a := &api{c}
	mux := http.NewServeMux()
	for _, r := range a.routes() {
		mux.Handle(r.Pattern, a.front().Serve(r.Handle))
	}
	return mux
}

func nothing(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.NotFound, "there is no such address under /api/")
}

// bearer returns the token that the request carries.
func bearer(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", operation.ErrNoToken
	}
	return token, nil
}

// feed returns the feed whose bearer token the request carries.
func (a *api) feed(r *http.Request) (ident.Feed, error) {
	token, err := bearer(r)
	if err != nil {
		return "", err
	}
	feed, err := a.Loop.FeedByToken(r.Context(), token)
	if err != nil {
		return "", err
	}
	return feed, a.account(r, access.ForFeed(feed))
}

// push takes one signal in. 201 with its receipt once it is committed, 200 where the same bytes or key came before.
func (a *api) push(w http.ResponseWriter, r *http.Request) error {
	feed, err := a.feed(r)
	if err != nil {
		return err
	}
	if err := operation.Decode(r, &pushQuery{}); err != nil {
		return err
	}
	if r.ContentLength > a.MaxSignal {
		return fault.New(fault.TooLarge, "a signal has at most %d bytes", a.MaxSignal)
	}
	if r.ContentLength == 0 {
		return fault.New(fault.Invalid, "the body is empty: the bytes of one signal were expected")
	}
	got, err := a.Loop.Accept(r.Context(), a.Clock(), loop.AcceptRequest{
		Feed: feed, Name: nameOf(r), Key: r.Header.Get("Idempotency-Key"), By: access.ForFeed(feed),
		Body: http.MaxBytesReader(w, r.Body, a.MaxSignal),
	})
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if got.Known {
		status = http.StatusOK
	}
	w.Header().Set("Location", "/api/v1/signals/"+strconv.FormatInt(int64(got.Signal), 10))
	a.front().Write(w, r, "application/json", status, Receipt{
		Signal: int64(got.Signal), Feed: string(feed), SHA256: got.Hash, Bytes: got.Bytes, Known: got.Known,
	})
	return nil
}

// Receipt says that a signal is archived and committed.
type Receipt struct {
	Signal int64  `json:"signal"`
	Feed   string `json:"feed"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Known  bool   `json:"known"` // the feed had sent these bytes, or this key, before
}

// nameOf returns what the sender calls the signal: ?name=, else the file name of Content-Disposition.
func nameOf(r *http.Request) string {
	if name := r.URL.Query().Get("name"); name != "" {
		return name
	}
	_, params, found := strings.Cut(r.Header.Get("Content-Disposition"), "filename=")
	if !found {
		return ""
	}
	name, _, _ := strings.Cut(params, ";")
	name = strings.Trim(strings.TrimSpace(name), `"`)
	if decoded, err := url.PathUnescape(name); err == nil {
		name = decoded
	}
	return path.Base("/" + name)
}

// Status says how far a signal has been read.
type Status struct {
	Signal   int64      `json:"signal"`
	Feed     string     `json:"feed"`
	Name     string     `json:"name"`
	SHA256   string     `json:"sha256"`
	Bytes    int64      `json:"bytes"`
	Received time.Time  `json:"received"`
	State    string     `json:"state"` // received, folded or refused
	Error    string     `json:"error,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
	Rows     int64      `json:"rows"`
	Events   int64      `json:"events"` // at least rows - rejected - refused: a row may name several assets
	Rejected int64      `json:"rejected"`
	Refused  int64      `json:"refused"` // outside the remit: counted, not kept
	Found    int64      `json:"findings_new"`
	Seen     int64      `json:"findings_seen"`
	Reopened int64      `json:"findings_reopened"`
	Closed   int64      `json:"findings_closed"`
}

// receipt answers a feed about its own signals, and a person about those that they may read.
func (a *api) receipt(w http.ResponseWriter, r *http.Request) error {
	token, err := bearer(r)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		id = 0
	}
	unknown := fault.New(fault.NotFound, "there is no such signal")
	if staff.IsToken(token) {
		by, err := a.person(r)
		if err != nil {
			return err
		}
		s, err := a.Loop.SignalByID(r.Context(), a.Clock(), by, ident.Signal(id), loop.RejectCursor{}, 1)
		if err != nil {
			return err
		}
		marks, err := a.Programs.FeedMarks(r.Context())
		if err == nil {
			err = operation.Leave(marks[s.Signal.Feed])
		}
		if err != nil {
			return err
		}
		a.front().Write(w, r, "application/json", http.StatusOK, statusOf(&s.Signal))
		return nil
	}
	feed, err := a.feed(r)
	if err != nil {
		return err
	}
	if err := operation.Decode(r, &signalQuery{}); err != nil {
		return err
	}
	s, err := a.Loop.Signal(r.Context(), ident.Signal(id))
	switch {
	case errors.Is(err, fault.NotFound) || err == nil && s.Feed != feed:
		return unknown
	case err != nil:
		return err
	}
	a.front().Write(w, r, "application/json", http.StatusOK, statusOf(&s))
	return nil
}

func statusOf(s *loop.SignalRow) Status {
	c := s.Counts
	return Status{
		Signal: int64(s.ID), Feed: string(s.Feed), Name: s.Name, SHA256: s.Blob, Bytes: s.Bytes, Received: s.Received,
		State: s.State, Error: s.Error, Rows: c.Rows, Events: c.Events, Rejected: c.Rejected, Refused: c.Refused,
		Found: c.Found, Seen: c.Seen, Reopened: c.Reopened, Closed: c.Closed, Finished: operation.Some(s.Finished),
	}
}

// noRequest is the request of an operation that takes nothing.
var noRequest = reflect.TypeFor[none]()

type pushQuery struct {
	Name string `query:"name" max:"500" doc:"What the sender calls the signal; tells some formats what they hold."`
	Key  string `header:"Idempotency-Key" max:"500" doc:"The same key again is the same signal: a retry is safe."`
}

func (a *api) pushIs() operation.About {
	return operation.About{
		Summary: "Push one signal: its bytes as they are", Text: "Answers once the signal is archived and committed. The same bytes, or the same key, are one signal.",
		Request: reflect.TypeFor[pushQuery](), Answer: reflect.TypeFor[Receipt](), Status: []int{http.StatusCreated, http.StatusOK},
		Body: "application/octet-stream",
	}
}

func (a *api) receiptIs() operation.About {
	return operation.About{
		Summary: "How far a signal was read", Text: "A feed asks about its own signals, a person about those that they may read.",
		Request: reflect.TypeFor[signalQuery](), Answer: reflect.TypeFor[Status](), Status: []int{http.StatusOK},
	}
}

func alive(w http.ResponseWriter, _ *http.Request) error {
	return text(w, "ok\n")
}

func (a *api) ready(w http.ResponseWriter, r *http.Request) error {
	if err := a.Loop.Ready(r.Context()); err != nil {
		a.Log.WarnContext(r.Context(), "not ready", "error", err)
		if errors.Is(err, fault.Full) {
			return fault.New(fault.Unavailable, "the storage is full: signals are refused, pages are read")
		}
		return fault.New(fault.Unavailable, "the database does not answer")
	}
	return text(w, "ready\n")
}

func text(w http.ResponseWriter, s string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, s) // nobody is left to tell
	return nil
}
