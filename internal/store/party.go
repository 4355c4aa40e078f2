package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// partyVersion names the setting that holds the ledger position of the last change to the register of parties.
const partyVersion = "party_version"

// PartyVersion returns the ledger position of the last change to parties or regions; 0 before the first.
func (t *Tx) PartyVersion(ctx context.Context) (int64, error) {
	v, err := t.Setting(ctx, partyVersion)
	if err != nil || v == "" {
		return 0, err
	}
	return strconv.ParseInt(v, 10, 64)
}

// SetPartyVersion records that ledger entry seq changed parties or regions; it commits with the change.
func (t *Tx) SetPartyVersion(ctx context.Context, seq int64) error {
	return t.PutSetting(ctx, partyVersion, strconv.FormatInt(seq, 10))
}

// PutParty makes the stored party equal to p, whose members all have IDs. Contacts and systems that p lacks are
// deleted; a resource that p lacks ends at now and stays readable. A party that had ended begins again.
func (t *Tx) PutParty(ctx context.Context, now time.Time, p party.Party) error {
	sector, err := t.sectorOf(ctx, p.ID)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `insert into party (id, name, kind, sector, region, language, rank, created_at, words)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (id) do update set name = excluded.name, kind = excluded.kind, sector = excluded.sector,
		region = excluded.region, language = excluded.language, rank = excluded.rank, ended_at = null, words = excluded.words`,
		p.ID, p.Name, p.Kind, p.Sector, p.Region, p.Language, p.Rank, Micros(now), p.Words())
	if err == nil {
		err = t.countSector(ctx, p.ID, sector, p.Sector)
	}
	if err == nil {
		err = t.putContacts(ctx, p)
	}
	if err == nil {
		err = t.putResources(ctx, now, p)
	}
	if err == nil {
		err = t.putSystems(ctx, p)
	}
	if err != nil {
		return fmt.Errorf("put party %s: %w", p.ID, err)
	}
	return nil
}

// EndParty ends a party and its resources at now. Its notices and findings keep their reference.
func (t *Tx) EndParty(ctx context.Context, now time.Time, id ident.Party) error {
	r, err := t.exec(ctx, "update party set ended_at = $1 where id = $2 and ended_at is null", Micros(now), id)
	if err == nil {
		err = one(r)
	}
	if err == nil {
		_, err = t.exec(ctx, `update resource set to_at = case when from_at > $1 then from_at else $1 end
			where party_id = $2 and (to_at is null or to_at > $1)`, Micros(now), id)
	}
	if err != nil {
		return fmt.Errorf("end party %s: %w", id, err)
	}
	return nil
}

// one makes a statement that changed no row a fault.NotFound.
func one(r sql.Result) error {
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return fault.NotFound
	}
	return err
}

func (t *Tx) putContacts(ctx context.Context, p party.Party) error {
	if err := t.markAddresses(ctx, &p); err != nil {
		return err
	}
	keep := make([]string, len(p.Contacts))
	rows := make([][]any, len(p.Contacts))
	for i, c := range p.Contacts {
		keep[i] = c.ID
		rows[i] = []any{
			c.ID, p.ID, string(c.Role), c.Name, c.Mail, c.Language, c.PGPKey, optional(c.Bounced), c.Bounce,
			c.Own, c.Unproved, c.Replaces, c.For, foldMail(c.Mail),
		}
	}
	if err := t.dropOthers(ctx, "contact", p.ID, keep); err != nil {
		return err
	}
	return t.insertRows(ctx, "insert into contact (id, party_id, role, name, mail, language, pgp_key, bounced_at, bounce, own, unproved, replaces, object, mail_folded) values ",
		` on conflict (id) do update set role = excluded.role, name = excluded.name, mail = excluded.mail,
		language = excluded.language, pgp_key = excluded.pgp_key, bounced_at = excluded.bounced_at, bounce = excluded.bounce,
		own = excluded.own, unproved = excluded.unproved, replaces = excluded.replaces, object = excluded.object, mail_folded = excluded.mail_folded`, rows)
}

