package chart

import (
	"math"
	"strings"
)

// mostColumns is how many places a chart of columns draws: the newest.
const mostColumns = 120

// Stacked draws a column for each place of an axis, each series on top of the one before. A column with a link leads to
// what it counts.
func Stacked(a About, x Axis, series []Series) Figure {
	return columns(a, x, series, func(shown []Series, places int) (lo, hi float64, any, whole bool) {
		return bounds(stack(shown, places)...)
	}, piled)
}

// Grouped draws a column for each series side by side at each place of an axis.
func Grouped(a About, x Axis, series []Series) Figure {
	return columns(a, x, series, func(shown []Series, _ int) (lo, hi float64, any, whole bool) {
		return bounds(values(shown)...)
	}, sided)
}

func columns(a About, x Axis, series []Series, reach func([]Series, int) (float64, float64, bool, bool),
	column func(plot, int, []Series) []string,
) Figure {
	f := a.rows(a.figure(), x, series)
	shown := a.drawn(series, x.len())
	if _, _, any, _ := bounds(values(shown)...); !any || x.len() == 0 {
		return a.nothing(f)
	}
	if over := x.len() - mostColumns; over > 0 {
		x = x.last(mostColumns)
		for i := range shown {
			shown[i].Values, shown[i].Links = cutHead(shown[i].Values, over), cutHead(shown[i].Links, over)
		}
		f.Note = strings.TrimSpace(f.Note + " " + a.Lang.T("chart.newest", mostColumns, mostColumns+over))
	}
	lo, hi, _, whole := reach(shown, x.len())
	f = f.legend(shown, false)
	return a.paint(f, func(p *pen) float64 {
		h := p.height()
		fills := p.textures(shown)
		field := p.frame(a, x, newScale(lo, hi, 4, whole && a.Unit == Count), h, true)
		for i, path := range column(field, x.len(), shown) {
			p.shape(path, shown[i].filled(i, fills[i]), fills[i])
		}
		p.line(field.x0, field.y(0), field.x1, field.y(0), "chart-zero")
		if len(x.Links) == 0 || x.len() > 31 { // more links than a keyboard wants to pass: the table has them
			p.hits(a, x, field, shown)
			return h
		}
		for i := range x.len() {
			done := p.mark(at(x.Links, i), a.point(x, i, shown), false)
			p.rect(field.x(i)-field.slot()/2, field.y1, field.slot(), field.y0-field.y1, "chart-hit")
			done()
		}
		return h
	})
}

func cutHead[T any](list []T, n int) []T { return list[min(n, len(list)):] }

// piled draws the columns of each series on top of those of the one before, a path for each series.
func piled(f plot, places int, series []Series) []string {
	out, w := make([]string, len(series)), columnWidth(f.slot())
	for i := range places {
		sum := 0.0
		for j, s := range series {
			v, _ := tame(s.value(i))
			if v <= 0 {
				continue
			}
			foot := f.y(sum)
			sum += v
			out[j] += outline(f.x(i)-w/2, f.y(sum), w, foot-f.y(sum))
		}
	}
	return out
}

// sided draws the columns of the series side by side.
func sided(f plot, places int, series []Series) []string {
	out, all := make([]string, len(series)), columnWidth(f.slot())
	w := all / float64(len(series))
	for i := range places {
		for j, s := range series {
			v, ok := tame(s.value(i))
			if !ok || v == 0 {
				continue
			}
			top, foot := f.y(max(v, 0)), f.y(min(v, 0))
			out[j] += outline(f.x(i)-all/2+float64(j)*w, top, max(w-1, w*.8), foot-top)
		}
	}
	return out
}

// columnWidth leaves a third of a slot free, at most 44 units of it filled.
func columnWidth(slot float64) float64 { return min(slot*.72, 44) }

// Item is one bar of a ranking, or one stage of a funnel.
type Item struct {
	Name, Link string
	Tone       Tone
	Value      float64
	Low, High  float64 // an interval around the value, drawn where Low < High
	Text       string  // in place of the value: "<5"; such a bar is not drawn
	Sub        string  // said in the tool tip and the table; may be empty
	share      string  // of the stage before, in a funnel
}

