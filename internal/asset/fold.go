package asset

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold returns text as it is searched: without case, in any script (Unicode's full case folding: "ß" is "ss"), without the
// marks over Latin, Greek and Cyrillic letters, wide and narrow forms alike (NFKC). What holds Fold of a text holds the
// text for a person who types it on another keyboard. Bytes that are no UTF-8 become U+FFFD before anything else: the
// normaliser leaves letters beside them as they stand.
func Fold(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	for range 4 { // folding brings letters forth that decompose, and a mark that goes lets others meet: the second pass mostly ends it
		next := foldOnce(text)
		if next == text {
			break
		}
		text = next
	}
	return text
}

func foldOnce(text string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f {
			return -1
		}
		return r
	}, norm.NFKD.String(text))
	return norm.NFKC.String(cases.Fold().String(plain))
}
