// Package notice owns what a party is told about its findings: the library of classes with their plain explanations,
// the rules of who is told what and when, the states of a delivery, the mail itself with its attachments and its
// signed link, and the reading of bounces.
//
// Pure: it builds bytes and takes decisions. Which findings exist is the store's business, sending is package
// outside's, and the order of operations is package act/loop's.
package notice

import (
	"time"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
)

// Kind says why a notice is written.
type Kind string

// Kinds of notice.
const (
	Urgent     Kind = "urgent"     // at once, one class of findings
	Digest     Kind = "digest"     // once a day, everything that waits
	Reminder   Kind = "reminder"   // the notice named by Parent had no answer
	Escalation Kind = "escalation" // reminders had no answer: to the backup contact
)

// Notice is one message to one party about some of its findings.
type Notice struct {
	ID        ident.Notice
	Party     ident.Party
	Contact   string // party.Contact.ID that it goes to now
	Language  string // "en" or "zh"
	Kind      Kind
	Parent    ident.Notice   // the first notice of the chain; empty for the first itself
	Class     string         // of an urgent notice; empty where it covers several
	Severity  event.Severity // the worst of its findings
	Reason    string         // code of the planning rule: see Why…
	State     State
	Created   time.Time
	Next      time.Time // when it is due for its next step; zero = none
	Attempts  int       // to deliver, over all contacts
	Tries     int       // to deliver to this contact
	Rendition int       // from 1; a new contact or a new text is a new message
	MessageID string    // without angle brackets; stable for one rendition
	Subject   string
	Message   []byte // the exact bytes of the mail; nil until rendered
	Sent      time.Time
	Answered  time.Time
	Error     string      // of the newest failed attempt
	TLP       marking.TLP // as strict as the strictest of its findings
	Leased    time.Time   // until when a worker holds it; zero = free
	Hold      string      // Hold.ID that it waits in, or waited in; empty: it never had to
}

// Reasons of a plan.
const (
	WhySeverity = "severity" // at or above the threshold: told at once
	WhyDaily    = "daily"    // the daily digest
	WhyLimit    = "limit"    // the daily digest carries urgent findings that the limit of notices a day held back
	WhyRule     = "rule"     // a rule of the desk has it told at once
	WhySilence  = "silence"  // no answer to an earlier notice
)

// Delivery is one attempt to hand a notice to a mail server, or what a mail server said later.
type Delivery struct {
	Notice  ident.Notice
	Attempt int
	At      time.Time
	Contact string
	Outcome string // a Trigger: "sent", "defer", "fail", "bounce", "deliver"
	Detail  string // in the words of the mail server
}

// Sender is the authority as its mails show it.
type Sender struct {
	Name   string // "CSIRT of the Province of Example"
	NameZH string // the name in Chinese mails; Name where empty
	Mail   string // From and Reply-To
	URL    string // of a page about the authority
	Phone  string // may be empty
}

// Named returns the sender's name in language.
func (s Sender) Named(language string) string {
	if language == "zh" && s.NameZH != "" {
		return s.NameZH
	}
	return s.Name
}

// Item is one finding as a notice shows it.
type Item struct {
	ID         ident.Finding
	Identity   finding.Identity
	Class      *Class
	Severity   event.Severity
	State      finding.State
	Waiting    time.Time // when it came into its state: since when it waits to be told
	First      time.Time
	Last       time.Time
	Count      int64
	Confidence int         // of the attribution, percent
	Basis      party.Basis // of the attribution
	Matched    string
	Object     string // what of the party the contacts are for who answer for it, as party.Contact.For; empty: the party's own
	Region     string
	TLP        marking.TLP
	Pace       Pace
}

// Pace is what the desk's rules say of how a finding is told. The zero value is the installation's own way.
type Pace struct {
	UrgentFrom event.Severity // at once from here on; 0: Rules.UrgentFrom
	Calm       bool           // never at once
	Every      int            // days between two digests that may carry it: 7 is once a week; 0 and 1 are daily
	Role       party.Role     // of the contact that is tried first; empty: see Order
}

// Language returns the language for a contact of a party: the contact's, else the party's, else English.
func Language(p *party.Party, c *party.Contact) string {
	for _, l := range []string{c.Language, p.Language} {
		if l == "en" || l == "zh" {
			return l
		}
	}
	return "en"
}
