package chart

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Place is one region of a map or a map of tiles.
type Place struct {
	ID, Name    string
	Short       string // written on a tile that has no room for the name; ID where empty
	Column, Row int    // on the grid of tiles, from 1; 0 where it has none
	Spot
	Sub string // said in the tool tip and the table; may be empty
}

// tileLimit is the greatest row or column of a tile.
const tileLimit = 30

func (p Place) onGrid() bool {
	return p.Column >= 1 && p.Row >= 1 && p.Column <= tileLimit && p.Row <= tileLimit
}

// How many regions are marks of their own, with a link and a tool tip, and how many have their value written on them.
// Beyond that a page would grow too large: the table has the rest.
const (
	mostMarks  = 40
	mostValues = 150
)

// Mapped reports whether places have shapes or tiles to be drawn with.
func Mapped(shapes Shapes, places []Place) bool {
	return shapes.draws(places) || slices.ContainsFunc(places, Place.onGrid)
}

func (s Shapes) draws(places []Place) bool {
	return slices.ContainsFunc(places, func(p Place) bool { return s.Has(p.ID) })
}

// Regions draws places as the best map there is of them: with the operator's shapes, else as tiles, else as bars.
func Regions(a About, head, value string, shapes Shapes, places []Place) Figure {
	switch {
	case shapes.draws(places):
		return Map(a, head, value, shapes, places)
	case Mapped(shapes, places):
		return Tiles(a, head, value, places)
	}
	items := make([]Item, len(places))
	for i, p := range places {
		items[i] = Item{Name: p.Name, Link: p.Link, Value: p.Value, Text: p.Text, Sub: p.Sub}
	}
	return Ranked(a, head, value, items)
}

// atlas is what the drawings of places have in common.
type atlas struct {
	a     About
	f     Figure
	sh    shades
	drawn int  // how many are drawn
	known bool // something is
}

// atlas makes the table, the legend and the note of places, of which some are drawn.
func (a About) atlas(head, value string, places []Place, drawn []bool) atlas {
	m := atlas{a: a, f: a.figure(head, value)}
	noted := slices.ContainsFunc(places, func(p Place) bool { return p.Sub != "" })
	if noted {
		m.f.Head = append(m.f.Head, a.Lang.T("chart.more"))
	}
	var spots []Spot
	var off []string
	veiled := ""
	for i, p := range places {
		cell := a.spot(p.Spot)
		row := []Cell{{Text: p.Name, Link: cell.Link}, cell}
		if noted {
			row = append(row, Cell{Text: p.Sub})
		}
		m.f.Rows = append(m.f.Rows, row)
		if !drawn[i] {
			off = append(off, brief(p.Name))
			continue
		}
		spots, veiled = append(spots, p.Spot), cmp.Or(veiled, p.Text)
	}
	hi, known, unknown, wholeNumbers := reach(spots)
	if m.drawn, m.known = len(spots), known; !known {
		m.f = a.nothing(m.f)
		return m
	}
	m.sh = newShades(hi, wholeNumbers && a.Unit == Count)
	m.f = m.sh.legend(a, m.f, unknown)
	if veiled != "" {
		def, fill := veil(m.f.ID + "-k")
		m.f.Legend = append(m.f.Legend, entry(veiled, "", def+`<path class="chart-veil" d="`+outline(3, 1, 20, 12)+`" fill="`+fill+`"/>`))
	}
	const named = 6
	if more := len(off) - named; more > 0 {
		off = append(off[:named], a.Lang.T("chart.rest", more))
	}
	if len(off) > 0 {
		m.f.Note = strings.TrimSpace(m.f.Note + " " + a.Lang.T("chart.off_map", strings.Join(off, a.Lang.T("chart.comma"))))
	}
	return m
}

// veil defines the hatching of what is withheld.
func veil(id string) (def, fill string) {
	return fmt.Sprintf(`<defs><pattern id="%s-v" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="chart-bare" width="6" height="6"/><path class="chart-hatch" d="%s"/></pattern></defs>`,
		id, textures[1]), "url(#" + id + "-v)"
}

const veilClass = "chart-cell chart-veil"

// lay draws the ground of a place, or adds it to the others of its look.
func (m atlas) lay(p *pen, more bulk, s Spot, class, d, fill string) {
	ground, _ := s.ground(m.sh)
	if s.Text == "" {
		fill = ""
	} else {
		ground = veilClass
	}
	if ground += class; more != nil {
		more.add(ground, d)
		return
	}
	p.shape(d, ground, fill)
}

// hatched defines the hatching of one drawing where it is needed.
func (m atlas) hatched(p *pen, places []Place) string {
	if !slices.ContainsFunc(places, func(q Place) bool { return q.Text != "" }) {
		return ""
	}
	def, fill := veil(p.id)
	p.b.WriteString(def)
	return fill
}

// tip says a place in full.
func (m atlas) tip(q Place) string {
	text := m.a.Lang.T("chart.point", brief(q.Name), m.a.spot(q.Spot).Text)
	if q.Sub != "" {
		text += "\n" + brief(q.Sub)
	}
	return text
}

// on is the class of a text on a place.
func (m atlas) on(q Place) string {
	if q.Text != "" {
		return "on0 chart-halo"
	}
	_, on := q.ground(m.sh)
	return on
}

// bulk collects marks of one look, which become one path: a page with many stays small.
type bulk map[string]*strings.Builder

func (b bulk) add(class, d string) {
	if b[class] == nil {
		b[class] = &strings.Builder{}
	}
	b[class].WriteString(d)
}

// paint draws what was collected; fill is that of what is withheld.
func (b bulk) paint(p *pen, fill string) {
	for _, class := range slices.Sorted(maps.Keys(b)) {
		f := ""
		if strings.HasPrefix(class, veilClass) {
			f = fill
		}
		p.shape(b[class].String(), class, f)
	}
}

