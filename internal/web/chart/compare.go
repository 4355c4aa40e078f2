package chart

import (
	"cmp"
	"math"
	"slices"

	"tocsin/internal/lang"
)

// Rate is one of those that a comparison compares: so many of a base.
type Rate struct {
	Name, Link string
	Count      float64
	Base       float64 // the denominator: systems, organisations; only above 0 is drawn
	Low, High  float64 // an interval of the rate; none where High is not above Low
}

func (r Rate) rate() float64 {
	if !(r.Base > 0) || !finite(r.Base) || !finite(r.Count) {
		return nan
	}
	return r.Count / r.Base
}

// Control draws rates over their denominators within the limits that chance alone would keep them in: a funnel plot
// (Spiegelhalter 2005). The limits are 95% and 99.8% around the rate of all together, from the binomial variance where no
// rate is above one and from the Poisson variance elsewhere. Base names the denominator. Whoever lies between the limits
// does not differ from the rest; there is no ranking in it.
func Control(a About, head, base string, rates []Rate) Figure {
	l := a.Lang
	f := a.figure(head, l.T("chart.count"), base, l.T("chart.rate"), l.T("chart.verdict"))
	c := newControl(rates)
	for _, r := range rates {
		f.Rows = append(f.Rows, []Cell{
			{Text: r.Name, Link: local(r.Link)},
			Count.cell(l, r.Count, local(r.Link)),
			Count.cell(l, r.Base, ""),
			a.Unit.cell(l, r.rate(), ""),
			{Text: c.verdict(r).say(l)},
		})
	}
	if len(c.rates) == 0 {
		return a.nothing(f)
	}
	f.Legend = []Entry{
		entry(l.T("chart.overall", a.Unit.say(l, c.overall)), "", `<path class="chart-mean" d="M1 7H25"/>`),
		entry(l.T("chart.limit95"), "", `<path class="chart-limit chart-inner" d="M1 7H25"/>`),
		entry(l.T("chart.limit998"), "", `<path class="chart-limit" d="M1 7H25"/>`),
		entry(l.T("chart.outside"), "", `<path class="chart-mark chart-bad" transform="translate(13 7) scale(4.2)" d="`+markers[3]+`"/>`),
	}
	return a.paint(f, func(p *pen) float64 { return p.control(a, base, c) })
}

// control are the rates that can be drawn and the limits around them.
type control struct {
	rates           []Rate
	overall         float64
	binomial        bool
	maxBase, hiRate float64
}

func newControl(rates []Rate) control {
	c := control{binomial: true}
	count, base := 0.0, 0.0
	for _, r := range rates {
		v := r.rate()
		if !finite(v) || v < 0 || r.Base > limit {
			continue
		}
		c.rates = append(c.rates, r)
		count, base = count+r.Count, base+r.Base
		c.maxBase, c.hiRate, c.binomial = max(c.maxBase, r.Base), max(c.hiRate, v), c.binomial && v <= 1
	}
	if base > 0 {
		c.overall = count / base
	}
	slices.SortStableFunc(c.rates, func(a, b Rate) int { return cmp.Compare(a.Base, b.Base) })
	return c
}

// Distances of the limits from the middle in standard errors: 95% and 99.8% of what chance does.
const (
	inner = 1.959964
	outer = 3.090232
)

// within returns the limits z standard errors around the overall rate for a denominator.
func (c control) within(base, z float64) (lo, hi float64) {
	variance := c.overall
	if c.binomial {
		variance *= 1 - c.overall
	}
	d := z * math.Sqrt(max(variance, 0)/base)
	lo, hi = max(c.overall-d, 0), c.overall+d
	if c.binomial {
		hi = min(hi, 1)
	}
	return lo, hi
}

// verdict is what a rate's place between the limits means.
type verdict int

const (
	unknowable verdict = iota
	below
	inside
	above
)

func (c control) verdict(r Rate) verdict {
	v := r.rate()
	if !finite(v) {
		return unknowable
	}
	lo, hi := c.within(r.Base, outer)
	switch {
	case v > hi:
		return above
	case v < lo:
		return below
	}
	return inside
}

func (v verdict) say(l lang.Language) string {
	switch v {
	case above:
		return l.T("chart.above")
	case below:
		return l.T("chart.below")
	case inside:
		return l.T("chart.inside")
	case unknowable:
	}
	return l.T("chart.no_rate")
}

func (p *pen) control(a About, base string, c control) float64 {
	h := p.height() + 30
	_, top := c.within(max(c.maxBase/12, 1), outer)
	s := newScale(0, max(c.hiRate, min(top, c.overall*4)), 4, false)
	left := 0.0
	for _, v := range s.ticks {
		left = max(left, width(s.label(a.Lang, a.Unit, v), p.font))
	}
	f := plot{x0: left + 8, x1: p.w - 16, y1: p.font, y0: h - p.font*2.9, scale: s}
	p.rules(a, f)
	xs := newScale(0, c.maxBase, int(p.w/90), true)
	p.numbers(a, f, xs, base)
	x := func(b float64) float64 { return f.x0 + xs.at(b)*(f.x1-f.x0) }
	for _, z := range []float64{outer, inner} {
		class := "chart-limit"
		if z == inner {
			class += " chart-inner"
		}
		p.limits(f, c, z, class, xs)
	}
	p.line(f.x0, f.y(c.overall), f.x1, f.y(c.overall), "chart-mean")
	for _, r := range c.rates {
		v := r.rate()
		tip := a.Lang.T("chart.point", brief(r.Name), a.Unit.say(a.Lang, v)) + "\n" +
			a.Lang.T("chart.of_base", Count.say(a.Lang, r.Count), Count.say(a.Lang, r.Base)) + "\n" + c.verdict(r).say(a.Lang)
		done := p.mark(r.Link, tip, false)
		if c.verdict(r) == inside {
			p.printf(`<circle class="chart-mark chart-s2" cx="%s" cy="%s" r="4"/>`, px(x(r.Base)), px(f.y(v)))
		} else {
			p.printf(`<path class="chart-mark chart-bad" transform="translate(%s %s) scale(4.6)" d="%s"/>`, px(x(r.Base)), px(f.y(v)), markers[3])
		}
		done()
	}
	p.outsiders(f, c, x)
	return h
}

