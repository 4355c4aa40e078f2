// Package situation owns what is said about many findings at once: the funnel, the series of days, how long fixing takes,
// and which numbers may be published. Pure rules over counts: no SQL, no clock.
package situation

import (
	"net/url"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// Stage is how far the work on a finding has come.
type Stage string

// Stages of the funnel. All but Received are stages of findings: a finding counts in each stage that it has reached since
// the party that now answers for it does.
const (
	Received     Stage = "received"     // rows that sources sent
	Folded       Stage = "folded"       // findings that they made
	Attributed   Stage = "attributed"   // a party answers
	Notified     Stage = "notified"     // it was told, or showed by its answer that it knows
	Acknowledged Stage = "acknowledged" // it answered
	Fixed        Stage = "fixed"        // it says that it is fixed, or evidence does
	Verified     Stage = "verified"     // evidence shows that it is gone
)

// Stages lists the stages of the funnel in order.
var Stages = []Stage{Received, Folded, Attributed, Notified, Acknowledged, Fixed, Verified}

// Marks of Reached: bits of what has happened to a finding since its party answers for it.
const (
	Told     = 1 << iota // the party knows
	Answered             // the party answered
	Mended               // fixed by the party's word or by evidence
	Shown                // evidence shows that it is gone
)

// Reached says which marks entering a state leaves of those before (keep) and adds (set).
func Reached(s finding.State) (keep, set int64) {
	const all = Told | Answered | Mended | Shown
	switch s {
	case finding.Open: // as made, or another party answers from now on
		return 0, 0
	case finding.Notified:
		return all, Told
	case finding.Acknowledged, finding.Remediating, finding.Disputed, finding.RiskAccepted:
		return all, Told | Answered
	case finding.ClaimedFixed:
		return all, Told | Answered | Mended
	case finding.VerifiedClosed:
		return all, Mended | Shown
	case finding.Reopened: // whatever showed that it was gone was wrong
		return Told | Answered, 0
	case finding.FalsePositive, finding.Stale:
	}
	return all, 0
}

// Mark is the bit of Reached that a stage asks for; 0 where the stage is not about marks.
func (s Stage) Mark() int64 {
	switch s {
	case Notified:
		return Told
	case Acknowledged:
		return Answered
	case Fixed:
		return Mended
	case Verified:
		return Shown
	case Received, Folded, Attributed:
	}
	return 0
}

// ParseStage reads a stage of findings by its name; false for anything else, and for Received.
func ParseStage(text string) (Stage, bool) {
	for _, s := range Stages[1:] {
		if string(s) == text {
			return s, true
		}
	}
	return "", false
}

// Query is the question to the list of findings whose answer a number counts.
type Query struct {
	State    string         // "live", "all" or a state
	Severity event.Severity // at least
	Exactly  bool           // of Severity, rather than at least; Severity 0 is then one that no feed gave
	Class    string
	Party    ident.Party // "none": nobody answers
	Region   string      // "none": of no region
	Sector   string      // of the party that answers; "none": of no known sector
	Stage    Stage
	Since    finding.Day // first made on this UTC day or later; 0 = ever
	Until    finding.Day // or earlier than the end of this one; 0 = ever
	Ended    finding.Day // in the state that they are in since this UTC day or later; 0 = ever
}

// None stands in a Query for a region or sector that is not known.
const None = "none"

// String is the query of an address: "state=live&severity=high". The words are those of the list's filter.
func (q Query) String() string {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	switch {
	case q.Exactly && q.Severity == 0:
		set("exactly", None)
	case q.Exactly:
		set("exactly", q.Severity.String())
	case q.Severity > 0:
		set("severity", q.Severity.String())
	}
	if q.Since > 0 {
		set("since", q.Since.String())
	}
	if q.Until > 0 {
		set("until", q.Until.String())
	}
	if q.Ended > 0 {
		set("ended", q.Ended.String())
	}
	set("state", q.State)
	set("class", q.Class)
	set("party", string(q.Party))
	set("region", q.Region)
	set("sector", q.Sector)
	set("stage", string(q.Stage))
	return v.Encode()
}

// Link is the address of the list of findings at the desk.
func (q Query) Link() string { return "/desk/findings?" + q.String() }

// orNone is a key as a query names it.
func orNone(key string) string {
	if strings.TrimSpace(key) == "" {
		return None
	}
	return key
}
