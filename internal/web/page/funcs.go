package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/lang"
	"tocsin/internal/notice"
	"tocsin/internal/web/static"
)

// funcs are the functions of templates in one language.
func funcs(l lang.Language, zone *time.Location) template.FuncMap {
	return template.FuncMap{
		"t":        l.T,
		"said":     l.Said,
		"n":        func(key string, n any, args ...any) string { return l.N(key, whole(n), args...) },
		"word":     func(prefix string, code any) string { return l.Word(prefix, fmt.Sprint(code)) },
		"num":      func(n any) string { return lang.Number(whole(n)) },
		"capped":   Capped,
		"bytes":    lang.Bytes,
		"stamp":    func(t time.Time) string { return lang.Stamp(t, zone) },
		"date":     func(t time.Time) string { return l.Date(t, zone) },
		"day":      func(t time.Time) string { return t.In(zone).Format(time.DateOnly) },
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"moment":   func(t time.Time) template.HTML { return moment(t, zone) },
		"ago":      func(t, now time.Time) string { return l.Ago(t, now) },
		"span":     l.Span,
		"asset":    static.Path,
		"inc":      func(i int) int { return i + 1 },
		"size":     func(b []byte) int64 { return int64(len(b)) },
		"actor":    actorOf,
		"language": func() string { return string(l) },
		"local":    func(t notice.Text) string { return t.In(string(l)) },
		"subject":  subject,
		"level": func(s event.Severity) string {
			if s == event.Unknown {
				return "unknown"
			}
			return s.String()
		},
	}
}

// most is the highest count that is told: acts count to one more, and no further.
const most = 10_000

// Capped is a count, which says so where it ended before all were counted.
func Capped(n any) string {
	if whole(n) > most {
		return lang.Number(most) + "+"
	}
	return lang.Number(whole(n))
}

// moment is an instant for people and for programs, a dash where there is none. The digits of both need no escaping.
func moment(t time.Time, zone *time.Location) template.HTML {
	if t.IsZero() {
		return `<span class="none">–</span>`
	}
	b := make([]byte, 0, 72)
	b = append(b, `<time datetime="`...)
	b = t.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `">`...)
	b = append(b, lang.Stamp(t, zone)...)
	b = append(b, `</time>`...)
	return template.HTML(b) //nolint:gosec // see above
}

// actor is who acted, as the ledger names it, in two parts.
type actor struct{ Kind, Name string }

func actorOf(s string) actor {
	kind, name, _ := strings.Cut(s, ":")
	return actor{kind, name}
}

// subject leaves the notice's reference at the end of a mail's subject out: lists have it elsewhere.
func subject(s string) string {
	if i := strings.LastIndex(s, " [ntc_"); i > 0 {
		return s[:i]
	}
	return s
}

// whole turns the integer types that bodies hold into one.
func whole(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case uint16:
		return int64(n)
	}
	return 0
}
