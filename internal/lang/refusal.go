package lang

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// refusalFile holds, in the folder of every language but English, what a form or an act is refused with. Its keys are
// the English formats themselves.
const refusalFile = "refusals.yaml"

// refusals returns the refusals of all languages, read once.
var refusals = sync.OnceValue(func() map[Language]*book {
	all := map[Language]*book{English: {}}
	for _, l := range Languages[1:] {
		raw, err := files.ReadFile(string(l) + "/" + refusalFile)
		if err != nil {
			panic(fmt.Sprintf("lang: %v", err)) // embedded at build time: a broken program
		}
		texts := map[string]string{}
		if err := yaml.Unmarshal(raw, &texts); err != nil {
			panic(fmt.Sprintf("lang: %s/%s: %v", l, refusalFile, err))
		}
		all[l] = newBook(texts)
	}
	return all
})

// book is the refusals of one language.
type book struct {
	texts    map[string]string
	patterns []pattern // the formats as patterns of finished texts, the most telling first
}

func newBook(texts map[string]string) *book {
	b := &book{texts: texts}
	for format := range texts {
		if p := patternOf(format); p.weight > 0 {
			b.patterns = append(b.patterns, p)
		}
	}
	slices.SortFunc(b.patterns, func(p, q pattern) int {
		if p.weight != q.weight {
			return q.weight - p.weight
		}
		return strings.Compare(p.format, q.format)
	})
	return b
}

// told is an error, or part of one, that knows what its English text was made of: a fault.
type told interface{ Told() (string, []any) }

// toldError is a fault inside of an error.
type toldError interface {
	error
	told
}

// Refusal returns in l what fmt.Sprintf(format, args...) says in English. Faults among args are translated in turn. A
// format that the catalogue does not know stays English.
func (l Language) Refusal(format string, args ...any) string {
	text, known := refusals()[l].texts[format]
	switch {
	case l == English, !known && worded(format):
		return fmt.Sprintf(format, args...)
	case !known: // nothing but arguments
		said := slices.Clone(args)
		for i, a := range args {
			if is, ok := l.inner(a); ok {
				said[i] = is
			}
		}
		return fmt.Sprintf(format, said...)
	}
	verbs := verb.FindAllString(strings.ReplaceAll(format, "%%", ""), -1)
	return l.refill(text, len(args), func(i int, words string) string {
		if is, ok := l.inner(args[i]); ok {
			return is
		}
		said := fmt.Sprintf(verbs[i], args[i])
		if strings.HasSuffix(verbs[i], "q") {
			if plain, err := strconv.Unquote(said); err == nil {
				said = printable(plain)
			}
			return l.called(said, words)
		}
		return l.called(l.Said(said), words)
	})
}

// inner translates what knows its own format; of an error around such a one, the part that it says.
func (l Language) inner(v any) (string, bool) {
	if err, ok := v.(error); ok {
		t, ok := errors.AsType[toldError](err)
		if !ok {
			return l.Said(err.Error()), true
		}
		format, args := t.Told()
		return strings.Replace(err.Error(), t.Error(), l.Refusal(format, args...), 1), true
	}
	if t, ok := v.(told); ok {
		format, args := t.Told()
		return l.Refusal(format, args...), true
	}
	return "", false
}

// Said returns in l a text that was finished and stored in English, where the catalogue has the format that made it;
// text itself where it has none.
func (l Language) Said(text string) string { return l.said(text, 4) }

// said goes at most depth texts inside each other.
func (l Language) said(text string, depth int) string {
	b := refusals()[l]
	if l == English || depth == 0 || text == "" {
		return text
	}
	if is, ok := b.texts[text]; ok {
		return is
	}
	for i := range b.patterns {
		p := &b.patterns[i]
		parts, ok := p.match(text)
		if !ok {
			continue
		}
		return l.refill(b.texts[p.format], len(parts), func(i int, words string) string {
			if p.verbs[i] != 'q' {
				return l.called(l.said(parts[i], depth-1), words)
			}
			return l.called(printable(parts[i]), words)
		})
	}
	if lines := strings.Split(text, "\n"); len(lines) > 1 {
		for i := range lines {
			lines[i] = l.said(lines[i], depth-1)
		}
		return strings.Join(lines, "\n")
	}
	if value, rest, ok := cutQuoted(text); ok && strings.HasPrefix(rest, " ") { // "value" is not what was expected
		if is := l.said(rest[1:], depth-1); is != rest[1:] {
			return "“" + printable(value) + "”" + is
		}
	}
	// "column: what is wrong with it", of something that the catalogue cannot know the name of
	if name, rest, ok := strings.Cut(text, ": "); ok && !strings.ContainsFunc(name, unicode.IsSpace) {
		if is := l.said(rest, depth-1); is != rest {
			return l.called(name, "field") + "：" + is
		}
	}
	return text
}

