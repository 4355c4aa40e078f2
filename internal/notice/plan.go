package notice

import (
	"cmp"
	"slices"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/marking"
	"tocsin/internal/party"
)

// Rules are the installation's choices of rhythm. Rulebook fills what is zero.
type Rules struct {
	UrgentFrom event.Severity // told at once from here on
	PerDay     int            // most notices to one party in a day of Zone; what exceeds waits for the digest
	PerNotice  int            // most findings in one notice
	Hour       int            // of Zone's clock, when the digest is due
	Weekday    int            // 1 (Monday) to 7 when there is one digest a week; 0: every day
	Zone       *time.Location
	FirstHigh  time.Duration // patience before a reminder, from High on
	FirstOther time.Duration // the same for the rest
	Reminders  int           // before the backup contact is written to
	LinkLife   time.Duration
	MaxRisk    time.Duration // longest time for which a party may accept a risk
}

// Rulebook returns r with every zero member set to its default.
func Rulebook(r Rules) Rules {
	if r.Zone == nil {
		r.Zone = time.UTC
	}
	r.UrgentFrom = cmp.Or(r.UrgentFrom, event.High)
	r.PerDay = cmp.Or(r.PerDay, 6)
	r.PerNotice = cmp.Or(r.PerNotice, 5000)
	r.Hour = cmp.Or(r.Hour, 8)
	r.FirstHigh = cmp.Or(r.FirstHigh, 3*24*time.Hour)
	r.FirstOther = cmp.Or(r.FirstOther, 7*24*time.Hour)
	r.Reminders = cmp.Or(r.Reminders, 2)
	r.LinkLife = cmp.Or(r.LinkLife, LinkLife)
	r.MaxRisk = cmp.Or(r.MaxRisk, 365*24*time.Hour)
	return r
}

// Patience is how long a notice of that severity waits for an answer before the next step.
func (r Rules) Patience(s event.Severity) time.Duration {
	if s >= event.High {
		return r.FirstHigh
	}
	return r.FirstOther
}

// Day returns the start of now's civil day in the rules' zone.
func (r Rules) Day(now time.Time) time.Time {
	t := now.In(r.Zone)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, r.Zone)
}

// DigestHour returns the newest instant, at or before now, at which the digest was due.
func (r Rules) DigestHour(now time.Time) time.Time {
	t := now.In(r.Zone)
	for back := 0; ; back++ {
		due := time.Date(t.Year(), t.Month(), t.Day()-back, r.Hour, 0, 0, 0, r.Zone)
		if !due.After(now) && (r.Weekday == 0 || weekday(due) == r.Weekday) {
			return due
		}
	}
}

// Past is what a party was told lately.
type Past struct {
	Today      int       // urgent notices and digests made since Rules.Day(now)
	LastDigest time.Time // when the newest digest was made; zero = never
	Rhythm     Rhythm    // how the party wants to be told
}

// Draft is a notice to be made.
type Draft struct {
	Kind     Kind
	Class    *Class // of an urgent one; nil for a digest
	Severity event.Severity
	Reason   string
	Items    []Item
}

