package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

// Reader returns an actor with what is known about its reading at an instant.
func (t *Tx) Reader(ctx context.Context, by access.Actor, at time.Time) (*access.Reader, error) {
	if by.Kind != access.Person {
		return &access.Reader{Actor: by}, nil
	}
	r, err := remembered(t, readerKey{by.String(), by.Party, by.Member(), Micros(at)}, func() (access.Reader, error) {
		return t.reader(ctx, by, at)
	})
	if err != nil {
		return nil, fmt.Errorf("read what %s may see: %w", by, err)
	}
	r.Actor = by
	return &r, nil
}

// readerKey is all that a reader is read by.
type readerKey struct {
	who    string
	party  ident.Party
	member bool
	at     int64
}

func (t *Tx) reader(ctx context.Context, by access.Actor, at time.Time) (access.Reader, error) {
	r := access.Reader{Actor: by}
	err := t.each(ctx, `select object, grantee, until_at from share where grantee in ($1, $2) and ended_at is null
		and (until_at is null or until_at > $3)`, []any{by.String(), "party:" + string(by.Party), Micros(at)}, func(rows *sql.Rows) error {
		var s access.Share
		var grantee string
		var until sql.NullInt64
		err := rows.Scan(&s.Object, &grantee, &until)
		s.Named, s.Until = grantee == by.String(), instant(until)
		r.Shares = append(r.Shares, s)
		return err
	})
	if err == nil && by.Member() {
		err = t.memberReads(ctx, &r)
	}
	return r, err
}

func (t *Tx) memberReads(ctx context.Context, r *access.Reader) error {
	err := t.each(ctx, "select party_id from client where client_id = $1 order by party_id", []any{r.Actor.Party}, func(rows *sql.Rows) error {
		var p ident.Party
		err := rows.Scan(&p)
		r.Providers = append(r.Providers, p)
		return err
	})
	if err != nil {
		return err
	}
	rules, err := t.ObserverRules(ctx, r.Actor.Party)
	if err != nil || len(rules) == 0 {
		return err
	}
	regions, err := t.Regions(ctx)
	for _, o := range rules {
		rule := access.ObserverRule{Sector: o.Sector, Class: o.Class}
		if o.Region != "" {
			rule.Regions = party.Below(regions, o.Region)
		}
		r.Observes = append(r.Observes, rule)
	}
	return err
}

// ObserverRule lets a party's members see findings of others, on a legal basis.
type ObserverRule struct {
	ID                    string
	Party                 ident.Party // the observer
	Sector, Region, Class string      // empty: any
	Basis                 string      // of the law or decision
	Created, Ended        time.Time
}

