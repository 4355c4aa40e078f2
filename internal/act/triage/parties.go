package triage

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// PartyQuery narrows the list of parties; the zero value asks for all.
type PartyQuery = store.PartyFilter

// PartyCursor stands for a place in that list.
type PartyCursor = store.PartyCursor

// Silence is what was sent to a party and what came back.
type Silence struct{ store.Spoken }

// Ways of a party to be silent, from the best to the worst.
const (
	Untold  = "untold"  // it was never written to
	Answers = "answers" // it has answered whatever was sent last
	Waiting = "waiting" // it was written to a few days ago
	Quiet   = "quiet"   // it has not answered for days
	Silent  = "silent"  // it has not answered for weeks
)

// After how many days a party that does not answer is quiet and silent, and where the meter ends.
const (
	quietAfter  = 4
	silentAfter = 14
	meterDays   = 30
)

// Meter is a silence at an instant.
type Meter struct {
	Way    string
	Days   int // that the party has not answered
	Filled int // of the meter: Days, but at most Most
	Most   int
}

// At measures the silence at an instant.
func (s Silence) At(now time.Time) Meter {
	days := s.Days(now)
	return Meter{s.Way(now), days, min(days, meterDays), meterDays}
}

// Days is how long the party has not answered.
func (s Silence) Days(now time.Time) int {
	if s.Silent.IsZero() {
		return 0
	}
	return int(max(0, now.Sub(s.Spoken.Silent)) / (24 * time.Hour))
}

// Way says in one word how the party answers.
func (s Silence) Way(now time.Time) string {
	switch days := s.Days(now); {
	case s.Sent == 0:
		return Untold
	case s.Spoken.Silent.IsZero():
		return Answers
	case days < quietAfter:
		return Waiting
	case days < silentAfter:
		return Quiet
	}
	return Silent
}

// PartyLine is a party in the register.
type PartyLine = store.PartyLine

// PartyRow is a party as the list shows it.
type PartyRow struct {
	PartyLine
	Live    int // findings, at most CountCap
	Silence Silence
}

// Parties returns at most limit parties behind the cursor, by name, and where the list goes on; the zero cursor at its end.
// Only the desk sees the register.
func (d *Desk) Parties(ctx context.Context, now time.Time, by access.Actor, ask PartyQuery, after PartyCursor, limit int) ([]PartyRow, PartyCursor, error) {
	var out []PartyRow
	var next PartyCursor
	err := d.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by)
		if err != nil || !r.parties() {
			return err
		}
		list, err := tx.ListParties(ctx, ask, after, limit+1)
		if err != nil {
			return err
		}
		if out, next = nil, (PartyCursor{}); len(list) > limit {
			list = list[:limit]
			next = PartyCursor{Name: list[limit-1].Name, ID: list[limit-1].ID}
		}
		ids := make([]ident.Party, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		live, err := tx.LiveByParty(ctx, ids, CountCap, r.may(access.Findings))
		if err != nil {
			return err
		}
		spoken, err := tx.SpokenWith(ctx, ids, r.may(access.Notices))
		for _, p := range list {
			out = append(out, PartyRow{p, live[p.ID], Silence{spoken[p.ID]}})
		}
		return err
	})
	if err != nil {
		return nil, next, fmt.Errorf("list parties: %w", err)
	}
	return out, next, nil
}

// SilenceOf is the silence of one party; nothing to whoever may not see the register.
func (d *Desk) SilenceOf(ctx context.Context, now time.Time, by access.Actor, id ident.Party) (Silence, error) {
	var out Silence
	err := d.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by)
		if err != nil || !r.parties() {
			return err
		}
		spoken, err := tx.SpokenWith(ctx, []ident.Party{id}, r.may(access.Notices))
		out = Silence{spoken[id]}
		return err
	})
	return out, err
}
