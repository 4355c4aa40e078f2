package chart

import (
	"time"

	"tocsin/internal/lang"
)

// Span is one lane of a timeline: a clock that runs, or something that lasted.
type Span struct {
	Name, Link string
	Tone       Tone
	From       time.Time
	To         time.Time // when it ended; zero while it runs
	Due        time.Time // when it has to end; zero where nothing is due
}

// state says what a span is at an instant.
func (s Span) state(l lang.Language, now time.Time) string {
	finish := s.To
	if finish.IsZero() {
		finish = now
	}
	late := !s.Due.IsZero() && finish.After(s.Due)
	switch {
	case s.To.IsZero() && late:
		return l.T("chart.span.overdue")
	case s.To.IsZero():
		return l.T("chart.span.running")
	case late:
		return l.T("chart.span.late")
	}
	return l.T("chart.span.done")
}

// Timeline draws spans as lanes over one axis of time with a line at now: what ran, what is left until it is due, and
// what ran over. Head names the lanes.
func Timeline(a About, head string, now time.Time, zone *time.Location, spans []Span) Figure {
	if zone == nil {
		zone = time.UTC
	}
	l := a.Lang
	f := a.figure(head, l.T("chart.span.from"), l.T("chart.span.due"), l.T("chart.span.to"), l.T("chart.span.state"))
	moment := func(t time.Time) Cell {
		c := Cell{Text: lang.Stamp(t, zone)}
		if !t.IsZero() {
			c.Raw = t.UTC().Format(time.RFC3339)
		}
		return c
	}
	from, to := now, now
	for _, s := range spans {
		f.Rows = append(f.Rows, []Cell{{Text: s.Name, Link: local(s.Link)}, moment(s.From), moment(s.Due), moment(s.To), {Text: s.state(l, now)}})
		for _, t := range []time.Time{s.From, s.To, s.Due} {
			if !t.IsZero() {
				from, to = earlier(from, t), later(to, t)
			}
		}
	}
	if len(spans) == 0 {
		return a.nothing(f)
	}
	const drawn = 40
	if len(spans) > drawn {
		f.Note = l.T("chart.first", drawn, len(spans))
		spans = spans[:drawn]
	}
	if to.Sub(from) < time.Hour {
		to = from.Add(time.Hour)
	}
	f.Legend = []Entry{
		entry(l.T("chart.span.elapsed"), "", `<rect class="chart-fill chart-s2" x="1" y="3" width="24" height="8"/>`),
		entry(l.T("chart.span.left"), "", `<rect class="chart-left" x="1.5" y="3.5" width="23" height="7"/>`),
		entry(l.T("chart.span.over"), "", `<rect class="chart-fill chart-bad" x="1" y="3" width="24" height="8"/><path class="chart-tex" d="M3 13L13 1M11 13L21 1M19 13L29 1"/>`),
		entry(l.T("chart.span.now"), "", `<path class="chart-now" d="M13 0V14"/>`),
	}
	return a.paint(f, func(p *pen) float64 { return p.timeline(a, clockface{from, to, now, zone}, spans) })
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// clockface is an axis of time.
type clockface struct {
	from, to, now time.Time
	zone          *time.Location
}

func (c clockface) share(t time.Time) float64 {
	return min(max(float64(t.Sub(c.from))/float64(c.to.Sub(c.from)), 0), 1)
}

// intervals are the distances of ticks on an axis of time, in hours.
var intervals = []int{1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24, 91 * 24, 182 * 24, 364 * 24, 1820 * 24, 3640 * 24, 7280 * 24, 18200 * 24, 36400 * 24}

// ticks returns instants at even distances, at midnights where a day or more apart, about want of them.
func (c clockface) ticks(want int) (list []time.Time, every time.Duration) {
	span := c.to.Sub(c.from)
	every = time.Duration(intervals[len(intervals)-1]) * time.Hour
	for _, h := range intervals {
		if d := time.Duration(h) * time.Hour; span/d <= time.Duration(want) {
			every = d
			break
		}
	}
	t := c.from.In(c.zone)
	t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, c.zone)
	for ; !t.After(c.to) && len(list) < 100; t = t.Add(every) {
		if !t.Before(c.from) {
			list = append(list, t)
		}
	}
	return list, every
}

