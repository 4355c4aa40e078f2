package gate

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Saved marks an answer as a file to be saved under name and never to be shown or run, whatever is in it: RFC 6266 with
// a plain name for old browsers beside the real one. The name may come from anybody: of a path its last part counts,
// and what could end the header, hide an ending or start a folder is left out.
func Saved(h http.Header, kind, name string) {
	name = FileName(name)
	plain := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || r == '%' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	value := `attachment; filename="` + plain + `"`
	if plain != name {
		value += "; filename*=UTF-8''" + escape(name)
	}
	h.Set("Content-Disposition", value)
}

// longestName is what file systems take, with room for what a browser adds.
const longestName = 180

// FileName makes of any text a name that is safe to save a file under.
func FileName(s string) string {
	s = strings.ToValidUTF8(s, "_")
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029': // line ends, and marks that turn writing round
			return -1
		case strings.ContainsRune(`<>:"|?*;`, r):
			return '_'
		}
		return r
	}, s)
	s = strings.Trim(s, " .")
	for len(s) > longestName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	if s == "" {
		return "file"
	}
	return s
}

// escape writes the value of an extended parameter (RFC 8187).
func escape(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`|~"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(plain, s[i]) >= 0 {
			b.WriteByte(s[i])
			continue
		}
		const hex = "0123456789ABCDEF"
		b.WriteByte('%')
		b.WriteByte(hex[s[i]>>4])
		b.WriteByte(hex[s[i]&15])
	}
	return b.String()
}
