package triage

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"tocsin/internal/asset"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/promise"
	"tocsin/internal/store"
)

// LiveStates are the states in which a finding still asks somebody to do something.
var LiveStates = slices.DeleteFunc(slices.Clone(finding.States), func(s finding.State) bool { return !s.Live() })

// proposer thinks about who should answer for the rows of a page. The rule of attribution has been asked already and found
// nobody, or somebody who disputes it: what is left is who answers at the same asset, who answers around it, and whom the
// disputing party names.
type proposer struct {
	register *party.Register
	same     map[string][]store.Neighbour
	around   map[string][]store.Neighbour
	disputes map[ident.Finding]store.Change
	whose    map[ident.Finding]ident.Party // whom a dispute names
}

// How surely each ground proposes, in percent.
const (
	sureByHand  = 90 // the desk said so for the same asset
	sureByAsset = 80 // it answers for another finding at the same asset
	sureByBlock = 60 // it answers for all that was found around it
	sureByName  = 50 // the party that disputes names it
	leastShare  = 60 // of what was found around it, else nothing is proposed
	leastAround = 2  // findings around it
)

func (p *proposer) look(ctx context.Context, tx *store.Tx, rows []Row) error {
	var assets []string
	var contested []ident.Finding
	for _, r := range rows {
		if r.Finding == nil {
			continue
		}
		assets = append(assets, r.Finding.Identity.Asset.Value)
		if r.Kind == promise.Dispute {
			contested = append(contested, r.Finding.ID)
		}
	}
	same, err := tx.SameAssets(ctx, assets)
	if err != nil {
		return err
	}
	p.same = grouped(same)
	around, err := tx.SameBlocks(ctx, p.alone(rows))
	if err != nil {
		return err
	}
	p.around = grouped(around)
	if p.disputes, err = tx.DisputesOf(ctx, contested); err != nil {
		return err
	}
	p.whose = map[ident.Finding]ident.Party{}
	for id, c := range p.disputes {
		text, named := strings.CutPrefix(c.Reason, "whose: ")
		if text, _, _ = strings.Cut(text, "\n"); !named {
			continue
		}
		if p.whose[id], err = tx.PartyNamed(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// alone are the blocks of those rows at whose asset nobody else answers.
func (p *proposer) alone(rows []Row) []string {
	var blocks []string
	for i := range rows {
		r := &rows[i]
		if r.Finding == nil {
			continue
		}
		if best, _ := p.best(p.same[r.Finding.Identity.Asset.Value], r.Party); best.Party != "" {
			continue
		}
		if b := block(r.Finding.Identity.Asset); b != "" {
			blocks = append(blocks, b)
		}
	}
	slices.Sort(blocks)
	return slices.Compact(blocks)
}

func grouped(all []store.Neighbour) map[string][]store.Neighbour {
	out := map[string][]store.Neighbour{}
	for _, n := range all {
		out[n.Of] = append(out[n.Of], n)
	}
	return out
}

// block is how the addresses around an asset begin: the same /24 of an IPv4 address; empty for anything else.
func block(a asset.Asset) string {
	ip, err := netip.ParseAddr(a.Value)
	if a.Kind != asset.IP || err != nil || !ip.Is4() {
		return ""
	}
	return a.Value[:strings.LastIndexByte(a.Value, '.')+1]
}

// propose returns who should answer, or nil.
func (p *proposer) propose(r *Row) *Proposed {
	if out := p.named(r); out != nil {
		return out
	}
	of := r.Finding.Identity.Asset.Value
	if best, all := p.best(p.same[of], r.Party); best.Party != "" {
		out := &Proposed{Party: best.Party, Confidence: sureByAsset, Why: "asset", Of: of, Share: best.Count, All: all}
		if best.ByHand {
			out.Confidence, out.Why = sureByHand, "hand"
		}
		return out
	}
	of = block(r.Finding.Identity.Asset)
	best, all := p.best(p.around[of], r.Party)
	if best.Party == "" || all < leastAround || 100*best.Count < leastShare*all {
		return nil
	}
	return &Proposed{Party: best.Party, Confidence: sureByBlock * best.Count / all, Why: "block", Of: of + "0/24", Share: best.Count, All: all}
}

// best is whoever answers for most there, but for one who disputes it, and how many findings there are.
func (p *proposer) best(all []store.Neighbour, not ident.Party) (best store.Neighbour, n int) {
	for _, o := range all {
		if o.Party == not || !p.register.Knows(o.Party) {
			continue
		}
		n += o.Count
		if o.Count > best.Count || o.Count == best.Count && o.Party < best.Party {
			best = o
		}
	}
	return best, n
}

// named is the party that a dispute names, where it is one of the register.
func (p *proposer) named(r *Row) *Proposed {
	id := p.whose[r.Finding.ID]
	if r.Kind != promise.Dispute || id == "" || id == r.Party || !p.register.Knows(id) {
		return nil
	}
	return &Proposed{Party: id, Confidence: sureByName, Why: "named"}
}

// said is what the party wrote with its dispute, without the party that it names where that is proposed.
func (p *proposer) said(id ident.Finding) string {
	text := p.disputes[id].Reason
	rest, named := strings.CutPrefix(text, "whose: ")
	if !named {
		return text
	}
	whose, rest, _ := strings.Cut(rest, "\n")
	if p.whose[id] == "" {
		return strings.TrimSpace(whose + "\n" + rest)
	}
	return rest
}

// name fills in what parties are called.
func (p *proposer) name(ctx context.Context, tx *store.Tx, rows []Row) error {
	var ids []ident.Party
	for _, r := range rows {
		ids = append(ids, r.Party)
		if r.Propose != nil {
			ids = append(ids, r.Propose.Party)
		}
	}
	called, err := names(ctx, tx, ids...)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Name = called[rows[i].Party]
		if rows[i].Propose != nil {
			rows[i].Propose.Name = called[rows[i].Propose.Party]
		}
	}
	return nil
}
