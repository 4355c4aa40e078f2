package chart

import (
	"math"
	"strconv"
)

// Band is a range around or behind lines: an interval of one series, or what a group usually has.
type Band struct {
	Name      string
	Of        int // the series whose colour it takes, counted from 1; 0 for a band of its own
	Low, High []float64
}

// Lines draws series over an axis as lines, from zero up, over bands.
func Lines(a About, x Axis, series []Series, bands ...Band) Figure {
	f := a.rows(a.figure(), x, series)
	lists := values(series)
	for _, b := range bands {
		lists = append(lists, b.Low, b.High)
		f = f.column(a, b.Name+" "+a.Lang.T("chart.low"), b.Low)
		f = f.column(a, b.Name+" "+a.Lang.T("chart.high"), b.High)
	}
	lo, hi, any, whole := bounds(lists...)
	if !any || x.len() == 0 {
		return a.nothing(f)
	}
	shown := a.drawn(series, x.len())
	f = f.legend(shown, true)
	f = f.banded(bands, shown)
	return a.paint(f, func(p *pen) float64 {
		h := p.height()
		field := p.frame(a, x, newScale(lo, hi, 4, whole && a.Unit == Count), h, false)
		p.markers(shown)
		for _, b := range bands {
			p.band(field, b, shown)
		}
		for i, s := range shown {
			p.stroke(field, s, i)
		}
		p.hits(a, x, field, shown)
		return h
	})
}

// Areas draws series over an axis, each on top of the one before.
func Areas(a About, x Axis, series []Series) Figure {
	f := a.rows(a.figure(), x, series)
	if _, _, any, _ := bounds(values(series)...); !any || x.len() == 0 {
		return a.nothing(f)
	}
	shown := a.drawn(series, x.len())
	sums := stack(shown, x.len())
	_, hi, _, whole := bounds(sums...)
	f = f.legend(shown, false)
	return a.paint(f, func(p *pen) float64 {
		h := p.height()
		fills := p.textures(shown)
		field := p.frame(a, x, newScale(0, hi, 4, whole && a.Unit == Count), h, false)
		for i, s := range shown {
			p.area(field, sums[i], sums[i+1], s.filled(i, fills[i]), fills[i])
		}
		p.line(field.x0, field.y0, field.x1, field.y0, "chart-zero")
		p.hits(a, x, field, shown)
		return h
	})
}

// height is that of a chart along an axis.
func (p *pen) height() float64 {
	if p.name == narrow.name {
		return 220
	}
	return 270
}

func values(series []Series) [][]float64 {
	lists := make([][]float64, len(series))
	for i, s := range series {
		lists[i] = s.Values
	}
	return lists
}

// column adds a column of values to the table twin.
func (f Figure) column(a About, head string, values []float64) Figure {
	f.Head = append(f.Head, head)
	for i := range f.Rows {
		v := math.NaN()
		if i < len(values) {
			v = values[i]
		}
		f.Rows[i] = append(f.Rows[i], a.Unit.cell(a.Lang, v, ""))
	}
	return f
}

// banded adds bands to the legend.
func (f Figure) banded(bands []Band, series []Series) Figure {
	if len(bands) > 0 && len(f.Legend) == 0 && len(series) == 1 {
		f.Legend = append(f.Legend, entry(series[0].Name, series[0].Link, `<path class="chart-line chart-d1 `+series[0].hue(0)+`" d="M1 7H25"/>`))
	}
	for _, b := range bands {
		f.Legend = append(f.Legend, entry(b.Name, "", `<rect class="chart-band `+b.hue(series)+`" x="1" y="1" width="24" height="12"/>`))
	}
	return f
}

func (b Band) hue(series []Series) string {
	if b.Of > 0 && b.Of <= len(series) {
		return series[b.Of-1].hue(b.Of - 1)
	}
	return "chart-quiet"
}

// stack returns the sums of the first 0, 1, … series at each place; what is negative or no number counts as nothing.
func stack(series []Series, places int) [][]float64 {
	sums := make([][]float64, len(series)+1)
	sums[0] = make([]float64, places)
	for i, s := range series {
		sums[i+1] = make([]float64, places)
		for j := range places {
			v, _ := tame(s.value(j))
			sums[i+1][j] = sums[i][j] + max(v, 0)
		}
	}
	return sums
}

