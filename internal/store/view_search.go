package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strings"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/ident"
)

// FindingsBeginning returns at most limit findings that the reader may read and whose asset, or failing that whose
// malware's name, begins with text. Both walk an index.
func (t *Tx) FindingsBeginning(ctx context.Context, text string, may access.Cond, limit int) ([]Finding, error) {
	for _, name := range []string{"asset", "malware"} {
		q := &conditions{}
		column := t.d.bytewise("f." + name)
		where := column + " >= " + q.add(text) + " and " + column + " < " + q.add(text+"\U0010FFFF")
		if name == "malware" {
			where += " and f.malware <> ''"
		}
		if !certain(may) {
			where += " and " + q.readable(findingFields, may)
		}
		found, err := t.findingsOf(ctx, "select f.id from finding f where "+where+" order by "+column+", f.id limit "+q.add(limit), q.args)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// PartyNamed returns the party with exactly this id or, letter case aside, name; empty where there is none, or several.
func (t *Tx) PartyNamed(ctx context.Context, text string) (ident.Party, error) {
	var ids []ident.Party
	err := t.each(ctx, "select id from party where ended_at is null and (id = $1 or words like $2 escape '\\') limit 2",
		[]any{text, literally(asset.Fold(text)) + "\n%"}, func(r *sql.Rows) error {
			var id ident.Party
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
	if err != nil {
		return "", fmt.Errorf("look for a party: %w", err)
	}
	if len(ids) != 1 {
		return "", nil
	}
	return ids[0], nil
}

// FoundParty is a party that a search found, with what matched: a name, a mail domain or a resource.
type FoundParty struct {
	ID      ident.Party
	Name    string
	Matched string
}

// PartiesLike returns at most limit parties that have not ended and whose name holds text (folded), or whose id begins
// with it, who answer for host as a resource, or whose contacts write from host as a domain. It looks at parties, never at
// findings.
func (t *Tx) PartiesLike(ctx context.Context, text, host string, limit int) ([]FoundParty, error) {
	folded := literally(asset.Fold(text))
	escaped := literally(strings.ToLower(text))
	var out []FoundParty
	seen := map[ident.Party]bool{}
	ask := func(query string, args ...any) error {
		if len(out) >= limit {
			return nil
		}
		return t.each(ctx, query+fmt.Sprintf(" order by p.name, p.id limit %d", limit), args, func(r *sql.Rows) error {
			var p FoundParty
			err := r.Scan(&p.ID, &p.Name, &p.Matched)
			if !seen[p.ID] && len(out) < limit {
				seen[p.ID] = true
				out = append(out, p)
			}
			return err
		})
	}
	// The words hold name, id, sector and region, a line each, and are in the index. What is found must stand in the first.
	err := ask(`select p.id, p.name, '' from party p where p.ended_at is null and p.words like $1 escape '\'
		and (p.words like $2 escape '\' or p.id like $3 escape '\')`,
		"%"+folded+"%", "%"+folded+"%\n%\n%\n%", escaped+"%")
	if err == nil {
		err = ask(`select p.id, p.name, r.value from resource r join party p on p.id = r.party_id where r.value = $1 and r.to_at is null
			and p.ended_at is null`, host)
	}
	escaped = literally(host)
	if domain(host) && err == nil {
		err = ask(`select p.id, p.name, c.mail from contact c join party p on p.id = c.party_id where p.ended_at is null
			and lower(c.mail) like $1 escape '\'`, "%@"+escaped+"%")
	}
	if err != nil {
		return nil, fmt.Errorf("search parties: %w", err)
	}
	return out, nil
}

// domain reports whether a text can be how the domain of a mail address begins; an address of the network cannot.
func domain(text string) bool {
	_, err := netip.ParseAddr(text)
	return err != nil && text != "" && !strings.ContainsAny(text, " /:@")
}

// findingsOf returns the findings whose ids a query returns, in order of id.
func (t *Tx) findingsOf(ctx context.Context, query string, args []any) ([]Finding, error) {
	var ids []ident.Finding
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var id ident.Finding
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for findings: %w", err)
	}
	return t.FindingsByID(ctx, ids)
}
