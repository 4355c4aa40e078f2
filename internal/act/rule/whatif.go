package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	rules "tocsin/internal/rule"
	"tocsin/internal/store"
)

// Bounds of a trial. A trial that meets them says so.
const (
	TrialDays    = 7
	maxScanned   = 100_000 // findings, by number, among which those of the days are sought
	maxLooked    = 10_000  // findings of the days
	maxNotices   = 500     // notices of the days
	sampleLength = 20
)

// Trial is what a rule would have done in the last days. Nothing is changed by it.
type Trial struct {
	Since   time.Time
	Looked  int  // findings of these days that the reader may see
	Bounded bool // there may be more findings or notices than were looked at
	Fits    int  // findings for which the rule decides

	// Of a routing rule.
	Moved  int         // findings that would have another party
	Flows  []Flow      // from whom to whom, the largest first
	Sample []MovedItem // some of them
	Names  map[ident.Party]string

	// Of a notice rule.
	Notices int             // that told something for the first time in these days
	Counts  map[Outcome]int // of these notices
	Letters []Letter        // some that would have been otherwise
	Waiting int             // findings that wait to be told now and for which the rule decides
}

// Flow counts findings that would go from one party to another.
type Flow struct {
	From, To ident.Party
	Findings int
}

// MovedItem is a finding that would have another party.
type MovedItem struct {
	Finding ident.Finding
	Asset   string
	From    ident.Party
	To      ident.Party
}

// Outcome is what a rule would have made of a notice.
type Outcome string

// Outcomes.
const (
	Unsent     Outcome = "unsent"     // would not have been sent
	Withheld   Outcome = "held"       // would have waited for the desk
	Smaller    Outcome = "smaller"    // would have told fewer findings
	Sooner     Outcome = "sooner"     // would have told some at once
	Later      Outcome = "later"      // would have waited for a digest
	Redirected Outcome = "redirected" // would have gone to another contact first
	Same       Outcome = "same"
)

// Outcomes lists those that change something, in the order in which pages show them.
var Outcomes = []Outcome{Unsent, Withheld, Smaller, Sooner, Later, Redirected}

// Letter is a notice that would have been otherwise.
type Letter struct {
	Notice  ident.Notice
	Party   ident.Party
	Created time.Time
	Outcome Outcome
	Touched int // findings for which the rule decides
	Told    int
}

// Try says what a rule would have done in the last days if it had been in force: over findings seen and notices made in
// them. It shows what by may read and nothing else. A rule with a number takes the place of the one that has it.
func (d *Desk) Try(ctx context.Context, now time.Time, by access.Actor, draft rules.Rule) (Trial, error) {
	draft, err := draft.Canonical(now)
	if err != nil {
		return Trial{}, err
	}
	t := Trial{Since: now.AddDate(0, 0, -TrialDays), Names: map[ident.Party]string{}, Counts: map[Outcome]int{}}
	err = d.store.View(ctx, func(tx *store.Tx) error {
		if err := known(ctx, tx, &draft); err != nil {
			return err
		}
		c, err := d.compare(ctx, tx, now, draft)
		if err != nil {
			return err
		}
		r, err := tx.Reader(ctx, by, now)
		if err != nil {
			return err
		}
		c.may = func(k access.ThingKind) access.Cond { return access.Readable(r, k, now, by.Why()) }
		for i := range c.parties {
			t.Names[c.parties[i].ID] = c.parties[i].Name
		}
		if draft.Kind() == rules.Route {
			return c.route(ctx, tx, &t)
		}
		return c.tell(ctx, tx, now, &t)
	})
	if err != nil {
		return Trial{}, fmt.Errorf("try a rule: %w", err)
	}
	return t, nil
}

// comparison is the rules without and with a draft.
type comparison struct {
	draft         rules.Rule
	parties       []party.Party
	before, after *store.Rulebook
	is, would     *party.Register
	rhythm        notice.Rules
	may           func(access.ThingKind) access.Cond
}

func (d *Desk) compare(ctx context.Context, tx *store.Tx, now time.Time, draft rules.Rule) (*comparison, error) {
	list, err := tx.Rules(ctx)
	if err != nil {
		return nil, err
	}
	c := &comparison{rhythm: d.rhythm}
	if draft.Number == 0 {
		draft.Number = 1
		for _, r := range list {
			draft.Number = max(draft.Number, r.Number+1)
		}
	}
	draft.From, draft.Until, draft.Ended = now, time.Time{}, time.Time{}
	c.draft = draft
	rest := slices.DeleteFunc(slices.Clone(list), func(r rules.Rule) bool { return r.Number == draft.Number })
	if c.before, err = tx.RulebookOf(ctx, list, now); err != nil {
		return nil, err
	}
	if c.after, err = tx.RulebookOf(ctx, append(rest, draft), now); err != nil {
		return nil, err
	}
	if c.parties, err = tx.Parties(ctx); err != nil || draft.Kind() != rules.Route {
		return c, err
	}
	regions, err := tx.Regions(ctx)
	if err != nil {
		return nil, err
	}
	register, err := party.NewRegister(c.parties, regions, now)
	if err != nil {
		return nil, err
	}
	register = register.Locating(d.locate)
	c.is = register.Routing(c.before.Router(c.parties), time.Time{})
	c.would = register.Routing(c.after.Router(c.parties), time.Time{})
	return c, nil
}