// ObserverRules returns the rules of an observer that have not ended.
func (t *Tx) ObserverRules(ctx context.Context, p ident.Party) ([]ObserverRule, error) {
	var out []ObserverRule
	err := t.each(ctx, `select id, party_id, sector, region, class, basis, created_at from observer_rule
		where party_id = $1 and ended_at is null order by id`, []any{p}, func(r *sql.Rows) error {
		var o ObserverRule
		var created int64
		err := r.Scan(&o.ID, &o.Party, &o.Sector, &o.Region, &o.Class, &o.Basis, &created)
		o.Created = Instant(created)
		out = append(out, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what %s observes: %w", p, err)
	}
	return out, nil
}

// PutObserver writes a rule, or the end of one.
func (t *Tx) PutObserver(ctx context.Context, o ObserverRule) error {
	_, err := t.exec(ctx, `insert into observer_rule (id, party_id, sector, region, class, basis, created_at, ended_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do update set ended_at = excluded.ended_at`,
		o.ID, o.Party, o.Sector, o.Region, o.Class, o.Basis, Micros(o.Created), optional(o.Ended))
	if err != nil {
		return fmt.Errorf("put observer rule %s: %w", o.ID, err)
	}
	return nil
}

// PutClients makes the registered clients of a party equal to the list.
func (t *Tx) PutClients(ctx context.Context, p ident.Party, clients []ident.Party) error {
	_, err := t.exec(ctx, "delete from client where party_id = $1", p)
	for _, c := range clients {
		if err == nil {
			_, err = t.exec(ctx, "insert into client (party_id, client_id) values ($1, $2) on conflict (party_id, client_id) do nothing", p, c)
		}
	}
	if err != nil {
		return fmt.Errorf("put clients of %s: %w", p, err)
	}
	return nil
}

// Clients returns the registered clients of a party by id.
func (t *Tx) Clients(ctx context.Context, p ident.Party) ([]ident.Party, error) {
	var out []ident.Party
	err := t.each(ctx, "select client_id from client where party_id = $1 order by client_id", []any{p}, func(r *sql.Rows) error {
		var c ident.Party
		err := r.Scan(&c)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read clients of %s: %w", p, err)
	}
	return out, nil
}

// Grant is a thing shared with a person or a party.
type Grant struct {
	ID      string
	Object  string // "finding:12"
	Grantee string // "person:…" or "party:…"
	Reason  string
	Created time.Time
	By      string
	Until   time.Time // zero: until it is taken back
	Ended   time.Time
}

// PutGrant writes a share, or the end of one.
func (t *Tx) PutGrant(ctx context.Context, g Grant) error {
	_, err := t.exec(ctx, `insert into share (id, object, grantee, reason, created_at, created_by, until_at, ended_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do update set ended_at = excluded.ended_at`,
		g.ID, g.Object, g.Grantee, g.Reason, Micros(g.Created), g.By, optional(g.Until), optional(g.Ended))
	if err != nil {
		return fmt.Errorf("put share %s: %w", g.ID, err)
	}
	return nil
}

// GrantsOf returns the shares of an object that have not been taken back, the oldest first.
func (t *Tx) GrantsOf(ctx context.Context, object string) ([]Grant, error) {
	var out []Grant
	err := t.each(ctx, `select id, object, grantee, reason, created_at, created_by, until_at from share
		where object = $1 and ended_at is null order by created_at, id`, []any{object}, func(r *sql.Rows) error {
		var g Grant
		var created int64
		var until sql.NullInt64
		err := r.Scan(&g.ID, &g.Object, &g.Grantee, &g.Reason, &created, &g.By, &until)
		g.Created, g.Until = Instant(created), instant(until)
		out = append(out, g)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read shares of %s: %w", object, err)
	}
	return out, nil
}

// SetMark marks a finding by hand, and says until when it is under embargo; the zero instant for none.
func (t *Tx) SetMark(ctx context.Context, id ident.Finding, m marking.Mark, embargo time.Time) error {
	err := t.updateFindings(ctx, "tlp = $1, pap = $2, embargo_at = $3", []ident.Finding{id}, int64(m.TLP), int64(m.PAP), optional(embargo))
	if err != nil {
		return fmt.Errorf("mark finding %d: %w", id, err)
	}
	return nil
}

// RaiseMarks marks findings at least as strictly as m and returns those that it changed; at most 10,000 ids a call. A mark
// that two people have taken off a finding comes back by again only where it is stricter than that.
func (t *Tx) RaiseMarks(ctx context.Context, ids []ident.Finding, m marking.Mark, again bool) ([]ident.Finding, error) {
	below := "tlp < $1"
	if again {
		below += " and lowered_from < $1"
	}
	var changed []ident.Finding
	for some := range slices.Chunk(ids, 400) {
		args := []any{int64(m.TLP), int64(m.PAP)}
		for _, id := range some {
			args = append(args, id)
		}
		err := t.each(ctx, "select id from finding where ("+below+" or pap < $2) and id in ("+placeholders(len(some), 3)+") order by id", args,
			func(r *sql.Rows) error {
				var id ident.Finding
				err := r.Scan(&id)
				changed = append(changed, id)
				return err
			})
		if err != nil {
			return nil, fmt.Errorf("look at the marks of %d findings: %w", len(some), err)
		}
	}
	if len(changed) == 0 {
		return nil, nil
	}
	err := t.updateFindings(ctx, "tlp = case when "+below+" then $1 else tlp end, pap = case when pap < $2 then $2 else pap end",
		changed, int64(m.TLP), int64(m.PAP))
	if err != nil {
		return nil, fmt.Errorf("raise the marks of %d findings: %w", len(changed), err)
	}
	return changed, nil
}

// SetLoweredFrom remembers the mark that two people took off a finding, where it is the strictest so far.
func (t *Tx) SetLoweredFrom(ctx context.Context, id ident.Finding, from marking.TLP) error {
	_, err := t.exec(ctx, "update finding set lowered_from = $1 where id = $2 and lowered_from < $1", int64(from), id)
	return err
}

// MarkNotice marks a notice as strictly as the strictest of the findings that it tells, and returns its mark.
func (t *Tx) MarkNotice(ctx context.Context, id ident.Notice) (marking.TLP, error) {
	var m marking.TLP
	_, err := t.exec(ctx, `update notice set tlp = coalesce((select max(f.tlp) from notice_finding b join finding f
		on f.id = b.finding_id where b.notice_id = notice.id), tlp) where id = $1`, id)
	if err == nil {
		err = t.row(ctx, "select tlp from notice where id = $1", []any{id}, &m)
	}
	if err != nil {
		return marking.Red, fmt.Errorf("mark notice %s: %w", id, err)
	}
	return m, nil
}

// LookedSince reports whether an actor said at or after an instant why they look at an object.
func (t *Tx) LookedSince(ctx context.Context, by access.Actor, object string, since time.Time) (bool, error) {
	var id int64
	err := t.row(ctx, `select id from entry where object = $1 and actor = $2 and at >= $3
		and act in ('finding.look', 'notice.look', 'signal.look') order by id desc limit 1`,
		[]any{object, by.String(), Micros(since)}, &id)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for looks at %s: %w", object, err)
	}
	return true, nil
}

// Thing is a finding as access looks at it.
func (f *Finding) Thing(sector string) access.Thing {
	return access.Thing{
		Kind: access.Findings, ID: fmt.Sprint(int64(f.ID)), Party: f.Party, Mark: f.Mark, Embargo: f.Embargo,
		Sector: sector, Region: f.Region, Class: f.Class,
	}
}

// ThingOf returns a finding as access looks at it; fault.NotFound where there is none.
func (t *Tx) ThingOf(ctx context.Context, f *Finding) (access.Thing, error) {
	var sector string
	err := t.row(ctx, "select sector from party where id = $1", []any{f.Party}, &sector)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return access.Thing{}, fmt.Errorf("read the sector of %s: %w", f.Party, err)
	}
	return f.Thing(sector), nil
}

// NoticeThing is a notice as access looks at it.
func NoticeThing(n *notice.Notice) access.Thing {
	return access.Thing{Kind: access.Notices, ID: string(n.ID), Party: n.Party, Mark: marking.Mark{TLP: n.TLP}, Held: n.State == notice.Held}
}
