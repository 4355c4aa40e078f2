// Package rule holds the operations on the desk's own rules: writing one, taking one back, releasing what a rule holds,
// and saying beforehand what a rule would have done in the last days.
//
// What rules mean is package tocsin/internal/rule's; they take effect in act/loop, which asks them when it attributes
// and when it plans notices.
package rule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	rules "tocsin/internal/rule"
	"tocsin/internal/store"
)

// Config is what the operations need.
type Config struct {
	Store  *store.Store
	Locate party.Locate // nil: no table of AS numbers and countries
	Rhythm notice.Rules // of the installation
}

// Desk carries out the operations. It is safe for use by many goroutines.
type Desk struct {
	store  *store.Store
	locate party.Locate
	rhythm notice.Rules
}

// New makes a Desk.
func New(c Config) *Desk { return &Desk{c.Store, c.Locate, notice.Rulebook(c.Rhythm)} }

// Acts of writing and ending a rule of each kind: who keeps the register says who answers, who triages how it is told.
var (
	putAct = map[rules.Kind]string{rules.Route: "rule.route", rules.Tell: "rule.tell"}
	endAct = map[rules.Kind]string{rules.Route: "rule.end_route", rules.Tell: "rule.end_tell"}
)

// putEntry is the body of an entry about a rule: the condition may name addresses, so it is there as a digest only.
type putEntry struct {
	Version int64       `json:"version"`
	Deed    rules.Deed  `json:"deed"`
	Party   ident.Party `json:"party,omitempty"` // that answers
	Order   int         `json:"order"`
	From    time.Time   `json:"from"`
	Until   time.Time   `json:"until,omitzero"`
	Digest  string      `json:"sha256"` // of condition and effect as JSON, a line each
}

func entryOf(r *rules.Rule) putEntry {
	sum := sha256.Sum256([]byte(rules.Text(r.When) + "\n" + rules.Text(r.Do) + "\n"))
	return putEntry{r.Version, r.Do.Deed, r.Do.Party, r.Order, r.From, r.Until, hex.EncodeToString(sum[:])}
}

func object(number int64) access.Object { return access.On(fmt.Sprintf("rule:%d", number)) }

// Put is the desk's act of writing a rule: a new one where Number is 0, else a new version. rules.Problems name every
// field that is wrong; fault.Conflict where the rule was taken back, or would change its kind.
func (d *Desk) Put(ctx context.Context, now time.Time, by access.Actor, r rules.Rule) (rules.Rule, error) {
	r, err := r.Canonical(now)
	if err != nil {
		return r, err
	}
	r.Author, r.Written, r.Ended = by.String(), now, time.Time{}
	var kept rules.Rule
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		if err := known(ctx, tx, &r); err != nil {
			return err
		}
		if r.Number != 0 {
			if err := replaces(ctx, tx, &r); err != nil {
				return err
			}
		}
		var err error
		if kept, err = tx.InsertRule(ctx, r); err != nil {
			return err
		}
		return d.append(ctx, tx, now, by, putAct[r.Kind()], &kept)
	})
	if err != nil {
		return r, fmt.Errorf("write a rule: %w", err)
	}
	return kept, nil
}

// append writes the entry of a rule. One about who answers changes the register, so that findings are asked about anew.
func (d *Desk) append(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, act string, r *rules.Rule) error {
	seq, err := tx.Append(ctx, now, by, act, object(r.Number), "", entryOf(r))
	if err != nil || r.Kind() != rules.Route {
		return err
	}
	return tx.SetPartyVersion(ctx, seq)
}

func replaces(ctx context.Context, tx *store.Tx, r *rules.Rule) error {
	old, err := tx.RuleVersions(ctx, r.Number)
	if err != nil {
		return err
	}
	switch {
	case !old[0].Ended.IsZero():
		return fault.New(fault.Conflict, "rule %d was taken back; write a new one", r.Number)
	case old[0].Kind() != r.Kind():
		return fault.New(fault.Conflict, "rule %d is about something else; write a new one", r.Number)
	}
	return nil
}

