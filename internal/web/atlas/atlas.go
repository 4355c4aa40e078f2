// Package atlas owns which regions the maps of pages show, and what they are called there. It counts nothing and draws
// nothing.
package atlas

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/internal/lang"
	"tocsin/internal/party"
	"tocsin/internal/web/chart"
)

// Count is what a page says of one region.
type Count struct {
	Region string // its code; what no region has is called by Nobody
	Spot   chart.Spot
	Sub    string
}

// Atlas is the register's regions with the operator's shapes, for one reader.
type Atlas struct {
	Lang    lang.Language
	Regions []party.Region
	Shapes  chart.Shapes
	Nobody  string // what is said where no region is known
}

// Name returns what a region is called; its code where the register does not have it.
func (a Atlas) Name(code string) string {
	if code == "" {
		return a.Nobody
	}
	for _, g := range a.Regions {
		if g.ID == code {
			return name(a.Lang, g)
		}
	}
	return code
}

func name(l lang.Language, g party.Region) string {
	if l == lang.Chinese {
		return cmp.Or(g.NameZH, g.NameEN, g.ID)
	}
	return cmp.Or(g.NameEN, g.NameZH, g.ID)
}

// Places are the counts in their order, then the regions that are on the map and of which nothing was counted: they have
// the count that none gives. A region without a count of its own is left out where one below it has some: 0 would be said
// of a whole that is not empty.
func (a Atlas) Places(counts []Count, none func(code string) chart.Spot) []chart.Place {
	counted := map[string]bool{}
	out := make([]chart.Place, 0, len(counts)+len(a.Regions))
	for _, c := range counts {
		counted[c.Region] = true
		p := chart.Place{ID: c.Region, Name: a.Name(c.Region), Spot: c.Spot, Sub: c.Sub}
		if i := slices.IndexFunc(a.Regions, func(g party.Region) bool { return g.ID == c.Region }); i >= 0 {
			p = a.place(a.Regions[i], c.Spot, c.Sub)
		}
		out = append(out, p)
	}
	for _, g := range a.Regions {
		mapped := g.Tile != (party.Tile{}) || a.Shapes.Has(g.ID)
		if !mapped || slices.ContainsFunc(party.Below(a.Regions, g.ID), func(code string) bool { return counted[code] }) {
			continue
		}
		out = append(out, a.place(g, none(g.ID), ""))
	}
	return out
}

func (a Atlas) place(g party.Region, s chart.Spot, sub string) chart.Place {
	short := strings.TrimPrefix(strings.TrimPrefix(g.ID, g.Parent), "-") // CN-GD is GD on the map of CN
	return chart.Place{ID: g.ID, Short: cmp.Or(short, g.ID), Name: name(a.Lang, g), Column: g.Tile.Column, Row: g.Tile.Row, Spot: s, Sub: sub}
}

// Strangers compares an operator's map with the register: areas of no region, and regions without an area of their own
// that do not hold one either.
func Strangers(shapes chart.Shapes, regions []party.Region) (areas, unmapped []string) {
	if len(shapes.Areas) == 0 {
		return nil, nil
	}
	for _, area := range shapes.Areas {
		if !slices.ContainsFunc(regions, func(g party.Region) bool { return g.ID == area.ID }) {
			areas = append(areas, area.ID)
		}
	}
	for _, g := range regions {
		if !slices.ContainsFunc(party.Below(regions, g.ID), shapes.Has) {
			unmapped = append(unmapped, g.ID)
		}
	}
	return areas, unmapped
}
