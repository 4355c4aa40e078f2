package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/fault"
)

// maxNote bounds the bytes of a signed checkpoint: text and up to some dozens of signatures.
const maxNote = 64 << 10

// Checkpoint is what a log's signature says: this many entries have this root (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string // of the log: its name, which the keys' names repeat
	Size   int64
	Root   Hash
}

// Signed is a checkpoint that OpenCheckpoint has found to be signed.
type Signed struct {
	Checkpoint
	Keys     []string      // name+hash of the log's keys that signed, in the order of the signatures
	Cosigned []Cosignature // of witnesses
	Unknown  []string      // name+hash of further signatures that nothing is known of; only where Keys.Lenient
}

// Text returns the three lines that are signed.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// ParseCheckpoint reads what Text wrote, and nothing else: extension lines, leading zeros and lenient base64 are
// fault.Invalid, so that no bit of it can change unnoticed.
func ParseCheckpoint(text string) (Checkpoint, error) {
	bad := func(why string) (Checkpoint, error) {
		return Checkpoint{}, fault.New(fault.Invalid, "this is no checkpoint of a ledger: %s", why)
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return bad("three lines were expected")
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 {
		return bad("the second line is no number of entries")
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return bad("the third line is no hash")
	}
	if c.Origin == "" || c.Text() != text {
		return bad("it is not in its canonical form")
	}
	return c, nil
}

// Sign returns the checkpoint as a note with the signers' signatures.
func (c Checkpoint) Sign(by ...note.Signer) ([]byte, error) {
	if _, err := ParseCheckpoint(c.Text()); err != nil {
		return nil, err
	}
	b, err := note.Sign(&note.Note{Text: c.Text()}, by...)
	if err != nil {
		return nil, fault.New(fault.Invalid, "sign a checkpoint: %v", err)
	}
	return b, nil
}

// OpenCheckpoint reads a signed checkpoint. At least one of the log's keys must have signed it, and every byte must be as
// a signer writes it; fault.Invalid otherwise. A signature by a key that is in neither list is fault.Invalid too unless
// keys are Lenient: where all keys are known, a flipped bit would else turn a signature into a stranger's.
func OpenCheckpoint(msg []byte, keys Keys) (Signed, error) {
	if len(msg) > maxNote {
		return Signed{}, fault.New(fault.TooLarge, "a checkpoint has at most %d bytes, not %d", maxNote, len(msg))
	}
	n, err := note.Open(msg, note.VerifierList(slices.Concat(keys.Log, keys.Witnesses)...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return Signed{}, fault.New(fault.Invalid, "the checkpoint is signed by %s and by no key that is trusted here", names(unverified.Note.UnverifiedSigs))
	case err != nil:
		return Signed{}, fault.New(fault.Invalid, "the checkpoint's signature is wrong: %v", err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Signed{}, err
	}
	s := Signed{Checkpoint: c}
	for _, sig := range n.Sigs {
		if v := find(keys.Log, sig); v != nil {
			s.Keys = append(s.Keys, keyID(sig.Name, sig.Hash))
			continue
		}
		at, err := cosignedAt(sig)
		if err != nil {
			return Signed{}, err
		}
		s.Cosigned = append(s.Cosigned, Cosignature{Name: sig.Name, Key: keyID(sig.Name, sig.Hash), At: at})
	}
	for _, sig := range n.UnverifiedSigs {
		s.Unknown = append(s.Unknown, keyID(sig.Name, sig.Hash))
	}
	switch {
	case len(s.Keys) == 0:
		return Signed{}, fault.New(fault.Invalid, "the checkpoint is signed by witnesses only, by no key of the log that is trusted here")
	case slices.ContainsFunc(n.Sigs, func(sig note.Signature) bool {
		return find(keys.Log, sig) != nil && sig.Name != c.Origin
	}):
		return Signed{}, fault.New(fault.Invalid, "the checkpoint is of %q and signed by a key of another log", c.Origin)
	case !keys.Lenient && len(s.Unknown) > 0:
		return Signed{}, fault.New(fault.Invalid, "the checkpoint is signed by a key that is not known here: %s", strings.Join(s.Unknown, ", "))
	case !canonical(msg, n):
		return Signed{}, fault.New(fault.Invalid, "the checkpoint is not in its canonical form")
	}
	return s, nil
}

// canonical reports whether msg is what a signer would write of n. note.Open forgives lenient base64 and the same
// signature twice. Signatures by unknown keys may stand between the others.
func canonical(msg []byte, n *note.Note) bool {
	rest, ok := strings.CutPrefix(string(msg), n.Text+"\n")
	known, unknown := n.Sigs, n.UnverifiedSigs
	for ok && rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		switch {
		case len(known) > 0 && line == signatureLine(known[0]):
			known = known[1:]
		case len(unknown) > 0 && line == signatureLine(unknown[0]):
			unknown = unknown[1:]
		default:
			return false
		}
	}
	return ok && len(known) == 0 && len(unknown) == 0
}

// signatureLine writes a signature anew: base64 that decodes leniently comes out different.
func signatureLine(sig note.Signature) string {
	raw, err := base64.StdEncoding.DecodeString(sig.Base64)
	if err != nil {
		return ""
	}
	return "— " + sig.Name + " " + base64.StdEncoding.EncodeToString(raw)
}

func names(sigs []note.Signature) string {
	var out []string
	for _, s := range sigs {
		out = append(out, keyID(s.Name, s.Hash))
	}
	return strings.Join(out, ", ")
}

// Cosignature says that a witness saw a checkpoint at an instant, and that it was consistent with all that the witness
// had seen of the log before (C2SP tlog-cosignature).
type Cosignature struct {
	Name string
	Key  string // name+hash
	At   time.Time
}

// cosignedAt reads the instant of a verified cosignature/v1: after the key's hash come 8 bytes of seconds since 1970.
func cosignedAt(sig note.Signature) (time.Time, error) {
	raw, err := base64.StdEncoding.DecodeString(sig.Base64)
	if err != nil || len(raw) != 4+8+64 {
		return time.Time{}, fault.New(fault.Invalid, "the cosignature of %s is malformed", sig.Name)
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC(), nil
}

// AddCosignatures adds signature lines of witnesses to a signed checkpoint. Lines of keys that are not among the
// witnesses are left out; fault.Invalid where a line does not verify.
func AddCosignatures(msg, lines []byte, keys Keys) ([]byte, error) {
	if _, err := OpenCheckpoint(msg, keys); err != nil {
		return nil, err
	}
	keys.Lenient = true
	out := string(msg)
	for line := range strings.Lines(string(lines)) {
		if !strings.HasSuffix(line, "\n") {
			return nil, fault.New(fault.Invalid, "the last cosignature is cut off")
		}
		if strings.Contains(out, "\n"+line) {
			continue
		}
		s, err := OpenCheckpoint([]byte(out+line), keys)
		if err != nil {
			return nil, err
		}
		if len(s.Unknown) == 0 {
			out += line
		}
	}
	return []byte(out), nil
}
