package chart

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ascii are the widths of U+0020 to U+007E in hundredths of an em, of DejaVu Sans: the widest of the fonts that the
// sheet asks for, so that a label measured here is no wider on the page.
var ascii = [...]uint8{
	32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53,
	100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50,
	50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
}

// em returns the width of r in ems.
func em(r rune) float64 {
	switch {
	case r >= 0x20 && r < 0x7f:
		return float64(ascii[r-0x20]) / 100
	case r == isolate || r == pop || unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r < 0x250:
		return 0.7
	case r == '–':
		return 0.5
	case r == '−':
		return 0.84
	case r < 0x1100:
		return 0.85 // Greek, Cyrillic, Hebrew, Arabic, scripts of India: a few letters are wider, most narrower
	case r >= 0x1f000:
		return 1.3 // pictures
	}
	return 1
}

// width returns how wide s is at a font size, in the same unit.
func width(s string, font float64) float64 {
	w := 0.0
	for _, r := range s {
		w += em(r)
	}
	return w * font
}

// First-strong isolate and its end (UAX 9): a name takes its own direction and leaves its surroundings alone.
const (
	isolate = '\u2068'
	pop     = '\u2069'
)

// tidy makes one line of s that XML can hold.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r == utf8.RuneError || unicode.IsControl(r) || r == 0xfffe || r == 0xffff || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// clip returns s tidy and no wider than most at a font size, with an ellipsis where something was left out, and "" where
// not even one letter fits. What reads from right to left is isolated.
func clip(s string, font, most float64) string {
	s = tidy(s)
	if width(s, font) > most {
		room, end := most-em('…')*font, 0
		for i, r := range s {
			if room -= em(r) * font; room < 0 {
				break
			}
			end = i + utf8.RuneLen(r)
		}
		if s = strings.TrimRightFunc(s[:end], unicode.IsSpace); s == "" {
			return ""
		}
		s += "…"
	}
	if strings.ContainsFunc(s, rightToLeft) {
		return string(isolate) + s + string(pop)
	}
	return s
}

func rightToLeft(r rune) bool {
	return r >= 0x590 && r <= 0x8ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfefc
}

// fold breaks s into at most two lines of width most; words stay whole where they can, and text without spaces breaks
// anywhere. What does not fit is clipped in the last line. ok is whether everything fits.
func fold(s string, font, most float64) (out []string, ok bool) {
	const lines = 2
	s = tidy(s)
	for s != "" && len(out) < lines-1 {
		end, space, room := 0, 0, most
		for i, r := range s {
			if room -= em(r) * font; room < 0 {
				break
			}
			end = i + utf8.RuneLen(r)
			if r == ' ' || r >= 0x2e80 {
				space = end
			}
		}
		if end == len(s) {
			break
		}
		if space == 0 {
			return []string{clip(s, font, most)}, false
		}
		out, s = append(out, clip(s[:space], font, most)), strings.TrimSpace(s[space:])
	}
	if s != "" {
		out = append(out, clip(s, font, most))
	}
	return out, width(s, font) <= most
}