// movable reports whether a rule may say who answers: not where the desk said so by hand, not where it is closed.
func movable(f *store.Attributed) bool {
	return f.Attribution.Basis != party.ByHand && (f.State.Live() || f.State == finding.Stale)
}

func (c *comparison) route(ctx context.Context, tx *store.Tx, t *Trial) error {
	seen, err := tx.RecentFindings(ctx, store.FindingFilter{May: c.may(access.Findings)}, t.Since, maxScanned, maxLooked)
	if err != nil {
		return err
	}
	last, err := tx.LastFinding(ctx)
	if err != nil {
		return err
	}
	t.Looked, t.Bounded = len(seen), len(seen) == maxLooked || last > maxScanned
	ids := make([]ident.Finding, len(seen))
	for i := range seen {
		ids[i] = seen[i].ID
	}
	rows, err := tx.AttributedByID(ctx, ids)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(f store.Attributed) bool { return !movable(&f) })
	ids = ids[:0]
	for i := range rows {
		ids = append(ids, rows[i].ID)
	}
	flows := map[Flow]int{}
	err = tx.EachEvent(ctx, ids, func(i int, ev event.Event) {
		f := &rows[i]
		s := f.Routed(party.SubjectOf(ev, f.Asset))
		is, would := c.is.Attribute(s), c.would.Attribute(s)
		if would.Basis == party.ByRule && would.Matched == fmt.Sprint(c.draft.Number) {
			t.Fits++
		}
		if is.Party == would.Party {
			return
		}
		t.Moved++
		flows[Flow{From: is.Party, To: would.Party}]++
		t.Sample = append(t.Sample, MovedItem{f.ID, f.Asset.Value, is.Party, would.Party})
	})
	if len(t.Sample) > sampleLength { // the newest
		t.Sample = t.Sample[len(t.Sample)-sampleLength:]
	}
	slices.Reverse(t.Sample)
	for f, n := range flows {
		f.Findings = n
		t.Flows = append(t.Flows, f)
	}
	slices.SortFunc(t.Flows, func(a, b Flow) int {
		return cmp.Or(cmp.Compare(b.Findings, a.Findings), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return err
}

func (c *comparison) tell(ctx context.Context, tx *store.Tx, now time.Time, t *Trial) error {
	of := make(map[ident.Party]*party.Party, len(c.parties))
	for i := range c.parties {
		of[c.parties[i].ID] = &c.parties[i]
	}
	ids, err := tx.NoticesSince(ctx, store.NoticeFilter{May: c.may(access.Notices)}, t.Since, maxNotices)
	if err != nil {
		return err
	}
	t.Notices, t.Bounded = len(ids), len(ids) == maxNotices
	for _, id := range ids {
		n, err := tx.NoticeByID(ctx, id)
		if err != nil {
			return err
		}
		p := of[n.Party]
		if p == nil {
			continue
		}
		told, err := tx.NoticeFindings(ctx, id)
		if err != nil {
			return err
		}
		l := c.letter(&n, p, told)
		t.Looked += len(told)
		t.Fits += l.Touched
		if t.Counts[l.Outcome]++; l.Outcome != Same && len(t.Letters) < sampleLength {
			t.Letters = append(t.Letters, l)
		}
	}
	waiting, err := tx.PartiesToTell(ctx)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		found, err := tx.FindingsToTell(ctx, w.Party, now.Add(-retryAfter), MostHeld)
		if err != nil {
			return err
		}
		for i := range found {
			if r := c.after.Tell(c.after.Subject(&found[i], of[w.Party])); r != nil && r.Number == c.draft.Number {
				t.Waiting++
			}
		}
	}
	return nil
}

// letter says what the draft would have made of one notice.
func (c *comparison) letter(n *notice.Notice, p *party.Party, told []store.Finding) Letter {
	l := Letter{Notice: n.ID, Party: n.Party, Created: n.Created, Told: len(told), Outcome: Same}
	silent, sooner, later := 0, 0, 0
	for i := range told {
		f := &told[i]
		s := c.after.Subject(f, p)
		s.Since = n.Created.Add(time.Nanosecond) // no release was for it
		r := c.after.Tell(s)
		if r == nil || r.Number != c.draft.Number {
			continue
		}
		l.Touched++
		pace, tell := c.after.Pace(s)
		at := f.Severity >= cmp.Or(pace.UrgentFrom, c.rhythm.UrgentFrom) && !pace.Calm
		switch {
		case !tell:
			silent++
		case n.Kind == notice.Digest && at && c.draft.Do.Deed == rules.AtOnce:
			sooner++
		case n.Kind == notice.Urgent && !at:
			later++
		}
	}
	switch {
	case l.Touched == 0:
	case silent == l.Told && c.draft.Do.Deed == rules.Hold:
		l.Outcome = Withheld
	case silent == l.Told:
		l.Outcome = Unsent
	case silent > 0:
		l.Outcome = Smaller
	case sooner > 0:
		l.Outcome = Sooner
	case later > 0:
		l.Outcome = Later
	case c.draft.Do.Deed == rules.To && l.Touched == l.Told && !contacts(p, n.Contact, c.draft.Do.Role):
		l.Outcome = Redirected
	}
	return l
}

// contacts reports whether the contact of a party called id has the role, or the party has none with it.
func contacts(p *party.Party, id string, role party.Role) bool {
	there := false
	for _, c := range p.Contacts {
		if c.Role == role {
			there = true
			if c.ID == id {
				return true
			}
		}
	}
	return !there
}
