package staff

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the format of the list of breached passwords, not a protection
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"

	"tocsin/internal/fault"
)

// commonText holds the parts that common passwords are made of, in lower case, one a line.
//
//go:embed common.txt
var commonText string

var commonWords = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(commonText) {
		if w := strings.TrimSpace(line); w != "" && !strings.HasPrefix(w, "#") {
			set[w] = true
		}
	}
	return set
})

// plain undoes the replacements that everybody makes.
var plain = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// common reports whether a password is made of nothing but common parts, with at most eight digits and signs besides:
// "Password2026!!", "qwertyuiop123", "Welcome1Welcome1", "aaaaaaaaaaaaaaa". A list of such passwords would have to be
// far longer than the parts that they are made of.
func common(password string) bool {
	p := strings.ToLower(password)
	distinct := map[rune]bool{}
	for _, r := range p {
		distinct[r] = true
	}
	return len(distinct) <= 4 || made(p) || made(plain.Replace(p)) || made(plain.Replace(strings.TrimRightFunc(p, notLetter)))
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// maxFiller is how many digits and signs beside common parts do not make a password uncommon.
const maxFiller = 8

// made reports whether p can be cut into common parts and at most maxFiller digits and signs.
func made(p string) bool {
	words := commonWords()
	runes := []rune(p)
	none := maxFiller + 1
	least := make([]int, len(runes)+1) // fillers needed up to a place
	for i := 1; i <= len(runes); i++ {
		least[i] = none
		if !unicode.IsLetter(runes[i-1]) {
			least[i] = least[i-1] + 1
		}
		for j := max(0, i-16); j < i-1; j++ {
			if least[j] < least[i] && words[string(runes[j:i])] {
				least[i] = least[j]
			}
		}
	}
	return least[len(runes)] < none
}

// BreachedList is a file of SHA-1 hashes of breached passwords in order, each line "HASH:COUNT", as Have I Been Pwned
// hands it out. It is searched on disk.
type BreachedList struct {
	file io.ReaderAt
	size int64
}

// NewBreachedList looks at the first line of a list. fault.Invalid where it is none.
func NewBreachedList(file io.ReaderAt, size int64) (*BreachedList, error) {
	b := &BreachedList{file, size}
	line, _, err := b.line(0)
	if err != nil {
		return nil, err
	}
	if _, ok := breachedLine(line); !ok {
		return nil, fault.New(fault.Invalid, "breached-passwords: lines of 40 hexadecimal digits, a colon and a count were expected")
	}
	return b, nil
}

// breachedLine reads one line of the list.
func breachedLine(line []byte) (sum [sha1.Size]byte, ok bool) {
	line = bytes.TrimRight(line, "\r\n")
	digits, count, _ := bytes.Cut(line, []byte(":"))
	if len(digits) != 2*sha1.Size || bytes.ContainsFunc(count, func(r rune) bool { return r < '0' || r > '9' }) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], digits)
	return sum, err == nil
}

// Holds reports whether a password is on the list.
func (b *BreachedList) Holds(password string) (bool, error) {
	want := sha1.Sum([]byte(password)) //nolint:gosec // the format of the list
	low, high := int64(0), b.size      // the line is sought among those that begin in [low, high)
	for low < high {
		line, at, err := b.line((low + high) / 2)
		if err != nil {
			return false, err
		}
		if at >= high { // no line begins in the upper half
			high = (low + high) / 2
			continue
		}
		sum, ok := breachedLine(line)
		if !ok {
			return false, fault.New(fault.Invalid, "breached-passwords: the line at byte %d is not one of the list", at)
		}
		switch bytes.Compare(sum[:], want[:]) {
		case 0:
			return true, nil
		case -1:
			low = at + int64(len(line))
		default:
			high = (low + high) / 2
		}
	}
	return false, nil
}

// maxLine is more bytes than a line of the list can have.
const maxLine = 80

// line returns the first line that begins at or after a place, and where it begins; b.size where none does.
func (b *BreachedList) line(from int64) ([]byte, int64, error) {
	start := max(0, from-1)
	buffer := make([]byte, 2*maxLine)
	n, err := b.file.ReadAt(buffer, start)
	if n == 0 && err != nil && err != io.EOF {
		return nil, 0, fmt.Errorf("read the list: %w", err)
	}
	buffer = buffer[:n]
	if from > 0 {
		i := bytes.IndexByte(buffer, '\n')
		if i < 0 {
			if n > maxLine {
				return nil, 0, fault.New(fault.Invalid, "breached-passwords: a line is too long")
			}
			return nil, b.size, nil
		}
		buffer, start = buffer[i+1:], start+int64(i)+1
	}
	if i := bytes.IndexByte(buffer, '\n'); i >= 0 {
		buffer = buffer[:i+1]
	}
	if len(buffer) == 0 {
		return nil, b.size, nil
	}
	return buffer, start, nil
}
