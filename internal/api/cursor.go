package api

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/strict"
)

// A cursor is a place in a list: its kind and the keys of the last row before the page, hidden in base64 so that nobody
// builds one and its inside may change.

const cursorGap = "\x1f"

// maxCursor bounds the bytes of a cursor that somebody sends.
const maxCursor = 2000

func newCursor(kind string, keys ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + cursorGap + strings.Join(keys, cursorGap)))
}

// cursorKeys reads a cursor of a kind with n keys; nil for the empty cursor. An invalid field where it is another list's,
// or was not made here.
func cursorKeys(kind, text string, n int) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(raw), cursorGap)
	if err != nil || len(text) > maxCursor || len(parts) != n+1 || parts[0] != kind || slices.Contains(parts, "") {
		return nil, wrong("cursor", "this is no cursor of this list; take it from `next` of the page before")
	}
	return parts[1:], nil
}

// numberCursor is a cursor whose one key is a positive number; 0 for the empty one.
func numberCursor(kind, text string) (int64, error) {
	keys, err := cursorKeys(kind, text, 1)
	if err != nil || keys == nil {
		return 0, err
	}
	n, err := strconv.ParseInt(keys[0], 10, 64)
	if err != nil || n <= 0 {
		return 0, wrong("cursor", "this is no cursor of this list; take it from `next` of the page before")
	}
	return n, nil
}

func nextNumber(kind string, n int64) string {
	if n == 0 {
		return ""
	}
	return newCursor(kind, strconv.FormatInt(n, 10))
}

// mistake is what is wrong with one field of a request.
type mistake struct{ field, text string }

func wrong(field, text string) error { return &mistake{field, text} }

func (m *mistake) Error() string { return m.field + ": " + m.text }

func (m *mistake) Unwrap() error { return fault.New(fault.Invalid, "%s", m.Error()) }

// oneOf checks a word against a closed list; the empty word passes.
func oneOf[T ~string](field string, is T, known []T) error {
	if is == "" || slices.Contains(known, is) {
		return nil
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	return wrong(field, strconv.Quote(string(is))+" is not known"+strict.DidYouMean(string(is), words))
}

// some is a pointer to an instant; nil for none.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
