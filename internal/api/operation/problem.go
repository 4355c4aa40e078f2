package operation

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/ident"
)

// Front writes what operations answer.
type Front struct {
	Log    *slog.Logger
	Secure bool // reached over TLS
}

// Serve puts the headers that every answer has around h and makes its error a problem document.
func (f Front) Serve(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(ident.New("req"), "req_")
		out := w.Header()
		out.Set("X-Request-Id", id)
		out.Set("Cache-Control", "no-store")
		out.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		out.Set("X-Content-Type-Options", "nosniff")
		out.Set("Referrer-Policy", "no-referrer")
		out.Set("Cross-Origin-Resource-Policy", "same-origin")
		if f.Secure {
			out.Set("Strict-Transport-Security", gate.StrictTransport)
		}
		if err := h(w, r); err != nil {
			f.fail(w, r, id, err)
		}
	})
}

// problem is a problem document (RFC 9457).
type problem struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Instance string       `json:"instance" doc:"The request's id, to be named when asking about it."`
	Errors   []fieldError `json:"errors,omitempty" doc:"Fields that are wrong."`
}

// fieldError is a field of the request that is wrong, by its name there.
type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func (f Front) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	status := fault.Status(err)
	var tooLarge *http.MaxBytesError
	var busy *TooMany
	var many Mistakes
	var bad *malformed
	p := problem{Type: "about:blank", Instance: "urn:tocsin:request:" + id}
	switch {
	case errors.As(err, &many):
		for _, m := range many {
			p.Errors = append(p.Errors, fieldError{m.Field, m.Text})
		}
	case errors.As(err, &bad):
		status = http.StatusBadRequest
	case errors.Is(err, errKind):
		err = fault.New(fault.Invalid, "a body of Content-Type application/json was expected")
		status = http.StatusUnsupportedMediaType
	case errors.As(err, &busy):
		w.Header().Set("Retry-After", gate.Seconds(busy.Wait))
	case fault.Later(err) > 0: // whatever it wraps, it is not the sender's
		f.Log.ErrorContext(r.Context(), "request failed", "error", err, "route", r.Pattern, "request", id)
	case errors.Is(err, gate.ErrSlow) || errors.Is(err, os.ErrDeadlineExceeded):
		err = fault.New(fault.Invalid, "the body came too slowly; nothing of it was kept, send it again under the same key")
		status = http.StatusRequestTimeout
	case errors.As(err, &tooLarge):
		err = fault.New(fault.TooLarge, "a signal has at most %d bytes; nothing of it was kept", tooLarge.Limit)
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrNoToken):
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Bearer realm="tocsin"`)
	case errors.Is(err, io.ErrUnexpectedEOF) && status == http.StatusInternalServerError:
		err = fault.New(fault.Invalid, "the body ended early; nothing of it was kept, send it again under the same key")
		status = http.StatusBadRequest
	case status >= http.StatusInternalServerError:
		f.Log.ErrorContext(r.Context(), "request failed", "error", err, "route", r.Pattern, "request", id)
	}
	if later := fault.Later(err); later > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(later))
	}
	detail, ok := fault.Message(err)
	switch {
	case ok:
	case status == http.StatusNotFound:
		detail = "there is no such thing here"
	case status < http.StatusInternalServerError:
		detail = "this cannot be done as things stand"
	default:
		detail = "internal error; whether it was kept is unknown: send it again under the same Idempotency-Key"
	}
	p.Title, p.Status, p.Detail = http.StatusText(status), status, detail
	f.Write(w, r, "application/problem+json", status, p)
}

// Write sends v as JSON of a media type.
func (f Front) Write(w http.ResponseWriter, r *http.Request, kind string, status int, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		f.Log.DebugContext(r.Context(), "answer not sent", "error", err)
	}
}

// Answer sends what an operation answers; of a list that goes on, a link to its next page too.
func (f Front) Answer(w http.ResponseWriter, r *http.Request, status int, out any) {
	fillLists(reflect.ValueOf(&out).Elem())
	if p, ok := out.(Paged); ok && p.NextCursor() != "" {
		q := r.URL.Query()
		q.Set("cursor", p.NextCursor())
		w.Header().Set("Link", "<"+r.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
	}
	f.Write(w, r, "application/json", status, out)
}

// ErrNoToken says that a request shows no key.
var ErrNoToken = fault.New(fault.Denied, "an Authorization header with a bearer token was expected")

// TooMany is the refusal of a request that came too early.
type TooMany struct {
	Wait time.Duration
	Why  string // empty: there were too many requests
}

func (t *TooMany) Error() string { return "too many requests" }

// Unwrap makes it a fault.TooMany.
func (t *TooMany) Unwrap() error {
	if t.Why != "" {
		return fault.New(fault.TooMany, "%s", t.Why)
	}
	return fault.New(fault.TooMany, "too many requests; wait for as long as Retry-After says (%s s)", gate.Seconds(t.Wait))
}