// known looks whether the parties, feeds and regions that a rule names are there.
func known(ctx context.Context, tx *store.Tx, r *rules.Rule) error {
	var out rules.Problems
	for field, id := range map[string]ident.Party{"party": r.When.Party, "to": r.Do.Party} {
		if id == "" {
			continue
		}
		_, err := tx.PartyName(ctx, id)
		if errors.Is(err, fault.NotFound) {
			out, err = append(out, rules.Problem{Field: field, Code: rules.Unknown, Value: string(id)}), nil
		}
		if err != nil {
			return err
		}
	}
	if r.When.Feed != "" {
		_, err := tx.FeedByID(ctx, r.When.Feed)
		if errors.Is(err, fault.NotFound) {
			out, err = append(out, rules.Problem{Field: "feed", Code: rules.Unknown, Value: string(r.When.Feed)}), nil
		}
		if err != nil {
			return err
		}
	}
	if r.When.Region != "" {
		regions, err := tx.Regions(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(regions, func(g party.Region) bool { return g.ID == r.When.Region }) {
			out = append(out, rules.Problem{Field: "region", Code: rules.Unknown, Value: r.When.Region})
		}
	}
	if len(out) > 0 {
		return out
	}
	return nil
}

// End is the desk's act of taking a rule back, at once. fault.Conflict where it was before.
func (d *Desk) End(ctx context.Context, now time.Time, by access.Actor, number int64) error {
	err := d.store.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.RuleVersions(ctx, number)
		if err != nil {
			return err
		}
		r := all[0]
		if !r.Ended.IsZero() {
			return fault.New(fault.Conflict, "rule %d was taken back before", number)
		}
		if err := tx.EndRule(ctx, number, now); err != nil {
			return err
		}
		return d.append(ctx, tx, now, by, endAct[r.Kind()], &r)
	})
	if err != nil {
		return fmt.Errorf("end rule %d: %w", number, err)
	}
	return nil
}

// Rule is a rule as pages show it.
type Rule struct {
	rules.Rule
	State rules.State
	Names map[ident.Party]string // of the parties that it names
	By    string                 // name of its author; empty where it is not known any more
}

// All returns every rule in the order in which they are asked, as they stand at now. Whoever may read at the desk may
// read them: they name no finding.
func (d *Desk) All(ctx context.Context, now time.Time) ([]Rule, error) {
	var out []Rule
	err := d.store.View(ctx, func(tx *store.Tx) error {
		list, err := tx.Rules(ctx)
		if err != nil {
			return err
		}
		out, err = named(ctx, tx, now, list)
		return err
	})
	return out, err
}

// Versions returns every version of a rule, the newest first; fault.NotFound where there is none.
func (d *Desk) Versions(ctx context.Context, now time.Time, number int64) ([]Rule, error) {
	var out []Rule
	err := d.store.View(ctx, func(tx *store.Tx) error {
		list, err := tx.RuleVersions(ctx, number)
		if err != nil {
			return err
		}
		out, err = named(ctx, tx, now, list)
		return err
	})
	return out, err
}

func named(ctx context.Context, tx *store.Tx, now time.Time, list []rules.Rule) ([]Rule, error) {
	names := map[ident.Party]string{}
	out := make([]Rule, len(list))
	for i, r := range list {
		for _, id := range []ident.Party{r.When.Party, r.Do.Party} {
			if _, have := names[id]; have || id == "" {
				continue
			}
			name, err := tx.PartyName(ctx, id)
			if err != nil && !errors.Is(err, fault.NotFound) {
				return nil, err
			}
			names[id] = name
		}
		out[i] = Rule{Rule: r, State: r.StateAt(now), Names: names}
		if id, ok := strings.CutPrefix(r.Author, "person:"); ok {
			name, err := tx.PersonName(ctx, ident.Person(id))
			if err != nil {
				return nil, err
			}
			out[i].By = name
		}
	}
	return out, nil
}

// Choices is what the form of a rule offers.
type Choices struct {
	Parties []party.Party
	Regions []party.Region
	Feeds   []ident.Feed
	Streams []string // "feed/stream"
	Sectors []string
	Order   int // the one behind all that are there
}

// Choices reads them.
func (d *Desk) Choices(ctx context.Context) (Choices, error) {
	var c Choices
	err := d.store.View(ctx, func(tx *store.Tx) (err error) {
		if c.Parties, err = tx.Parties(ctx); err != nil {
			return err
		}
		if c.Regions, err = tx.Regions(ctx); err != nil {
			return err
		}
		streams, err := tx.Streams(ctx)
		if err != nil {
			return err
		}
		for _, s := range streams {
			c.Streams = append(c.Streams, string(s.Feed)+"/"+s.Report)
		}
		slices.Sort(c.Streams)
		c.Streams = slices.Compact(c.Streams)
		feeds, err := tx.Feeds(ctx)
		if err != nil {
			return err
		}
		for _, f := range feeds {
			c.Feeds = append(c.Feeds, f.ID)
		}
		list, err := tx.Rules(ctx)
		c.Order = 10
		for _, r := range list {
			if r.Ended.IsZero() && r.Order+10 > c.Order && r.Order+10 <= rules.MaxOrder {
				c.Order = r.Order + 10
			}
		}
		return err
	})
	for i := range c.Parties {
		if s := c.Parties[i].Sector; s != "" && !slices.Contains(c.Sectors, s) {
			c.Sectors = append(c.Sectors, s)
		}
	}
	slices.Sort(c.Sectors)
	return c, err
}
