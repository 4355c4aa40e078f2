package chart

import (
	"math"
	"time"

	"tocsin/internal/lang"
)

// Step is how far the places of an axis of times lie apart.
type Step string

// The steps. The zero value is a day.
const (
	Hourly  Step = "hour"
	Daily   Step = ""
	Weekly  Step = "week"
	Monthly Step = "month"
)

// Axis is what lies along a chart: times in even steps, oldest first, or names.
type Axis struct {
	Head  string // of the table twin's first column
	Times []time.Time
	By    Step
	Zone  *time.Location // of the times shown; nil is UTC
	Names []string       // where there are no times
	Links []string       // of the places, as long as they; may be empty
}

func (x Axis) len() int {
	if len(x.Times) > 0 {
		return len(x.Times)
	}
	return len(x.Names)
}

func (x Axis) time(i int) time.Time {
	if x.Zone == nil {
		return x.Times[i].UTC()
	}
	return x.Times[i].In(x.Zone)
}

// label returns the short label of place i and the line below it, which says the larger unit that label leaves out.
func (x Axis) label(l lang.Language, i int) (short, larger string) {
	if len(x.Times) == 0 {
		return x.Names[i], ""
	}
	t := x.time(i)
	switch x.By {
	case Hourly:
		return t.Format("15:04"), l.Day(t)
	case Monthly:
		return l.Month(t, false), l.Year(t)
	case Daily, Weekly:
	}
	return l.Day(t), l.Year(t)
}

// name returns place i in full.
func (x Axis) name(l lang.Language, i int) string {
	if len(x.Times) == 0 {
		return x.Names[i]
	}
	t := x.time(i)
	switch x.By {
	case Hourly:
		return lang.Stamp(t, t.Location())
	case Monthly:
		return l.Month(t, true)
	case Weekly:
		return l.T("chart.week", l.Date(t, t.Location()))
	case Daily:
	}
	return l.Date(t, t.Location())
}

// cell is place i in the table twin.
func (x Axis) cell(l lang.Language, i int) Cell {
	c := Cell{Text: x.name(l, i), Link: at(x.Links, i)}
	if len(x.Times) > 0 {
		c.Raw = x.time(i).Format(time.DateOnly)
		if x.By == Hourly {
			c.Raw = x.time(i).Format(time.RFC3339)
		}
	}
	return c
}

// last returns the axis of the last n places.
func (x Axis) last(n int) Axis {
	x.Times, x.Names, x.Links = tail(x.Times, n), tail(x.Names, n), tail(x.Links, n)
	return x
}

func tail[T any](list []T, n int) []T { return list[max(len(list)-n, 0):] }

// at returns list[i], and the zero value where the list is shorter.
func at[T any](list []T, i int) T {
	var zero T
	if i >= 0 && i < len(list) {
		return list[i]
	}
	return zero
}

// plot is the field of a chart that its axes enclose.
type plot struct {
	x0, x1, y0, y1 float64 // y0 is the foot
	scale          scale
	places         int
	slots          bool // places are slots with a width; else the first and the last lie on the edges
}

func (f plot) y(v float64) float64 { return f.y0 - f.scale.at(v)*(f.y0-f.y1) }

// x returns the middle of place i.
func (f plot) x(i int) float64 {
	switch {
	case f.slots:
		return f.x0 + (float64(i)+.5)*f.slot()
	case f.places < 2:
		return (f.x0 + f.x1) / 2
	}
	return f.x0 + float64(i)*f.slot()
}

// slot is how far two places lie apart.
func (f plot) slot() float64 {
	n := f.places
	if !f.slots {
		n--
	}
	return (f.x1 - f.x0) / float64(max(n, 1))
}

// gap is the least room between two labels.
const gap = 10.0

// frame draws a grid with its numbers on the left and leaves room for labels of axis x below.
func (p *pen) frame(a About, x Axis, s scale, height float64, slots bool) plot {
	left := 0.0
	for _, v := range s.ticks {
		left = max(left, width(s.label(a.Lang, a.Unit, v), p.font))
	}
	f := plot{x0: left + 8, x1: p.w - 4, y1: p.font, scale: s, places: x.len(), slots: slots}
	widest, lines := x.widest(a.Lang, p.font)
	if !slots && f.places > 1 {
		side := min(widest/2, p.w/6)
		f.x0, f.x1 = max(f.x0, side), p.w-max(side, 4)
	}
	f.y0 = height - float64(lines)*p.font*1.3 - 8
	p.rules(a, f)
	p.along(a, x, f, widest)
	return f
}

// rules draws the lines of the ticks and their numbers.
func (p *pen) rules(a About, f plot) {
	for i, v := range f.scale.ticks {
		y := f.y(v)
		class := "chart-grid"
		if v == 0 || i == 0 && f.scale.lo() > 0 {
			class = "chart-zero"
		}
		p.line(f.x0, y, f.x1, y, class)
		p.text(f.x0-8, y, end, "tick", f.scale.label(a.Lang, a.Unit, v), f.x0)
	}
}

// widest returns the width of the widest label of an axis and how many lines labels have.
func (x Axis) widest(l lang.Language, font float64) (w float64, lines int) {
	lines = 1
	for i := range x.len() {
		short, larger := x.label(l, i)
		w = max(w, width(tidy(short), font), width(larger, font))
		if larger != "" || len(x.Times) == 0 {
			lines = 2
		}
	}
	return w, lines
}

// strides are the even distances of labels that people expect on axes of times.
var strides = map[Step][]int{
	Hourly:  {1, 2, 3, 6, 12, 24, 48, 72, 168},
	Daily:   {1, 2, 7, 14, 28, 56, 91, 182, 364},
	Weekly:  {1, 2, 4, 13, 26, 52, 104},
	Monthly: {1, 2, 3, 6, 12, 24, 60, 120},
}

// stride returns the least number of places from one label to the next that leaves room for both.
func (x Axis) stride(slot, label float64) int {
	need := int(math.Ceil((label + gap) / max(slot, 1e-9)))
	if len(x.Times) > 0 {
		for _, n := range strides[x.By] {
			if n >= need {
				return n
			}
		}
	}
	return max(need, 1)
}

// along writes labels below the field, every so many places counted from the newest, which always has one. The larger
// unit stands below the first label and wherever it changes.
func (p *pen) along(a About, x Axis, f plot, widest float64) {
	var most float64
	if f.slots {
		most = max(f.slot()-gap, 4*p.font)
	} else {
		most = max(2*min(f.x0, p.w-f.x1), 2*p.font)
	}
	if len(x.Times) > 0 {
		most = widest
	}
	step := x.stride(f.slot(), min(widest, most))
	if len(x.Times) == 0 {
		most = max(most, f.slot()*float64(step)-gap)
	}
	before := ""
	for i := (f.places - 1) % max(step, 1); i >= 0 && i < f.places; i += step {
		short, larger := x.label(a.Lang, i)
		at := min(max(f.x(i), min(widest, most)/2), p.w-min(widest, most)/2)
		p.line(f.x(i), f.y0, f.x(i), f.y0+4, "chart-zero")
		if lines, _ := fold(short, p.font, most); len(x.Times) == 0 && len(lines) == 2 {
			short, larger = lines[0], lines[1]
		}
		p.text(at, f.y0+p.font*1.15, middle, "tick", short, most)
		if larger != before || len(x.Times) == 0 {
			p.text(at, f.y0+p.font*2.4, middle, "tick", larger, most)
		}
		before = larger
	}
}