// outsiders writes the names of those beyond the outer limits where there is room beside them.
func (p *pen) outsiders(f plot, c control, x func(float64) float64) {
	for _, r := range c.rates {
		if v := c.verdict(r); v != above && v != below {
			continue
		}
		cx, cy := x(r.Base), f.y(r.rate())
		name := clip(r.Name, p.font, p.w*.3)
		w := width(name, p.font)
		left := cx + 9
		if left+w > p.w {
			left = cx - 9 - w
		}
		b := box{left, cy - p.font*.6, left + w, cy + p.font*.6}
		if left < f.x0 || cy-p.font*.6 < 0 || cy+p.font*.6 > f.y0 || p.meets(b) {
			continue
		}
		p.text(left, cy, start, "name", r.Name, p.w*.3)
	}
}

// limits draws the two curves z standard errors around the overall rate.
func (p *pen) limits(f plot, c control, z float64, class string, xs scale) {
	const points = 48
	var upper, lower path
	for i := range points {
		share := math.Pow(float64(i+1)/points, 2) // the curves bend near zero
		base := xs.hi() * share
		lo, hi := c.within(base, z)
		if hi <= f.scale.hi() {
			upper.to(f.x0+share*(f.x1-f.x0), f.y(hi))
		}
		lower.to(f.x0+share*(f.x1-f.x0), f.y(lo))
	}
	p.printf(`<path class="%s" d="%s%s"/>`, class, upper.b.String(), lower.b.String())
}

// Intervals draws rates as points with their intervals, in the order given, beside a line at the reference. Rates whose
// interval holds the reference do not differ from it.
func Intervals(a About, head, value string, rates []Rate, reference float64) Figure {
	l := a.Lang
	f := a.figure(head, value, l.T("chart.low"), l.T("chart.high"), l.T("chart.denominator"))
	list := []float64{reference}
	for _, r := range rates {
		f.Rows = append(f.Rows, []Cell{
			{Text: r.Name, Link: local(r.Link)},
			a.Unit.cell(l, r.rate(), local(r.Link)), a.Unit.cell(l, r.Low, ""),
			a.Unit.cell(l, r.High, ""), Count.cell(l, r.Base, ""),
		})
		list = append(list, r.rate(), r.Low, r.High)
	}
	lo, hi, _, _ := bounds(list)
	if len(rates) == 0 {
		return a.nothing(f)
	}
	const drawn = 40
	if len(rates) > drawn {
		f.Note = a.Lang.T("chart.first", drawn, len(rates))
		rates = rates[:drawn]
	}
	f.Legend = []Entry{entry(l.T("chart.overall", a.Unit.say(l, reference)), "", `<path class="chart-mean" d="M1 7H25"/>`)}
	return a.paint(f, func(p *pen) float64 { return p.intervals(a, rates, reference, newScale(lo, hi, int(p.w/110), false)) })
}

func (p *pen) intervals(a About, rates []Rate, reference float64, s scale) float64 {
	tight := p.name == narrow.name
	names, row := 0.0, p.font*2
	for _, r := range rates {
		names = max(names, width(tidy(r.Name), p.font))
	}
	names = min(names, p.w*.34)
	x0 := names + 16
	if tight {
		x0, row = 10, p.font*2.9
	}
	x1, foot := p.w-26, row*float64(len(rates))+4
	x := func(v float64) float64 { return x0 + s.at(v)*(x1-x0) }
	for _, v := range s.ticks {
		p.line(x(v), 0, x(v), foot, "chart-grid")
		label := s.label(a.Lang, a.Unit, v)
		p.text(min(x(v), p.w-width(label, p.font)/2), foot+p.font, middle, "tick", label, p.w)
	}
	if finite(reference) {
		p.line(x(reference), 0, x(reference), foot, "chart-mean")
	}
	for i, r := range rates {
		y := row * (float64(i) + .5)
		done := p.mark(r.Link, a.itemTip(Item{Name: r.Name, Value: r.rate(), Low: r.Low, High: r.High, Sub: a.Lang.T("chart.of_base", Count.say(a.Lang, r.Count), Count.say(a.Lang, r.Base))}), tidy(r.Name) != "")
		p.rect(0, y-row/2, p.w, row, "chart-hit")
		if tight {
			p.text(0, y-p.font*.7, start, "name", r.Name, p.w)
			y += p.font * .45
		} else {
			p.text(names, y, end, "name", r.Name, names)
		}
		if r.Low < r.High {
			p.whisker(x(r.Low), x(r.High), y)
		}
		if v := r.rate(); finite(v) {
			class := "chart-mark chart-s2"
			if finite(reference) && r.Low < r.High && (reference < r.Low || reference > r.High) {
				class = "chart-mark chart-s1"
			}
			p.printf(`<circle class="%s" cx="%s" cy="%s" r="4.5"/>`, class, px(x(v)), px(y))
		}
		done()
	}
	return foot + p.font*1.8
}