// markAddresses marks contacts at an address that refused mail, of whatever party: the mark belongs to the address, and only MarkBounce
// takes it away.
func (t *Tx) markAddresses(ctx context.Context, p *party.Party) error {
	p.Contacts = slices.Clone(p.Contacts)
	for i := range p.Contacts {
		c := &p.Contacts[i]
		if c.Mail == "" || !c.Bounced.IsZero() {
			continue
		}
		var at int64
		err := t.row(ctx, "select bounced_at, bounce from contact where mail_folded = $1 and bounced_at is not null limit 1", []any{foldMail(c.Mail)}, &at, &c.Bounce)
		switch {
		case err == nil:
			c.Bounced = Instant(at)
		case !errors.Is(err, fault.NotFound):
			return fmt.Errorf("look whether %s refused mail: %w", c.Mail, err)
		}
	}
	return nil
}

func (t *Tx) putSystems(ctx context.Context, p party.Party) error {
	keep := make([]string, len(p.Systems))
	rows := make([][]any, len(p.Systems))
	for i, s := range p.Systems {
		products, err := json.Marshal(append([]string{}, s.Products...))
		if err != nil {
			return err
		}
		keep[i] = s.ID
		rows[i] = []any{s.ID, p.ID, s.Name, string(s.Asset.Kind), s.Asset.Value, s.Protection, string(products)}
	}
	if err := t.dropOthers(ctx, "system", p.ID, keep); err != nil {
		return err
	}
	return t.insertRows(ctx, "insert into system (id, party_id, name, asset_kind, asset, protection, products) values ",
		` on conflict (id) do update set name = excluded.name, asset_kind = excluded.asset_kind, asset = excluded.asset,
		protection = excluded.protection, products = excluded.products`, rows)
}

// dropOthers deletes the party's rows of contact or system whose ids are not in keep.
func (t *Tx) dropOthers(ctx context.Context, table string, p ident.Party, keep []string) error {
	stay := make(map[string]bool, len(keep))
	for _, id := range keep {
		stay[id] = true
	}
	var gone []string
	err := t.each(ctx, "select id from "+table+" where party_id = $1", []any{p}, func(r *sql.Rows) error {
		var id string
		if err := r.Scan(&id); err != nil {
			return err
		}
		if !stay[id] {
			gone = append(gone, id)
		}
		return nil
	})
	for _, id := range gone {
		if err == nil {
			_, err = t.exec(ctx, "delete from "+table+" where id = $1", id)
		}
	}
	return err
}

func (t *Tx) putResources(ctx context.Context, now time.Time, p party.Party) error {
	have, err := t.resources(ctx, "where party_id = $1", p.ID)
	if err != nil {
		return err
	}
	was := map[string]party.Resource{}
	for _, r := range have[p.ID] {
		was[r.ID] = r
	}
	var rows [][]any
	for _, r := range p.Resources {
		if old, ok := was[r.ID]; !ok || !sameResource(old, r) {
			rows = append(rows, []any{r.ID, p.ID, string(r.Kind), r.Value, r.Source, Micros(r.From), optional(r.To), optional(r.Verified)})
		}
		delete(was, r.ID)
	}
	for id, r := range was {
		if !r.To.IsZero() && !r.To.After(now) {
			continue
		}
		end := now
		if r.From.After(now) {
			end = r.From
		}
		if _, err := t.exec(ctx, "update resource set to_at = $1 where id = $2", Micros(end), id); err != nil {
			return err
		}
	}
	return t.insertRows(ctx, "insert into resource (id, party_id, kind, value, source, from_at, to_at, verified_at) values ",
		` on conflict (id) do update set kind = excluded.kind, value = excluded.value, source = excluded.source,
		from_at = excluded.from_at, to_at = excluded.to_at, verified_at = excluded.verified_at`, rows)
}

func sameResource(a, b party.Resource) bool {
	return a.Kind == b.Kind && a.Value == b.Value && a.Source == b.Source && a.From.Equal(b.From) && a.To.Equal(b.To) &&
		a.Verified.Equal(b.Verified)
}

