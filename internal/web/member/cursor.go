package member

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"tocsin/internal/act/register"
	"tocsin/internal/fault"
	"tocsin/internal/web/page"
)

// cursorOf reads a place in a list of changes from the address; true on the first page.
func cursorOf(q url.Values) (register.Cursor, bool) {
	us, err := strconv.ParseInt(q.Get("at"), 10, 64)
	if err != nil || us <= 0 {
		return register.Cursor{}, true
	}
	return register.Cursor{At: time.UnixMicro(us).UTC(), ID: q.Get("id")}, false
}

func cursorQuery(c register.Cursor) url.Values {
	return url.Values{"at": {strconv.FormatInt(c.At.UnixMicro(), 10)}, "id": {c.ID}}
}

// mistakeIn returns what a form cannot have: what was typed wrongly, or what stands against it in the register.
func mistakeIn(v *page.Visit, err error) (string, bool) {
	if !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Conflict) && !errors.Is(err, fault.TooMany) {
		return "", false
	}
	return v.Refusal(err)
}
