package operation

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// A cursor is a place in a list: its kind and the keys of the last row before the page, hidden in base64 so that nobody
// builds one and its inside may change.

const cursorGap = "\x1f"

// maxCursor bounds the bytes of a cursor that somebody sends.
const maxCursor = 2000

// NewCursor makes a cursor of a kind of list.
func NewCursor(kind string, keys ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + cursorGap + strings.Join(keys, cursorGap)))
}

// CursorKeys reads a cursor of a kind with n keys; nil for the empty cursor. An invalid field where it is another list's,
// or was not made here.
func CursorKeys(kind, text string, n int) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(raw), cursorGap)
	if err != nil || len(text) > maxCursor || len(parts) != n+1 || parts[0] != kind || slices.Contains(parts, "") {
		return nil, Wrong("cursor", "this is no cursor of this list; take it from `next` of the page before")
	}
	return parts[1:], nil
}

// NumberCursor is a cursor whose one key is a positive number; 0 for the empty one.
func NumberCursor(kind, text string) (int64, error) {
	keys, err := CursorKeys(kind, text, 1)
	if err != nil || keys == nil {
		return 0, err
	}
	n, err := strconv.ParseInt(keys[0], 10, 64)
	if err != nil || n <= 0 {
		return 0, Wrong("cursor", "this is no cursor of this list; take it from `next` of the page before")
	}
	return n, nil
}

// NextNumber is a cursor whose one key is a number; the empty one for 0.
func NextNumber(kind string, n int64) string {
	if n == 0 {
		return ""
	}
	return NewCursor(kind, strconv.FormatInt(n, 10))
}