// Plan decides what to tell one party now about the items that wait. Items that no draft has go on waiting; held
// counts those among them that were urgent but would exceed the day's limit.
//
// Urgent ones go at once, a notice per class, the worst first. The rest goes with the daily digest: once something has
// waited over the digest's hour and no digest was made since. A digest is always allowed, limit or not, because the
// limit would otherwise delay for ever what it is meant to bundle. Findings that may travel by different kinds of mail
// are told by notices of their own.
func Plan(r Rules, now time.Time, items []Item, past Past) (drafts []Draft, held int) {
	r = r.For(past.Rhythm)
	left := r.PerDay - past.Today
	var rest []Item
	limited := false
	for _, g := range byClass(items) {
		urgent, calm := split(g, r.urgent)
		rest = append(rest, calm...)
		for _, part := range parts(urgent, r.PerNotice) {
			if left <= 0 {
				rest, held, limited = append(rest, part...), held+len(part), true
				continue
			}
			left--
			reason := WhySeverity
			if Worst(part) < r.UrgentFrom {
				reason = WhyRule
			}
			drafts = append(drafts, Draft{Urgent, part[0].Class, Worst(part), reason, part})
		}
	}
	rest = slices.DeleteFunc(rest, func(it Item) bool { return !r.ripe(now, it, past) })
	if len(rest) == 0 || !digestDue(r, now, rest, past) {
		return drafts, held
	}
	reason := WhyDaily
	if limited {
		reason = WhyLimit
	}
	slices.SortStableFunc(rest, func(a, b Item) int { return int(b.Severity) - int(a.Severity) })
	told := map[manner]bool{}
	for _, part := range parts(rest, r.PerNotice) {
		w := mannerOf(part[0])
		if told[w] && left <= 0 {
			continue
		}
		told[w] = true
		drafts = append(drafts, Draft{Digest, nil, Worst(part), reason, part})
		left--
	}
	return drafts, 0
}

// way is by which mail a finding's content may travel: a notice that mixed them would be as strict as its strictest
// finding, and hide the others behind a link.
type way int

const (
	inClear way = iota
	encrypted
	notByMail
)

func wayOf(it Item) way {
	mark := marking.Mark{TLP: it.TLP}
	switch {
	case marking.Leave(marking.MailClear, mark, true) == nil:
		return inClear
	case marking.Leave(marking.MailPGP, mark, true) == nil:
		return encrypted
	}
	return notByMail
}

// manner is what the findings of one notice have in common.
type manner struct {
	way    way
	role   party.Role
	object string
}

func mannerOf(it Item) manner { return manner{wayOf(it), it.Pace.Role, it.Object} }

// parts divides items into what one notice can hold, those of one way to one contact together, in their order.
func parts(items []Item, most int) [][]Item {
	groups := map[manner][]Item{}
	var order []manner
	for _, it := range items {
		m := mannerOf(it)
		if groups[m] == nil {
			order = append(order, m)
		}
		groups[m] = append(groups[m], it)
	}
	slices.SortStableFunc(order, func(a, b manner) int { return int(a.way) - int(b.way) })
	var out [][]Item
	for _, m := range order {
		out = slices.AppendSeq(out, slices.Chunk(groups[m], most))
	}
	return out
}

// urgent reports whether an item is told at once.
func (r Rules) urgent(it Item) bool {
	if it.Pace.Calm {
		return false
	}
	return it.Severity >= cmp.Or(it.Pace.UrgentFrom, r.UrgentFrom)
}

// ripe reports whether a digest of now may carry an item: one with a weekly rhythm waits for Monday's.
func (r Rules) ripe(now time.Time, it Item, past Past) bool {
	if it.Pace.Every <= 1 || r.Weekday != 0 {
		return true
	}
	due := r.DigestHour(now)
	for due.Weekday() != time.Monday {
		due = due.AddDate(0, 0, -1)
	}
	return past.LastDigest.Before(due) && !it.Waiting.After(due)
}

// Quiet reports whether Plan surely makes nothing of findings of which worst is the severity and oldest the time since
// when the first waits, so that nobody need read them.
func Quiet(r Rules, now time.Time, worst event.Severity, oldest time.Time, past Past) bool {
	r = r.For(past.Rhythm)
	urgent := worst >= r.UrgentFrom || worst == event.Unknown
	due := r.DigestHour(now)
	return (!urgent || past.Today >= r.PerDay) && (oldest.After(due) || !past.LastDigest.Before(due))
}

func digestDue(r Rules, now time.Time, rest []Item, past Past) bool {
	due := r.DigestHour(now)
	return past.LastDigest.Before(due) && slices.ContainsFunc(rest, func(it Item) bool { return !it.Waiting.After(due) })
}