// stroke draws one line with its markers: few enough to stay apart, one at each end and alone where a value stands alone.
func (p *pen) stroke(f plot, s Series, i int) {
	var d path
	every := max(1, int(math.Ceil(p.w/6/max(f.slot(), 1e-9))))
	type spot struct{ x, y float64 }
	var spots []spot
	for _, j := range thin(s.Values, f.places, min(int(p.w/3), 200)) {
		v, ok := tame(s.value(j))
		if !ok {
			d.gap()
			continue
		}
		x, y := f.x(j), f.y(v)
		d.to(x, y)
		_, before := tame(s.value(j - 1))
		_, after := tame(s.value(j + 1))
		if (f.places-1-j)%every == (i*every/most)%every || j == f.places-1 || !before && !after {
			spots = append(spots, spot{x, y})
		}
	}
	p.printf(`<path class="chart-line %s chart-d%d" d="%s"/>`, s.hue(i), i%most+1, d.b.String())
	for _, at := range spots {
		p.marker(at.x, at.y, i)
	}
}

// thin returns the places that a line of at most so many units needs: all of them, or the lowest and highest of each
// unit, so that a peak is never lost.
func thin(values []float64, places, units int) []int {
	var keep []int
	if places <= 2*units {
		for i := range places {
			keep = append(keep, i)
		}
		return keep
	}
	for u := range units {
		from, to := u*places/units, (u+1)*places/units
		lo, hi := -1, -1
		for j := from; j < min(to, len(values)); j++ {
			if _, ok := tame(values[j]); !ok {
				continue
			}
			if lo < 0 || values[j] < values[lo] {
				lo = j
			}
			if hi < 0 || values[j] > values[hi] {
				hi = j
			}
		}
		switch {
		case lo < 0:
			keep = append(keep, from)
		case lo == hi:
			keep = append(keep, lo)
		default:
			keep = append(keep, min(lo, hi), max(lo, hi))
		}
	}
	return keep
}

// band draws the range between two lines.
func (p *pen) band(f plot, b Band, series []Series) {
	p.area(f, b.Low, b.High, "chart-band "+b.hue(series), "")
}

// area fills between two lists of values, a piece for each run of places where both are numbers.
func (p *pen) area(f plot, low, high []float64, class, fill string) {
	var d path
	n := min(len(low), len(high), f.places)
	for i := 0; i < n; i++ {
		from := i
		for i < n && finite(low[i]) && finite(high[i]) {
			i++
		}
		if i == from {
			continue
		}
		every := max(1, (i-from)/min(int(p.w/2), 300))
		for j := from; j < i; j += every {
			d.to(f.x(j), f.y(high[j]))
		}
		for j := i - 1; j >= from; j -= every {
			d.to(f.x(j), f.y(low[j]))
		}
		d.close()
	}
	p.shape(d.b.String(), class, fill)
}

func finite(v float64) bool {
	_, ok := tame(v)
	return ok
}

// hits draws a column over each place that says all its values. Where tool tips are not drawn it says only where the
// columns lie: the cross-hair of the script takes the words from the drawing that has them.
func (p *pen) hits(a About, x Axis, f plot, series []Series) {
	atMost := 184
	if len(series) > 4 {
		atMost = 92
	}
	every := (f.places + atMost - 1) / atMost
	first := (f.places - 1) % every
	p.columnsOf(f, f.x(first), f.slot()*float64(every), (f.places-1-first)/every+1, func(i int) string {
		return a.point(x, first+i*every, series)
	})
}

// columnsOf draws n columns of a width from left to right, the middle of the first at x.
func (p *pen) columnsOf(f plot, x, wide float64, n int, say func(int) string) {
	p.printf(`<g class="chart-hits" data-x="%s" data-step="%s" data-n="%d" data-top="%s" data-foot="%s" stroke-width="%s">`,
		px(x), strconv.FormatFloat(wide, 'f', 3, 64), n, px(f.y1), px(f.y0), px(max(wide, 1)))
	for i := 0; i < n && p.tips; i++ {
		p.printf(`<path d="M%s %sV%s">`, px(x+float64(i)*wide), px(f.y1), px(f.y0))
		p.tip(say(i), true)
		p.b.WriteString(`</path>`)
	}
	p.b.WriteString(`</g>`)
}
