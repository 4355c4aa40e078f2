package chart

import (
	"math"
	"slices"
	"strings"
)

// Curve is one survival curve: the share that is still open after so many days, as steps down. Low and High are an
// interval around it.
type Curve struct {
	Name, Link string
	Tone       Tone
	Steps      []Fall
}

// Fall is where a curve falls.
type Fall struct {
	At        float64 // days since the beginning
	Share     float64 // still open from here on, 0 to 1
	Low, High float64 // interval; none where High is not above Low
	AtRisk    int64   // how many were still watched
}

// Survival draws curves of how long things stay open (Kaplan and Meier 1958), with the interval that comes with them and a
// line at one half, where the median is read.
func Survival(a About, curves []Curve) Figure {
	a.Unit = Percent
	l := a.Lang
	f := a.figure(l.T("chart.days_open"), l.T("chart.still_open"), l.T("chart.low"), l.T("chart.high"), l.T("chart.at_risk"))
	if len(curves) > 1 {
		f.Head = append([]string{l.T("chart.curve")}, f.Head...)
	}
	last, shown := 0.0, min(len(curves), most)
	series := make([]Series, shown)
	for i, c := range curves {
		if i < shown {
			series[i] = Series{Name: c.Name, Link: c.Link, Tone: c.Tone}
		}
		for _, s := range c.Steps {
			row := []Cell{Count.cell(l, s.At, ""), Percent.cell(l, s.Share, ""), Percent.cell(l, s.Low, ""), Percent.cell(l, s.High, ""), Count.cell(l, float64(s.AtRisk), "")}
			if len(curves) > 1 {
				row = append([]Cell{{Text: c.Name, Link: local(c.Link)}}, row...)
			}
			f.Rows = append(f.Rows, row)
			if v, ok := tame(s.At); ok {
				last = max(last, v)
			}
		}
	}
	if len(f.Rows) == 0 {
		return a.nothing(f)
	}
	f = f.legend(series, true)
	return a.paint(f, func(p *pen) float64 { return p.survival(a, curves[:shown], series, last) })
}

func (p *pen) survival(a About, curves []Curve, series []Series, last float64) float64 {
	h := p.height()
	f := plot{x0: width("100%", p.font) + 8, x1: p.w - 16, y1: p.font, y0: h - p.font*2.9}
	f.scale = scale{ticks: []float64{0, .25, .5, .75, 1}, step: .25}
	p.markers(series)
	p.rules(a, f)
	days := newScale(0, max(last, 1), int(p.w/80), true)
	p.numbers(a, f, days, a.Lang.T("chart.days_open"))
	x := func(d float64) float64 { return f.x0 + days.at(d)*(f.x1-f.x0) }
	p.line(f.x0, f.y(.5), f.x1, f.y(.5), "chart-half")
	for i, c := range curves {
		p.stairsBand(c, x, f.y, "chart-band "+series[i].hue(i))
	}
	for i, c := range curves {
		p.stairs(c, x, f.y, series[i], i)
		for _, s := range c.Steps {
			if s.Share <= .5 && finite(s.At) {
				p.marker(x(s.At), f.y(.5), i)
				break
			}
		}
	}
	p.fallHits(a, f, curves, x)
	return h
}

// numbers draws an axis of numbers below the field with its name.
func (p *pen) numbers(a About, f plot, s scale, name string) {
	before := math.Inf(-1)
	for _, v := range s.ticks {
		x := f.x0 + s.at(v)*(f.x1-f.x0)
		label := s.label(a.Lang, Count, v)
		w := width(label, p.font)
		p.line(x, f.y0, x, f.y0+4, "chart-zero")
		if at := min(x, p.w-w/2); at-w/2 >= before+gap/2 {
			p.text(at, f.y0+p.font*1.05, middle, "tick", label, w+1)
			before = at + w/2
		}
	}
	p.text(f.x1, f.y0+p.font*2.3, end, "tick", name, f.x1)
}

// stairs draws a curve as steps from 1 at day 0.
func (p *pen) stairs(c Curve, x, y func(float64) float64, s Series, i int) {
	var d path
	d.to(x(0), y(1))
	before := 1.0
	for _, at := range c.Steps {
		if finite(at.At) && finite(at.Share) {
			d.to(x(at.At), y(before))
			d.to(x(at.At), y(at.Share))
			before = at.Share
		}
	}
	p.printf(`<path class="chart-line %s chart-d%d" d="%s"/>`, s.hue(i), i%most+1, d.b.String())
}

// stairsBand draws the interval around a curve.
func (p *pen) stairsBand(c Curve, x, y func(float64) float64, class string) {
	var d path
	d.to(x(0), y(1))
	var steps []Fall
	before := 1.0
	for _, s := range c.Steps {
		if finite(s.At) && finite(s.Low) && finite(s.High) && s.High > s.Low {
			steps = append(steps, s)
			d.to(x(s.At), y(before))
			d.to(x(s.At), y(s.High))
			before = s.High
		}
	}
	if len(steps) == 0 {
		return
	}
	for i, s := range slices.Backward(steps) {
		low := 1.0
		if i > 0 {
			low = steps[i-1].Low
		}
		d.to(x(s.At), y(s.Low))
		d.to(x(s.At), y(low))
	}
	d.close()
	p.shape(d.b.String(), class, "")
}

// fallHits says each curve's share at even distances.
func (p *pen) fallHits(a About, f plot, curves []Curve, x func(float64) float64) {
	last := 0.0
	for _, c := range curves {
		for _, s := range c.Steps {
			if v, ok := tame(s.At); ok {
				last = max(last, v)
			}
		}
	}
	const hits = 40
	step := max(math.Ceil(last/hits), 1)
	p.columnsOf(f, x(0), x(step)-x(0), int(last/step)+1, func(i int) string {
		d := float64(i) * step
		lines := []string{Days.say(a.Lang, d)}
		for _, c := range curves {
			lines = append(lines, a.Lang.T("chart.point", brief(c.Name), Percent.say(a.Lang, c.at(d))))
		}
		return strings.Join(lines, "\n")
	})
}

// at is the share that is open after d days.
func (c Curve) at(d float64) float64 {
	share := 1.0
	for _, s := range c.Steps {
		if s.At <= d {
			share = s.Share
		}
	}
	return share
}