// byClass returns the items grouped by class, the worst class first and within one severity in order of name.
func byClass(items []Item) [][]Item {
	groups := map[string][]Item{}
	for _, it := range items {
		groups[it.Class.Class] = append(groups[it.Class.Class], it)
	}
	out := make([][]Item, 0, len(groups))
	for _, g := range groups {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b []Item) int {
		return cmp.Or(cmp.Compare(Worst(b), Worst(a)), cmp.Compare(a[0].Class.Class, b[0].Class.Class))
	})
	return out
}

func split(items []Item, first func(Item) bool) (a, b []Item) {
	for _, it := range items {
		if first(it) {
			a = append(a, it)
		} else {
			b = append(b, it)
		}
	}
	return a, b
}

// abusive are the RSIT types that an abuse desk handles rather than a security team: something at the party acts
// against others.
var abusive = []string{
	"spam", "phishing", "scanner", "brute-force", "ddos", "malware-distribution", "masquerade", "dos",
	"unauthorised-use-of-resources", "infected-system", "exploit", "blocklist",
}

// Order returns the roles of contacts in the order in which a notice about items tries them.
//
// What a rule of the desk asks for comes before all others: the items of one notice have it in common.
func Order(items []Item) []party.Role {
	if len(items) > 0 && items[0].Pace.Role != "" {
		role := items[0].Pace.Role
		rest := slices.DeleteFunc(usual(items), func(r party.Role) bool { return r == role })
		return append([]party.Role{role}, rest...)
	}
	return usual(items)
}

func usual(items []Item) []party.Role {
	abuse := 0
	for _, it := range items {
		if slices.Contains(abusive, it.Identity.Type) {
			abuse++
		}
	}
	if 2*abuse > len(items) {
		return []party.Role{party.Abuse, party.Security, party.Technical, party.Management, party.Backup}
	}
	return []party.Role{party.Security, party.Abuse, party.Technical, party.Management, party.Backup}
}

// Place notes for each item which object of the party names the contacts who answer for it.
func Place(p *party.Party, items []Item) []Item {
	for i := range items {
		items[i].Object = p.ObjectOf(items[i].Basis, items[i].Matched, items[i].Identity.Asset)
	}
	return items
}

// Choose returns the contact to write to about items that one object of the party names the contacts for (see Place): the
// first in the order of roles among those of the object, else among those of the party as a whole; nil where none is left.
// Only a proved address counts that has neither refused mail nor is among the contacts in tried, under whatever role.
func Choose(p *party.Party, object string, order []party.Role, tried []string) *party.Contact {
	out := slices.DeleteFunc(slices.Clone(p.Contacts), func(c party.Contact) bool {
		return c.Bounced.IsZero() && !slices.Contains(tried, c.ID)
	})
	for _, of := range slices.Compact([]string{object, ""}) {
		for _, role := range order {
			for i := range p.Contacts {
				c := &p.Contacts[i]
				if c.Role == role && c.For == of && c.Mail != "" && !c.Unproved && !slices.ContainsFunc(out, c.SameAddress) {
					return c
				}
			}
		}
	}
	return nil
}

// ObjectOf returns the object that the items of one notice have in common; see Place.
func ObjectOf(items []Item) string {
	if len(items) == 0 {
		return ""
	}
	return items[0].Object
}

// Step is what to do about a notice that had no answer in time.
type Step string

// Steps of a chase.
const (
	Enough   Step = "enough"   // nothing of it waits for an answer any more
	Remind   Step = "remind"   // another mail to the same contact
	Backup   Step = "backup"   // to the backup contact
	Escalate Step = "escalate" // to the desk
)

// Chase decides the next step of a chain of notices of which waiting findings still have no answer.
func Chase(r Rules, waiting, reminders int, backupTried, backupThere bool) Step {
	switch {
	case waiting == 0:
		return Enough
	case backupTried:
		return Escalate
	case reminders < r.Reminders:
		return Remind
	case backupThere:
		return Backup
	}
	return Escalate
}