// insertRows writes rows in statements of at most 400 rows.
func (t *Tx) insertRows(ctx context.Context, head, tail string, rows [][]any) error {
	const most = 400
	for len(rows) > 0 {
		n := min(most, len(rows))
		args := make([]any, 0, n*len(rows[0]))
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		if _, err := t.exec(ctx, head+t.d.tuples(n, len(rows[0]))+tail, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// Parties returns the parties that have not ended, by id, with everything they have; resources that ended are
// among it.
func (t *Tx) Parties(ctx context.Context) ([]party.Party, error) {
	out, err := t.parties(ctx, "where p.ended_at is null order by p.id")
	if err != nil {
		return nil, fmt.Errorf("read parties: %w", err)
	}
	return out, nil
}

// PartyByID returns one party, also one that has ended; fault.NotFound where there is none.
func (t *Tx) PartyByID(ctx context.Context, id ident.Party) (party.Party, error) {
	p, err := remembered(t, partyKey{id}, func() (party.Party, error) {
		out, err := t.parties(ctx, "where p.id = $1", id)
		if err == nil && len(out) == 0 {
			err = fault.NotFound
		}
		if err != nil {
			return party.Party{}, err
		}
		return out[0], nil
	})
	if err != nil {
		return party.Party{}, fmt.Errorf("read party %s: %w", id, err)
	}
	p.Contacts, p.Resources, p.Systems = slices.Clone(p.Contacts), slices.Clone(p.Resources), slices.Clone(p.Systems)
	return p, nil
}

type partyKey struct{ id ident.Party }

// parties reads parties and their members by one statement a table; rest narrows and may name party as p.
func (t *Tx) parties(ctx context.Context, rest string, args ...any) ([]party.Party, error) {
	var out []party.Party
	err := t.each(ctx, "select p.id, p.name, p.kind, p.sector, p.region, p.language, p.rank from party p "+rest, args,
		func(r *sql.Rows) error {
			var p party.Party
			if err := r.Scan(&p.ID, &p.Name, &p.Kind, &p.Sector, &p.Region, &p.Language, &p.Rank); err != nil {
				return err
			}
			out = append(out, p)
			return nil
		})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	where := ""
	if len(args) > 0 {
		where = "where party_id = $1"
	}
	contacts, err := t.contacts(ctx, where, args...)
	if err != nil {
		return nil, err
	}
	resources, err := t.resources(ctx, where, args...)
	if err != nil {
		return nil, err
	}
	systems, err := t.systems(ctx, where, args...)
	for i := range out {
		p := &out[i]
		p.Contacts, p.Resources, p.Systems = contacts[p.ID], resources[p.ID], systems[p.ID]
	}
	return out, err
}

func (t *Tx) contacts(ctx context.Context, where string, args ...any) (map[ident.Party][]party.Contact, error) {
	out := map[ident.Party][]party.Contact{}
	err := t.each(ctx, "select "+contactColumns+" from contact "+where+" order by role, mail, id", args, func(r *sql.Rows) error {
		c, p, err := scanContact(r)
		out[p] = append(out[p], c)
		return err
	})
	return out, err
}

const contactColumns = "id, party_id, role, name, mail, language, pgp_key, bounced_at, bounce, own, unproved, replaces, object"

func scanContact(r scanner) (party.Contact, ident.Party, error) {
	var c party.Contact
	var p ident.Party
	var bounced sql.NullInt64
	err := r.Scan(&c.ID, &p, &c.Role, &c.Name, &c.Mail, &c.Language, &c.PGPKey, &bounced, &c.Bounce, &c.Own, &c.Unproved,
		&c.Replaces, &c.For)
	c.Bounced = instant(bounced)
	return c, p, err
}

func (t *Tx) resources(ctx context.Context, where string, args ...any) (map[ident.Party][]party.Resource, error) {
	out := map[ident.Party][]party.Resource{}
	err := t.each(ctx, "select id, party_id, kind, value, source, from_at, to_at, verified_at from resource "+where+
		" order by kind, value, from_at, id", args, func(r *sql.Rows) error {
		var s party.Resource
		var p ident.Party
		var from int64
		var to, verified sql.NullInt64
		if err := r.Scan(&s.ID, &p, &s.Kind, &s.Value, &s.Source, &from, &to, &verified); err != nil {
			return err
		}
		s.From, s.To, s.Verified = Instant(from), instant(to), instant(verified)
		out[p] = append(out[p], s)
		return nil
	})
	return out, err
}

func (t *Tx) systems(ctx context.Context, where string, args ...any) (map[ident.Party][]party.System, error) {
	out := map[ident.Party][]party.System{}
	err := t.each(ctx, "select id, party_id, name, asset_kind, asset, protection, products from system "+where+
		" order by name, id", args, func(r *sql.Rows) error {
		var s party.System
		var p ident.Party
		var kind, products string
		if err := r.Scan(&s.ID, &p, &s.Name, &kind, &s.Asset.Value, &s.Protection, &products); err != nil {
			return err
		}
		s.Asset.Kind = asset.Kind(kind)
		if err := json.Unmarshal([]byte(products), &s.Products); err != nil {
			return err
		}
		if len(s.Products) == 0 {
			s.Products = nil
		}
		out[p] = append(out[p], s)
		return nil
	})
	return out, err
}

// ContactByID returns a contact and whose it is; fault.NotFound where there is none.
func (t *Tx) ContactByID(ctx context.Context, id string) (party.Contact, ident.Party, error) {
	c, p, err := scanContact(t.tx.QueryRowContext(ctx, "select "+contactColumns+" from contact where id = $1", id))
	if err != nil {
		return party.Contact{}, "", fmt.Errorf("read contact %s: %w", id, t.classify(err))
	}
	return c, p, nil
}

// MarkBounce records at every contact with the address of this one, of whatever party, that mail to it came back at at,
// and why; the zero time takes the mark away. A mailbox that refuses mail refuses it for whoever is named there.
func (t *Tx) MarkBounce(ctx context.Context, contact string, at time.Time, why string) error {
	c, _, err := t.ContactByID(ctx, contact)
	if err != nil {
		return fmt.Errorf("mark contact %s: %w", contact, err)
	}
	_, err = t.exec(ctx, "update contact set bounced_at = $1, bounce = $2 where id = $3 or mail_folded = $4", optional(at), why, contact, foldMail(c.Mail))
	if err != nil {
		return fmt.Errorf("mark contact %s: %w", contact, err)
	}
	return nil
}

// foldMail returns an address with all letters in one case, as contact.mail_folded keeps it.
func foldMail(mail string) string { return strings.ToLower(mail) }

// Regions returns every region, by id.
func (t *Tx) Regions(ctx context.Context) ([]party.Region, error) {
	var out []party.Region
	err := t.each(ctx, "select id, parent, name_en, name_zh, default_party, tile_column, tile_row from region order by id", nil, func(r *sql.Rows) error {
		var g party.Region
		if err := r.Scan(&g.ID, &g.Parent, &g.NameEN, &g.NameZH, &g.Default, &g.Tile.Column, &g.Tile.Row); err != nil {
			return err
		}
		out = append(out, g)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read regions: %w", err)
	}
	return out, nil
}

// PutRegion makes the stored region equal to g.
func (t *Tx) PutRegion(ctx context.Context, g party.Region) error {
	_, err := t.exec(ctx, `insert into region (id, parent, name_en, name_zh, default_party, tile_column, tile_row) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (id) do update set parent = excluded.parent, name_en = excluded.name_en, name_zh = excluded.name_zh,
		default_party = excluded.default_party, tile_column = excluded.tile_column, tile_row = excluded.tile_row`,
		g.ID, g.Parent, g.NameEN, g.NameZH, g.Default, g.Tile.Column, g.Tile.Row)
	if err != nil {
		return fmt.Errorf("put region %s: %w", g.ID, err)
	}
	return nil
}