func (p *pen) timeline(a About, c clockface, spans []Span) float64 {
	tight := p.name == narrow.name
	names, row := 0.0, p.font*2.1
	for _, s := range spans {
		names = max(names, width(tidy(s.Name), p.font))
	}
	names = min(names, p.w*.34)
	x0, x1 := names+14, p.w-8
	if tight {
		x0, row = 2, p.font*2.9
	}
	foot := row*float64(len(spans)) + 4
	x := func(t time.Time) float64 { return x0 + c.share(t)*(x1-x0) }
	p.hours(a, c, x, foot)
	for i, s := range spans {
		y := row * (float64(i) + .5)
		done := p.mark(s.Link, a.spanTip(s, c), tidy(s.Name) != "")
		p.rect(0, y-row/2, p.w, row, "chart-hit")
		if tight {
			p.text(0, y-p.font*.7, start, "name", s.Name, p.w)
			y += p.font * .45
		} else {
			p.text(names, y, end, "name", s.Name, names)
		}
		p.lane(s, c.now, x, y, p.font*.8)
		done()
	}
	p.line(x(c.now), 0, x(c.now), foot, "chart-now")
	return foot + p.font*3
}

// hours draws the ticks of an axis of time with their labels.
func (p *pen) hours(a About, c clockface, x func(time.Time) float64, foot float64) {
	list, every := c.ticks(int(p.w / (p.font * 7)))
	before := ""
	for _, t := range list {
		short, larger := a.Lang.Day(t), a.Lang.Year(t)
		if every < 24*time.Hour {
			short, larger = t.Format("15:04"), a.Lang.Day(t)
		}
		p.line(x(t), 0, x(t), foot, "chart-grid")
		w := max(width(short, p.font), width(larger, p.font))
		at := min(max(x(t), w/2), p.w-w/2)
		if b := (box{at - w/2 - 3, foot, at + w/2 + 3, foot + 3*p.font}); p.meets(b) {
			continue
		}
		p.text(at, foot+p.font, middle, "tick", short, w+1)
		if larger != before {
			p.text(at, foot+p.font*2.3, middle, "tick", larger, w+1)
		}
		before = larger
	}
}

// lane draws what ran, what is left and what ran over of one span.
func (p *pen) lane(s Span, now time.Time, x func(time.Time) float64, y, thick float64) {
	from, ran := s.From, s.To
	if ran.IsZero() {
		ran = now
	}
	if from.IsZero() {
		from = ran
	}
	hue := Series{Tone: s.Tone}.hue(1)
	inTime := ran
	if !s.Due.IsZero() {
		inTime = later(from, earlier(ran, s.Due))
		if s.Due.After(ran) && s.To.IsZero() {
			p.rect(x(ran), y-thick/2, x(s.Due)-x(ran), thick, "chart-left")
		}
	}
	p.rect(x(from), y-thick/2, max(x(inTime)-x(from), 1.5), thick, "chart-fill "+hue)
	if ran.After(inTime) {
		p.rect(x(inTime), y-thick/2, max(x(ran)-x(inTime), 1.5), thick, "chart-fill chart-bad")
		p.hatch(x(inTime), y-thick/2, x(ran)-x(inTime), thick)
	}
	if !s.Due.IsZero() {
		p.line(x(s.Due), y-thick*.85, x(s.Due), y+thick*.85, "chart-due")
	}
}

// hatch draws slanted lines over a rectangle.
func (p *pen) hatch(x, y, w, h float64) {
	var d path
	for at := x; at+h <= x+w; at += 7 {
		d.to(at, y+h)
		d.to(at+h, y)
		d.gap()
	}
	if d.b.Len() > 0 {
		p.printf(`<path class="chart-tex" d="%s"/>`, d.b.String())
	}
}

func (a About) spanTip(s Span, c clockface) string {
	text := a.Lang.T("chart.point", brief(s.Name), s.state(a.Lang, c.now))
	if !s.Due.IsZero() {
		text += "\n" + a.Lang.T("chart.point", a.Lang.T("chart.span.due"), lang.Stamp(s.Due, c.zone))
	}
	return text
}