// Ranked draws a bar for each item in the order given, with its name and its value in words. Head names the columns of
// names and of values.
func Ranked(a About, head, value string, items []Item) Figure {
	f, hi := a.items(head, value, items)
	if len(f.Rows) == 0 {
		return a.nothing(f)
	}
	const drawn = 40
	if len(items) > drawn {
		f.Note = strings.TrimSpace(f.Note + " " + a.Lang.T("chart.first", drawn, len(items)))
		items = items[:drawn]
	}
	return a.paint(f, func(p *pen) float64 {
		s := newScale(0, hi, 4, false)
		s.ticks = []float64{0, max(hi, 1e-9)} // bars end at the longest: there is no axis to read
		return p.bars(a, s, items)
	})
}

// items is the table twin of items, and the greatest value among them.
func (a About) items(head, value string, items []Item) (Figure, float64) {
	f := a.figure(head, value)
	hi, sub, interval := 0.0, false, false
	for _, it := range items {
		sub, interval = sub || it.Sub != "", interval || it.Low < it.High
	}
	if interval {
		f.Head = append(f.Head, a.Lang.T("chart.low"), a.Lang.T("chart.high"))
	}
	if sub {
		f.Head = append(f.Head, a.Lang.T("chart.more"))
	}
	for _, it := range items {
		row := []Cell{{Text: it.Name, Link: local(it.Link)}, a.said(it)}
		if v, ok := tame(it.Value); ok && it.Text == "" {
			hi = max(hi, v)
		}
		if interval {
			low, high := math.NaN(), math.NaN()
			if it.Low < it.High && it.Text == "" {
				low, high = it.Low, it.High
				if v, ok := tame(high); ok {
					hi = max(hi, v)
				}
			}
			row = append(row, a.Unit.cell(a.Lang, low, ""), a.Unit.cell(a.Lang, high, ""))
		}
		if sub {
			row = append(row, Cell{Text: it.Sub})
		}
		f.Rows = append(f.Rows, row)
	}
	return f, hi
}

// said is the value of an item, or what stands in its place.
func (a About) said(it Item) Cell {
	if it.Text != "" {
		return Cell{Text: it.Text, Raw: safe(it.Text), Num: true, Link: local(it.Link)}
	}
	return a.Unit.cell(a.Lang, it.Value, local(it.Link))
}

// tip says an item in full.
func (a About) itemTip(it Item) string {
	text := a.Lang.T("chart.point", brief(it.Name), a.said(it).Text)
	if it.Low < it.High && it.Text == "" {
		text += "\n" + a.Lang.T("chart.interval", a.Unit.say(a.Lang, it.Low), a.Unit.say(a.Lang, it.High))
	}
	if it.Sub != "" {
		text += "\n" + brief(it.Sub)
	}
	return text
}

// bars draws items from the top down and returns the height they took. In a narrow room, and where
// names are long, a name stands above its bar.
func (p *pen) bars(a About, s scale, items []Item) float64 {
	names, numbers := 0.0, 0.0
	for _, it := range items {
		names = max(names, width(tidy(it.Name), p.font))
		numbers = max(numbers, width(a.said(it).Text, p.font))
	}
	numbers = min(numbers, p.w/3)
	tight := p.name == narrow.name || names > p.w*.42
	x0, row, thick := names+10, p.font*2.1, p.font*1.05
	if tight {
		x0, row, thick = 0, p.font*3.1, p.font*.95
	}
	x1 := p.w - numbers - 8
	for i, it := range items {
		done := p.mark(it.Link, a.itemTip(it), true)
		y := row*(float64(i)+.5) + 1
		p.rect(0, y-row/2, p.w, row, "chart-hit")
		if tight {
			p.text(0, y-p.font*.7, start, "name", it.Name, p.w)
			y += p.font * .5
		} else {
			p.text(names, y, end, "name", it.Name, names)
		}
		p.rect(x0, y-thick/2, x1-x0, thick, "chart-well")
		if v, ok := tame(it.Value); ok && it.Text == "" && v > 0 {
			p.rect(x0, y-thick/2, max(s.at(v)*(x1-x0), 1.5), thick, Series{Tone: it.Tone}.filled(0, ""))
		}
		if it.Low < it.High && it.Text == "" {
			p.whisker(x0+s.at(it.Low)*(x1-x0), x0+s.at(it.High)*(x1-x0), y)
		}
		p.text(p.w, y, end, "value", a.said(it).Text, numbers)
		done()
	}
	return row*float64(len(items)) + 2
}

// whisker draws an interval along a line.
func (p *pen) whisker(x0, x1, y float64) {
	p.printf(`<path class="chart-whisker" d="M%s %sH%sM%s %sv6M%s %sv6"/>`, px(x0), px(y), px(x1), px(x0), px(y-3), px(x1), px(y-3))
}
