package report

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// Code is what the sender of a report keeps secret: 120 bits as 24 characters of Crockford's base32, upper case. With it,
// and with nothing else, whoever sent a report can come back to it.
type Code string

const (
	codeBytes  = 15
	codeLength = 24
	groupSize  = 4
)

// Domains of what is hashed here: nothing made for one purpose is taken for another.
const (
	codeDomain   = "tocsin report code 1\n"
	saltDomain   = "tocsin report salt 1\n"
	lookupDomain = "tocsin report lookup 1\n"
	sentDomain   = "tocsin report 1\n"
)

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// CodeOf derives the code of a form under the installation's key from the form's own key of 160 random bits and all that
// was filled in: the same form sent twice has the same code, a form that was changed before it was sent again another.
func CodeOf(key []byte, f *Form) Code {
	return Code(crockford.EncodeToString(derive(key, codeDomain, f)[:codeBytes]))
}

// SaltOf derives the salt of a form's commitment as CodeOf does the code.
func SaltOf(key []byte, f *Form) []byte { return derive(key, saltDomain, f)[:codeBytes+1] }

func derive(key []byte, domain string, f *Form) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(domain))
	for _, s := range []string{f.Key, string(f.Kind), f.What, f.Where, f.Day, f.Contact} {
		writeText(h, s)
	}
	return h.Sum(nil)
}

// ParseCode reads a code as people write it: in any case, with spaces or dashes, O for 0, I and L for 1. fault.Invalid
// where it is none.
func ParseCode(s string) (Code, error) {
	s = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\n', '\r', '\u00a0', '\u2010', '\u2011', '\u2013', '\u3000':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, strings.ToUpper(s))
	raw, err := crockford.DecodeString(s)
	if err != nil || len(raw) != codeBytes || len(s) != codeLength {
		return "", fault.New(fault.Invalid, "code: 24 letters and digits were expected")
	}
	return Code(s), nil
}

// Grouped writes the code for people: six groups of four.
func (c Code) Grouped() string { return strings.Join(c.Groups(), "-") }

// Groups returns the code in groups of four.
func (c Code) Groups() []string {
	var out []string
	for s := string(c); s != ""; {
		n := min(groupSize, len(s))
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

// Hash is all that is stored of a code: a hash under the installation's key. 120 random bits need no slow one (ASVS 5.0,
// 6.5.2).
func (c Code) Hash(key []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(lookupDomain))
	h.Write([]byte(c))
	return h.Sum(nil)
}

// Number is what a report is called by when people talk and write about it, made of the hash of its code: it opens
// nothing.
func Number(hash []byte) string {
	s := crockford.EncodeToString(hash[:10])
	return "R-" + s[:5] + "-" + s[5:10]
}

func validNumber(s string) bool {
	return len(s) == 13 && s[:2] == "R-" && s[7] == '-' && strings.Trim(s[2:7]+s[8:], "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// Commit is what the ledger and the receipt say about the text of a report: SHA-256 over a domain, the salt, and each
// part with its length before it in 8 bytes. Whoever has the receipt and the text can show that this is what was sent.
func Commit(salt []byte, kind Kind, what, where, day string) []byte {
	h := sha256.New()
	h.Write([]byte(sentDomain))
	writeText(h, string(salt))
	for _, s := range []string{string(kind), what, where, day} {
		writeText(h, s)
	}
	return h.Sum(nil)
}

func writeText(h interface{ Write([]byte) (int, error) }, s string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(s)))
	_, _ = h.Write(n[:])      // a hash never fails
	_, _ = h.Write([]byte(s)) // nor here
}

// Receipt is the text that the authority signs for whoever reported: that something arrived, when to the hour, and a
// commitment to what. It has no secret: it opens nothing.
type Receipt struct {
	Origin     string // of the ledger whose key signs
	Number     string
	Kind       Kind
	Received   time.Time // to the hour
	Salt       []byte
	Commitment []byte
}

// Title is the end of a receipt's first line: "tocsin.example/log/report-receipt". No checkpoint begins so.
const Title = "/report-receipt"

const receiptHour = "2006-01-02T15Z"

// maxReceipt bounds the bytes of a signed receipt.
const maxReceipt = 16 << 10

// Text is what is signed: a text of C2SP signed-note.
func (r Receipt) Text() string {
	enc := base64.StdEncoding.EncodeToString
	return r.Origin + Title + "\nnumber " + r.Number + "\nkind " + string(r.Kind) + "\nreceived " + r.Received.UTC().Format(receiptHour) +
		"\nsalt " + enc(r.Salt) + "\ncommitment " + enc(r.Commitment) + "\n"
}

// ParseReceipt reads a signed receipt, or its text alone, and nothing else: fault.Invalid where a byte is not as Text
// writes it. It verifies no signature.
func ParseReceipt(signed string) (Receipt, error) {
	if len(signed) > maxReceipt {
		return Receipt{}, fault.New(fault.TooLarge, "a receipt has at most %d bytes", maxReceipt)
	}
	text, _, found := strings.Cut(signed, "\n\n")
	if found {
		text += "\n"
	}
	bad := fault.New(fault.Invalid, "this is no receipt of a report")
	lines := strings.Split(text, "\n")
	if len(lines) != 7 || lines[6] != "" {
		return Receipt{}, bad
	}
	var r Receipt
	var ok [6]bool
	var hour, salt, commitment string
	r.Origin, ok[0] = strings.CutSuffix(lines[0], Title)
	r.Number, ok[1] = strings.CutPrefix(lines[1], "number ")
	kind, okKind := strings.CutPrefix(lines[2], "kind ")
	r.Kind, ok[2] = Kind(kind), okKind
	hour, ok[3] = strings.CutPrefix(lines[3], "received ")
	salt, ok[4] = strings.CutPrefix(lines[4], "salt ")
	commitment, ok[5] = strings.CutPrefix(lines[5], "commitment ")
	var errs [3]error
	r.Received, errs[0] = time.Parse(receiptHour, hour)
	r.Salt, errs[1] = base64.StdEncoding.Strict().DecodeString(salt)
	r.Commitment, errs[2] = base64.StdEncoding.Strict().DecodeString(commitment)
	switch {
	case ok != [6]bool{true, true, true, true, true, true}, errs != [3]error{},
		r.Origin == "", !validNumber(r.Number), !r.Kind.Known(), len(r.Salt) != codeBytes+1, len(r.Commitment) != sha256.Size, r.Text() != text:
		return Receipt{}, bad
	}
	return r, nil
}

// Pasted mends what copying does to a signed receipt: other line ends, spaces at the ends of lines, a missing last line
// end, empty lines around it.
func Pasted(s string) string {
	if len(s) > maxReceipt {
		return s
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r\u00a0")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n") + "\n"
}
