// Package promise owns what the authority promises to others and to itself: until when it sees to what waits for it.
//
// It is one table. The queue sorts by it and the public pages print it, so that what is promised is what is worked by.
package promise

import (
	"time"

	"tocsin/internal/event"
)

// Kind is what waits for the authority.
type Kind string

// Kinds of what waits.
const (
	Orphan   Kind = "orphan"   // a finding that nobody answers for
	Dispute  Kind = "dispute"  // a party says that a finding is not its own, or wrong
	Notice   Kind = "notice"   // a notice that reached nobody, or that nobody answered
	Feed     Kind = "feed"     // a feed that went silent or changed
	Signal   Kind = "signal"   // bytes that could not be read whole
	Report   Kind = "report"   // what somebody told the authority
	Change   Kind = "change"   // what a party wants changed in the register
	Proposal Kind = "proposal" // an act that waits for a second person
)

// Kinds lists every kind in the order in which pages show them.
var Kinds = []Kind{Orphan, Dispute, Notice, Report, Change, Proposal, Feed, Signal}

// Span is how long something may wait: hours that run day and night, or working days.
type Span struct {
	Hours       int
	WorkingDays int
}

const day = 24 // hours

// Within is the promise: how long what is of a kind may wait, by its severity. What is not rated waits as what is low.
func Within(k Kind, s event.Severity) Span {
	switch k {
	case Orphan:
		return bySeverity(s, Span{Hours: 4}, Span{Hours: day}, Span{Hours: 3 * day}, Span{Hours: 10 * day})
	case Dispute:
		return Span{Hours: 5 * day}
	case Notice:
		return bySeverity(s, Span{Hours: 4}, Span{Hours: day}, Span{Hours: day}, Span{Hours: 3 * day})
	case Feed, Signal:
		return bySeverity(s, Span{Hours: 8}, Span{Hours: day}, Span{Hours: 2 * day}, Span{Hours: 5 * day})
	case Report:
		return Span{WorkingDays: 1}
	case Change:
		return Span{WorkingDays: 2}
	case Proposal:
		return Span{Hours: 3 * day}
	}
	return Span{Hours: day}
}

func bySeverity(s event.Severity, critical, high, medium, low Span) Span {
	switch s {
	case event.Critical:
		return critical
	case event.High:
		return high
	case event.Medium:
		return medium
	case event.Low, event.Info, event.Unknown:
	}
	return low
}

// Due is when the span ends that began at an instant: working days are Monday to Friday in zone and end at the same time
// of day as they began; what begins at a weekend begins on Monday.
func (p Span) Due(since time.Time, zone *time.Location) time.Time {
	due := since.Add(time.Duration(p.Hours) * time.Hour)
	if p.WorkingDays == 0 {
		return due
	}
	due = workday(due.In(zone))
	for range p.WorkingDays {
		due = workday(due.AddDate(0, 0, 1))
	}
	return due.UTC()
}

// workday moves an instant at a weekend to the same time on Monday.
func workday(t time.Time) time.Time {
	switch t.Weekday() {
	case time.Saturday:
		return t.AddDate(0, 0, 2)
	case time.Sunday:
		return t.AddDate(0, 0, 1)
	case time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday:
	}
	return t
}

// Due is until when the authority sees to something of a kind and severity that waits since an instant.
func Due(k Kind, s event.Severity, since time.Time, zone *time.Location) time.Time {
	return Within(k, s).Due(since, zone)
}