// Tiles draws places as tiles of a grid. One outside the grid, or on the tile of another, is in the table only.
func Tiles(a About, head, value string, places []Place) Figure {
	taken, drawn, shown := map[[2]int]bool{}, make([]bool, len(places)), []Place(nil)
	for i, p := range places {
		if at := [2]int{p.Row, p.Column}; p.onGrid() && !taken[at] {
			taken[at], drawn[i], shown = true, true, append(shown, p)
		}
	}
	m := a.atlas(head, value, places, drawn)
	if !m.known {
		return m.f
	}
	places = shown
	slices.SortFunc(places, func(a, b Place) int { return cmp.Or(a.Row-b.Row, a.Column-b.Column) })
	first, last := places[0], places[0]
	for _, p := range places {
		first.Row, first.Column = min(first.Row, p.Row), min(first.Column, p.Column)
		last.Row, last.Column = max(last.Row, p.Row), max(last.Column, p.Column)
	}
	rows, columns := float64(last.Row-first.Row+1), float64(last.Column-first.Column+1)
	return paint(m.f, []room{every}, func(p *pen) float64 {
		fill := m.hatched(p, places)
		side := min(p.w/columns, p.font*8.5)
		left := (p.w - side*columns) / 2
		var more bulk
		if m.drawn > mostMarks {
			more = bulk{}
		}
		for _, q := range places {
			x, y := left+float64(q.Column-first.Column)*side, float64(q.Row-first.Row)*side
			if more != nil {
				m.lay(p, more, q.Spot, "", outline(x+1, y+1, side-2, side-2), fill)
				continue
			}
			done := p.mark(q.Link, m.tip(q), side >= 1.4*p.font && tidy(q.Short+q.ID) != "")
			m.lay(p, nil, q.Spot, "", outline(x+1.5, y+1.5, side-3, side-3), fill)
			m.label(p, q, x, y, side)
			done()
		}
		more.paint(p, fill)
		for _, q := range places {
			if more != nil && m.drawn <= mostValues {
				m.label(p, q, left+float64(q.Column-first.Column)*side, float64(q.Row-first.Row)*side, side)
			}
		}
		return rows * side
	})
}

// label writes on a tile what it has room for: name and value, code and value, or the code.
func (m atlas) label(p *pen, q Place, x, y, side float64) {
	said, on, short := m.a.spot(q.Spot).Text, m.on(q), cmp.Or(q.Short, q.ID)
	names, ok := fold(q.Name, p.font, side-8)
	switch {
	case ok && len(names) > 0 && m.drawn <= mostMarks && side >= p.font*1.25*float64(len(names)+2) && width(said, p.font) <= side-5:
	case side >= 2.6*p.font && width(said, p.font) <= side-5:
		names = []string{short}
	case side >= 1.4*p.font:
		p.text(x+side/2, y+side/2, middle, on, short, side-3)
		return
	default:
		return
	}
	line := p.font * 1.25
	at := y + side/2 - float64(len(names))*line/2
	for _, n := range names {
		p.text(x+side/2, at, middle, on, n, side-6)
		at += line
	}
	p.text(x+side/2, at, middle, on+" chart-sum", said, side)
}

// Map draws an operator's areas with the places of their ids. An area of no place is land that nothing is said of.
func Map(a About, head, value string, shapes Shapes, places []Place) Figure {
	drawn, of := make([]bool, len(places)), map[string]Place{}
	for i, p := range places {
		if drawn[i] = shapes.Has(p.ID); drawn[i] {
			of[strings.ToUpper(p.ID)] = p
		}
	}
	m := a.atlas(head, value, places, drawn)
	if !m.known {
		return m.f
	}
	return paint(m.f, []room{every}, func(p *pen) float64 {
		fill := m.hatched(p, places)
		var more bulk
		if m.drawn > mostMarks {
			more = bulk{}
		}
		for i, r := range shapes.Areas {
			q, known := of[r.ID]
			if !known {
				done := p.mark("", brief(r.name(string(a.Lang))), false)
				p.shape(shapes.lands[i].d, "chart-cell chart-none chart-land", "")
				done()
				continue
			}
			if more != nil {
				m.lay(p, more, q.Spot, " chart-land", shapes.lands[i].d, fill)
				continue
			}
			done := p.mark(q.Link, m.tip(q), shapes.lands[i].lines[0].w > width(a.spot(q.Spot).Text, p.font))
			m.lay(p, nil, q.Spot, " chart-land", shapes.lands[i].d, fill)
			m.caption(p, q, shapes.lands[i])
			done()
		}
		more.paint(p, fill)
		for i, r := range shapes.Areas {
			if q, known := of[r.ID]; known && more != nil && m.drawn <= mostValues {
				m.caption(p, q, shapes.lands[i])
			}
		}
		return shapes.high
	})
}

// caption writes name and value, or the value, into an area that has room for it.
func (m atlas) caption(p *pen, q Place, c contour) {
	said, on := m.a.spot(q.Spot).Text, m.on(q)
	for n := len(c.lines); n > 0; n-- {
		at := c.lines[n-1]
		var names []string
		if n > 1 {
			var ok bool
			if names, ok = fold(brief(q.Name), p.font, at.w-4); !ok || len(names) != n-1 {
				continue
			}
		}
		if width(said, p.font) > at.w-2 {
			continue
		}
		line := p.font * 1.3
		y := at.y - line*float64(n-1)/2
		for _, name := range names {
			p.text(at.x, y, middle, on, name, at.w)
			y += line
		}
		p.text(at.x, y, middle, on+" chart-sum", said, at.w)
		return
	}
}
