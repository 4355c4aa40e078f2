// Package lang owns the message catalogue: every text that pages show, in English and Chinese, with plurals, numbers,
// dates and spans of time; and what people are refused with, whose English stands where it is said (refusal.go).
//
// It knows no HTTP and no template. Texts of notices are the class library's, not this catalogue's.
package lang

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// Language is one of the languages that every page ships in.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Languages lists every language, the default first.
var Languages = []Language{English, Chinese}

//go:embed en/*.yaml zh/*.yaml
var files embed.FS

// catalogue returns the messages of all languages, read once.
var catalogue = sync.OnceValue(func() map[Language]map[string]string {
	all := map[Language]map[string]string{}
	for _, l := range Languages {
		messages, err := load(l)
		if err != nil {
			panic(fmt.Sprintf("lang: %v", err)) // embedded at build time: a broken program
		}
		all[l] = messages
	}
	return all
})

func load(l Language) (map[string]string, error) {
	messages := map[string]string{}
	entries, err := files.ReadDir(string(l))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() == refusalFile {
			continue
		}
		raw, err := files.ReadFile(string(l) + "/" + e.Name())
		if err != nil {
			return nil, err
		}
		var root yaml.Node
		if err := yaml.Unmarshal(raw, &root); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", l, e.Name(), err)
		}
		for _, n := range root.Content {
			if err := flatten(messages, "", n); err != nil {
				return nil, fmt.Errorf("%s/%s: %w", l, e.Name(), err)
			}
		}
	}
	return messages, nil
}

// flatten joins the keys of nested maps with dots.
func flatten(out map[string]string, prefix string, n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		if _, ok := out[prefix]; ok || n.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: %q is there twice or is no text", n.Line, prefix)
		}
		out[prefix] = n.Value
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if prefix != "" {
			key = prefix + "." + key
		}
		if err := flatten(out, key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// Keys returns the keys of l in order.
func Keys(l Language) []string { return slices.Sorted(maps.Keys(catalogue()[l])) }

// Has reports whether l has the message key.
func (l Language) Has(key string) bool {
	_, ok := catalogue()[l][key]
	return ok
}

// T returns the message key with {0}, {1}, … replaced by args; whole numbers are grouped. A key that is not there
// comes back in brackets, so that it is seen; a test keeps that from happening.
func (l Language) T(key string, args ...any) string {
	text, ok := catalogue()[l][key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	return l.fill(text, args)
}

// N returns the plural form of key for n: "key.one" in English where n is 1, else "key.other". {0} is n itself and
// args follow from {1}.
func (l Language) N(key string, n int64, args ...any) string {
	form := ".other"
	if n == 1 && l == English {
		form = ".one"
	}
	return l.T(key+form, append([]any{n}, args...)...)
}

// Word returns the message prefix+"."+word where there is one, else word itself: for codes of open lists.
func (l Language) Word(prefix, word string) string {
	if text, ok := catalogue()[l][prefix+"."+word]; ok {
		return text
	}
	return word
}

func (l Language) fill(text string, args []any) string {
	if len(args) == 0 || !strings.Contains(text, "{") {
		return text
	}
	var out strings.Builder
	out.Grow(len(text) + 16*len(args))
	for {
		before, rest, ok := strings.Cut(text, "{")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		place, after, closed := strings.Cut(rest, "}")
		if i, err := strconv.Atoi(place); closed && err == nil && i >= 0 && i < len(args) && strconv.Itoa(i) == place {
			out.WriteString(l.text(args[i]))
			text = after
		} else {
			out.WriteByte('{')
			text = rest
		}
	}
}

func (l Language) text(v any) string {
	switch v := v.(type) {
	case int:
		return Number(int64(v))
	case int64:
		return Number(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// Number returns n with its digits in groups of three.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Bytes returns a size in the largest binary unit that leaves at least 1.
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return Number(n) + " B"
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[i:i+1] + "iB"
}

// Stamp returns an instant in zone for tables, the same in every language: "2026-11-23 21:20".
func Stamp(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

// Date returns a civil date for running text.
func (l Language) Date(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "–"
	}
	t = t.In(zone)
	if l == Chinese {
		return t.Format("2006年1月2日")
	}
	return t.Format("2 January 2006")
}

// Ago returns how long before now t was, in the largest whole unit.
func (l Language) Ago(t, now time.Time) string {
	if t.IsZero() {
		return l.T("time.never")
	}
	if d := now.Sub(t); d >= time.Minute {
		return l.T("time.ago", l.Span(d))
	}
	return l.T("time.now")
}

// Span returns d in its largest whole unit: "3 days".
func (l Language) Span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return l.N("time.second", int64(d/time.Second))
	case d < 2*time.Hour:
		return l.N("time.minute", int64(d/time.Minute))
	case d < 48*time.Hour:
		return l.N("time.hour", int64(d/time.Hour))
	}
	return l.N("time.day", int64(d/(24*time.Hour)))
}

// Known returns the language called name, and false where it is none.
func Known(name string) (Language, bool) {
	l := Language(strings.ToLower(name))
	return l, slices.Contains(Languages, l)
}

// Accepted returns the language that an Accept-Language header (RFC 9110, section 12.5.4) prefers; English where it
// names none of ours.
func Accepted(header string) Language {
	best, quality := English, 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				continue
			}
		}
		primary, _, _ := strings.Cut(tag, "-")
		if l, ok := Known(primary); ok && q > quality {
			best, quality = l, q
		}
	}
	return best
}