var (
	verb  = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)
	place = regexp.MustCompile(`\{(\d)(?::([a-z_.]+))?\}`)
)

// worded reports whether a format says something of its own.
func worded(format string) bool {
	return strings.TrimSpace(verb.ReplaceAllString(format, "")) != ""
}

// refill replaces {0}, {1:words}, … by what arg gives of the n that there are.
func (l Language) refill(text string, n int, arg func(i int, words string) string) string {
	return place.ReplaceAllStringFunc(text, func(at string) string {
		m := place.FindStringSubmatch(at)
		if i := int(m[1][0] - '0'); i < n {
			return arg(i, m[2])
		}
		return at
	})
}

// called gives a word of a closed list, or several in brackets as Go prints them, the name that pages give them; words
// is the prefix of their names in the catalogue. "span" stands for a length of time.
func (l Language) called(s, words string) string {
	switch {
	case words == "":
		return s
	case words == "span":
		if d, err := time.ParseDuration(s); err == nil {
			return l.Span(d)
		}
		return s
	case strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]"):
		all := strings.Fields(s[1 : len(s)-1])
		for i := range all {
			all[i] = l.Word(words, all[i])
		}
		return strings.Join(all, "、")
	}
	if at := strings.LastIndex(s, "]."); at >= 0 { // "contacts[0].mail" is the form's "mail"
		s = s[at+2:]
	}
	return l.Word(words, s)
}

// printable leaves out what no font shows.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// pattern is a format as what its finished texts look like.
type pattern struct {
	format string
	pieces []string // before, between and behind the verbs: one more than there are verbs
	verbs  []byte   // their letters
	weight int      // bytes of the pieces; 0 where the format has no verb, or would fit anything
}

func patternOf(format string) pattern {
	p := pattern{format: format}
	letters, rest := false, format
	for {
		at := verb.FindStringIndex(rest)
		piece := rest
		if at != nil {
			piece = rest[:at[0]]
		}
		piece = strings.ReplaceAll(piece, "%%", "%")
		p.pieces = append(p.pieces, piece)
		p.weight += len(piece)
		letters = letters || strings.ContainsFunc(piece, unicode.IsLetter)
		if at == nil {
			break
		}
		p.verbs = append(p.verbs, rest[at[1]-1])
		rest = rest[at[1]:]
	}
	if len(p.verbs) == 0 || !letters {
		p.weight = 0
	}
	return p
}

// match returns what stood for the verbs in a finished text.
func (p *pattern) match(text string) ([]string, bool) {
	rest, ok := strings.CutPrefix(text, p.pieces[0])
	if !ok {
		return nil, false
	}
	parts := make([]string, len(p.verbs))
	for i, v := range p.verbs {
		next, last := p.pieces[i+1], i == len(p.verbs)-1
		var part string
		switch at := strings.Index(rest, next); {
		case v == 'q':
			if part, rest, ok = cutQuoted(rest); ok {
				rest, ok = strings.CutPrefix(rest, next)
			}
			if !ok {
				return nil, false
			}
		case last && !strings.HasSuffix(rest, next), at < 0:
			return nil, false
		case last:
			part, rest = strings.TrimSuffix(rest, next), ""
		default:
			part, rest = rest[:at], rest[at+len(next):]
		}
		if v == 'd' && strings.Trim(part, "-0123456789") != "" {
			return nil, false
		}
		parts[i] = part
	}
	return parts, rest == ""
}

// cutQuoted cuts a value in quotes off the beginning of s, as %q writes it.
func cutQuoted(s string) (value, rest string, ok bool) {
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, false
	}
	value, err = strconv.Unquote(quoted)
	return value, s[len(quoted):], err == nil
}
