package casework

import (
	"strings"

	"tocsin/internal/event"
)

// maxSaid bounds the characters of a mail server's words that are kept.
const maxSaid = 200

// said is what a mail server said, without the address that it refused: that lies sealed, and nowhere else.
func said(err error, address string) string {
	if err == nil {
		return ""
	}
	text := event.Clean(err.Error())
	local, domain, _ := strings.Cut(address, "@")
	for _, part := range []string{address, domain, local} {
		if len(part) > 2 {
			text = replaceFold(text, part, "…")
		}
	}
	if r := []rune(text); len(r) > maxSaid {
		text = string(r[:maxSaid]) + "…"
	}
	return text
}

// replaceFold replaces every old in s in whatever case; old is ASCII.
func replaceFold(s, old, with string) string {
	var b strings.Builder
	for s != "" {
		if len(s) >= len(old) && strings.EqualFold(s[:len(old)], old) {
			b.WriteString(with)
			s = s[len(old):]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}
