// Package fault classifies errors by what the caller can do about them and maps each kind to one HTTP status.
//
// It owns the kinds and the message meant for people, in English and as what a translator needs; it does not log, and it
// knows nothing of HTTP but numbers.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of failure. Test for them with errors.Is.
var (
	NotFound    = errors.New("not found")
	Exists      = errors.New("exists already")
	Invalid     = errors.New("invalid")
	Denied      = errors.New("denied")
	Conflict    = errors.New("conflict")
	TooLarge    = errors.New("too large")
	Expired     = errors.New("expired")
	Unavailable = errors.New("unavailable")
	Full        = errors.New("storage is full")
	Refused     = errors.New("outside the remit")
	TooMany     = errors.New("too many requests")
	NoMethod    = errors.New("no such method here")
)

var statuses = []struct {
	kind   error
	status int
}{
	{NotFound, 404},
	{Exists, 409},
	{Invalid, 422},
	{Denied, 403},
	{Conflict, 409},
	{TooLarge, 413},
	{Expired, 410},
	{Full, 507}, // RFC 4918, 11.5
	{Unavailable, 503},
	{Refused, 422},
	{TooMany, 429},
	{NoMethod, 405},
}

// explained is an error whose text may be shown to the person who caused it.
type explained struct {
	kind   error
	text   string // in English: what logs, programs and the command see
	format string
	args   []any
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.kind }

// Told returns what the text was made of. A catalogue knows the format, and finds by this method the faults among args.
func (e *explained) Told() (format string, args []any) { return e.format, e.args }

// New makes an error of kind whose message is meant for people: it names the field and what was expected. The format
// is the key of its translations, so it is written out where New is called; an error among args is translated in turn.
func New(kind error, format string, args ...any) error {
	return &explained{kind: kind, text: fmt.Sprintf(format, args...), format: format, args: args}
}

// Lines makes one error of several: each has a line of its message.
func Lines(kind error, errs ...error) error {
	args := make([]any, len(errs))
	for i, err := range errs {
		args[i] = err
	}
	return New(kind, strings.TrimSuffix(strings.Repeat("%v\n", len(errs)), "\n"), args...)
}

// Message returns the text meant for people, and false where err carries none and only "internal error" may be shown.
func Message(err error) (string, bool) {
	if e, ok := errors.AsType[*explained](err); ok {
		return e.text, true
	}
	return "", false
}

// Told returns the format and the arguments of what Message returns, for a translator.
func Told(err error) (format string, args []any, ok bool) {
	if e, ok := errors.AsType[*explained](err); ok {
		return e.format, e.args, true
	}
	return "", nil, false
}

// Later returns after how long what failed may be tried again, in seconds: what fills up or does not answer is mended by
// others. 0 where trying again does not help.
func Later(err error) int {
	switch {
	case errors.Is(err, Full):
		return 60
	case errors.Is(err, Unavailable):
		return 10
	}
	return 0
}

// Status returns the HTTP status of err: 200 for nil, 500 for an error of no kind.
func Status(err error) int {
	if err == nil {
		return 200
	}
	for _, s := range statuses {
		if errors.Is(err, s.kind) {
			return s.status
		}
	}
	return 500
}
