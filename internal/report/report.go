// Package report owns what people tell the authority: the form, its closed list of kinds, the states of a report, the
// code and the signed receipt that its sender takes away, and the mail that acknowledges it.
//
// Kinds are technical harms, questions about them and complaints about the authority; nothing about opinion or persons
// can be said with them. The package is pure: it neither stores, nor signs, nor sends.
package report

import (
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

// Kind is what a report is about. The list is closed.
type Kind string

// Kinds.
const (
	Phishing      Kind = "phishing"      // a message that wants passwords or money
	ScamSite      Kind = "scam_site"     // a site that pretends to be another, or sells what does not exist
	Malware       Kind = "malware"       // a program or file that does harm
	Vulnerability Kind = "vulnerability" // a weakness in a system or product
	Incident      Kind = "incident"      // something that happened to one's own systems
	DataExposed   Kind = "data_exposed"  // data that anybody can read and should not
	Question      Kind = "question"
	Complaint     Kind = "complaint" // about what the authority did or did not do
)

// Kinds lists every kind in the order in which the form shows them.
var Kinds = []Kind{Phishing, ScamSite, Malware, Vulnerability, Incident, DataExposed, Question, Complaint}

// Known reports whether k is on the list.
func (k Kind) Known() bool { return slices.Contains(Kinds, k) }

// Limits of what a form may hold, in characters; Contact in bytes (RFC 5321, section 4.5.3.1.3).
const (
	MaxWhat    = 5000
	MaxWhere   = 1000
	MaxContact = 254
)

// Mark is how every report is marked: for the authority only.
const Mark = marking.AmberStrict

// Report is what was told, without its contact, which lies sealed beside the ledger.
type Report struct {
	ID       ident.Report
	Number   string // that its sender quotes; see Code.Number
	Kind     Kind
	State    State
	Outcome  Outcome // how it was closed; empty before
	Language string  // of the form: "en" or "zh"
	What     string
	Where    string // a URL, an address, a telephone number; may be empty
	Day      string // civil date on which it was seen, "2026-11-23"; may be empty
	Contact  bool   // a mail address lies sealed beside the ledger
	Received time.Time
	Taken    time.Time // zero before
	TakenBy  string    // person as the ledger names them
	Closed   time.Time // zero before

	Salt       []byte // of the commitment
	Commitment []byte // to what was sent
}

// Form is what somebody filled in.
type Form struct {
	Key      string // hidden in the form, made by NewFormKey: the same form sent twice is one report
	Kind     Kind
	What     string
	Where    string
	Day      string
	Contact  string
	Language string
}

// Field is a field of the form.
type Field string

// Fields.
const (
	FieldKind    Field = "kind"
	FieldWhat    Field = "what"
	FieldWhere   Field = "where"
	FieldDay     Field = "when"
	FieldContact Field = "contact"
)

// Mistake is what is wrong with one field, as a code of the message catalogue below report.mistake.
type Mistake struct {
	Field Field
	Code  string
}

// NewFormKey returns a key for one form: 160 random bits.
func NewFormKey() string { return ident.Secret() }

// Check trims the form and returns what is wrong with it in the order of the fields; none: it can be taken in. today is
// the civil date of the authority, "2026-11-23".
func (f *Form) Check(today string) []Mistake {
	f.What, f.Where = clean(f.What, true), clean(f.Where, false)
	f.Day, f.Contact = strings.TrimSpace(f.Day), strings.TrimSpace(f.Contact)
	var out []Mistake
	wrong := func(field Field, code string) { out = append(out, Mistake{field, code}) }
	if !f.Kind.Known() {
		wrong(FieldKind, "kind")
	}
	switch n := utf8.RuneCountInString(f.What); {
	case n == 0:
		wrong(FieldWhat, "what")
	case n > MaxWhat:
		wrong(FieldWhat, "what_long")
	}
	if utf8.RuneCountInString(f.Where) > MaxWhere {
		wrong(FieldWhere, "where_long")
	}
	if f.Day != "" && !civil(f.Day) {
		wrong(FieldDay, "when")
	} else if f.Day > nextDay(today) { // it may be tomorrow already where the sender is
		wrong(FieldDay, "when_future")
	}
	switch {
	case f.Contact == "":
	case !Address(f.Contact):
		wrong(FieldContact, "contact")
	case named(f.Contact, f.What, f.Where):
		wrong(FieldContact, "contact_named")
	}
	return out
}

// CheckKey is fault.Invalid where the form's key is none of ours.
func (f *Form) CheckKey() error {
	if len(f.Key) != 32 || strings.Trim(f.Key, "0123456789abcdefghjkmnpqrstvwxyz") != "" {
		return fault.New(fault.Invalid, "key: the form's own key was expected")
	}
	return nil
}

// named reports whether a report names the address itself: whoever is accused must not be written to.
func named(contact string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool {
		return strings.Contains(strings.ToLower(s), strings.ToLower(contact))
	})
}

// Address reports whether s is a plain mail address that a mail can be sent to: ASCII, with a dot in its domain.
func Address(s string) bool {
	if len(s) > MaxContact || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>[\]`, r) }) {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	return strings.Contains(strings.Trim(domain, "."), ".") && !strings.HasSuffix(domain, ".")
}

// clean makes text printable: line ends become \n, or a space where only one line is wanted; control characters and marks
// that turn the direction of writing go.
func clean(s string, lines bool) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			if lines {
				return '\n'
			}
			return ' '
		case r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s))
}

func civil(s string) bool {
	t, err := time.Parse(time.DateOnly, s)
	return err == nil && t.Year() >= 1970
}

func nextDay(today string) string {
	t, err := time.Parse(time.DateOnly, today)
	if err != nil {
		return today
	}
	return t.AddDate(0, 0, 1).Format(time.DateOnly)
}

// Hour rounds an instant down to its hour: more is never kept of when somebody reported.
func Hour(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// Due returns when the authority has promised its first look at a report: within 24 hours that are on no Saturday and no
// Sunday in its zone.
func Due(received time.Time, zone *time.Location) time.Time {
	t := received.In(zone)
	for weekend(t) {
		t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, zone)
	}
	t = t.AddDate(0, 0, 1)
	for weekend(t) {
		t = t.AddDate(0, 0, 1)
	}
	return t.UTC()
}

func weekend(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }

var defanger = strings.NewReplacer("http://", "hxxp://", "https://", "hxxps://", "HTTP://", "hxxp://", "HTTPS://", "hxxps://",
	"ftp://", "fxp://", ".", "[.]", "@", "[@]")

// Defang writes what somebody called suspicious so that nothing makes a link of it.
func Defang(s string) string { return defanger.Replace(s) }
