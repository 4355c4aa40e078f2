package chart

import "strings"

// Heat draws a table of shades: a row for each name of rows, a column for each of columns. Cells holds the rows; what is
// missing is not known. Head names the rows.
func Heat(a About, head string, rows, columns []string, cells [][]Spot) Figure {
	f := a.figure(append([]string{head}, columns...)...)
	var all []Spot
	spot := func(i, j int) Spot {
		if i < len(cells) && j < len(cells[i]) {
			return cells[i][j]
		}
		return Spot{Value: nan}
	}
	for i, name := range rows {
		row := []Cell{{Text: name}}
		for j := range columns {
			all = append(all, spot(i, j))
			row = append(row, a.spot(spot(i, j)))
		}
		f.Rows = append(f.Rows, row)
	}
	hi, known, unknown, wholeNumbers := reach(all)
	if !known {
		return a.nothing(f)
	}
	const drawn = 20
	if len(rows) > drawn || len(columns) > drawn {
		f.Note = strings.TrimSpace(f.Note + " " + a.Lang.T("chart.first_rows", drawn))
		rows, columns = rows[:min(len(rows), drawn)], columns[:min(len(columns), drawn)]
	}
	sh := newShades(hi, wholeNumbers && a.Unit == Count)
	f = sh.legend(a, f, unknown)
	return a.paint(f, func(p *pen) float64 {
		g := p.gridOf(rows, columns)
		for j, name := range columns {
			p.columnHead(g, j, name)
		}
		n := len(rows) * len(columns)
		light := n > 300 || n > 48 && !p.tips // links are in the table, and shades in one path each
		marks := bulk{}
		for i, name := range rows {
			y := g.top + float64(i)*g.high
			p.text(g.left-8, y+g.high/2, end, "name", name, g.left-8)
			for j := range columns {
				x := g.left + float64(j)*g.wide
				if !light {
					p.cell(a, sh, spot(i, j), brief(name)+" · "+brief(columns[j]), x, y, g.wide, g.high)
					continue
				}
				ground, _ := spot(i, j).ground(sh)
				marks.add(ground, outline(x+1, y+1, g.wide-2, g.high-2))
			}
		}
		marks.paint(p, "")
		for i := range rows {
			for j := range columns {
				if light {
					p.number(a, sh, spot(i, j), g.left+float64(j)*g.wide, g.top+float64(i)*g.high, g.wide, g.high)
				}
			}
		}
		return g.top + float64(len(rows))*g.high + 1
	})
}

// grid is where the cells of a heat map lie.
type grid struct {
	left, top, wide, high float64
	upright               bool // the heads of columns stand, as they do not fit lying
	lines                 int
}

func (p *pen) gridOf(rows, columns []string) grid {
	names := 0.0
	for _, n := range rows {
		names = max(names, width(tidy(n), p.font))
	}
	g := grid{left: min(names, p.w*.3) + 8, high: p.font * 2, lines: 1}
	g.wide = (p.w - g.left) / float64(max(len(columns), 1))
	longest := 0.0
	for _, c := range columns {
		longest = max(longest, width(tidy(c), p.font))
		lines, ok := fold(c, p.font, g.wide-6)
		g.lines = max(g.lines, len(lines))
		g.upright = g.upright || !ok
	}
	g.top = float64(g.lines)*p.font*1.25 + 6
	if g.upright {
		g.top = min(longest, 8*p.font) + 8
	}
	return g
}

func (p *pen) columnHead(g grid, j int, name string) {
	x := g.left + (float64(j)+.5)*g.wide
	if g.upright {
		p.upright(x, g.top-6, name, g.top-8)
		return
	}
	lines, _ := fold(name, p.font, g.wide-6)
	for k, l := range lines {
		p.text(x, g.top-6-p.font*.5-float64(len(lines)-1-k)*p.font*1.25, middle, "tick", l, g.wide)
	}
}

// cell draws one spot with its value where it fits.
func (p *pen) cell(a About, sh shades, s Spot, name string, x, y, w, h float64) {
	said := a.spot(s).Text
	done := p.mark(s.Link, a.Lang.T("chart.point", name, said), said != "" && width(said, p.font) <= w-4)
	ground, _ := s.ground(sh)
	p.rect(x+1, y+1, w-2, h-2, ground)
	p.number(a, sh, s, x, y, w, h)
	done()
}

// number writes the value of a spot where it fits.
func (p *pen) number(a About, sh shades, s Spot, x, y, w, h float64) {
	_, on := s.ground(sh)
	if said := a.spot(s).Text; said != "" && width(said, p.font) <= w-4 {
		p.text(x+w/2, y+h/2, middle, on, said, w)
	}
}
