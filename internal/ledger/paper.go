package ledger

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/fault"
)

// SignText signs a text other than a checkpoint with the log's keys (C2SP signed-note). fault.Invalid where the first
// line is not "origin/title": so that no such text can ever pass for a checkpoint, whose first line is the origin alone.
func SignText(text, title string, by ...note.Signer) ([]byte, error) {
	for _, s := range by {
		if !entitled(text, s.Name(), title) {
			return nil, fault.New(fault.Invalid, "a text that %s signs begins with %s%s", s.Name(), s.Name(), title)
		}
	}
	b, err := note.Sign(&note.Note{Text: text}, by...)
	if err != nil {
		return nil, fault.New(fault.Invalid, "sign a text: %v", err)
	}
	return b, nil
}

// OpenText returns the text that one of the log's keys has signed by SignText under the same title. Every byte must be as
// a signer writes it, and every signature by a key that is known: fault.Invalid otherwise.
func OpenText(msg []byte, title string, keys Keys) (string, error) {
	if len(msg) > maxNote {
		return "", fault.New(fault.TooLarge, "a signed text has at most %d bytes, not %d", maxNote, len(msg))
	}
	n, err := note.Open(msg, note.VerifierList(keys.Log...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return "", fault.New(fault.Invalid, "the text is signed by %s and by no key that is trusted here", names(unverified.Note.UnverifiedSigs))
	case err != nil:
		return "", fault.New(fault.Invalid, "the text's signature is wrong: %v", err)
	case len(n.UnverifiedSigs) > 0:
		return "", fault.New(fault.Invalid, "the text is signed by a key that is not known here: %s", names(n.UnverifiedSigs))
	case !canonical(msg, n):
		return "", fault.New(fault.Invalid, "the signed text is not in its canonical form")
	case slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return !entitled(n.Text, s.Name, title) }):
		return "", fault.New(fault.Invalid, "the text is not one of that kind, or of another log than the key that signed it")
	}
	return n.Text, nil
}

// entitled reports whether a text's first line is origin and title.
func entitled(text, origin, title string) bool {
	first, _, _ := strings.Cut(text, "\n")
	return len(title) > 1 && title[0] == '/' && first == origin+title
}
