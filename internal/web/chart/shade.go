package chart

import (
	"fmt"
	"math"
	"slices"
)

// shades is how values become the five shades of a heat map, a tile map or a map: bounds of classes that widen with the
// values, as counts do.
type shades struct {
	from []float64 // the least value of each shade above none
	top  float64
}

const shadeCount = 5

func newShades(hi float64, wholeNumbers bool) shades {
	s := shades{top: hi}
	for i := range shadeCount {
		v := hi * math.Pow(float64(i)/shadeCount, 1.6)
		if v > 0 {
			power := math.Pow(10, math.Floor(math.Log10(v))-1)
			v = math.Ceil(v/power-1e-9) * power // two digits are enough to be read
		}
		if wholeNumbers {
			v = max(math.Ceil(v), 1)
		}
		s.from = append(s.from, v)
	}
	s.from = slices.Compact(s.from)
	return s
}

// of returns the shade of v: 0 for nothing, 1 to 5.
func (s shades) of(v float64) int {
	v, ok := tame(v)
	if !ok || v <= 0 {
		return 0
	}
	n := 1
	for i, from := range s.from {
		if v >= from {
			n = i + 1
		}
	}
	if len(s.from) > 1 {
		n = 1 + (n-1)*(shadeCount-1)/(len(s.from)-1) // few classes use the whole range
	}
	return n
}

// class is the class of the ground of shade n; on is that of a text upon it.
func shadeClass(n int) string { return fmt.Sprintf("chart-h%d", n) }
func shadeOn(n int) string    { return fmt.Sprintf("on%d", n) }

// legend says what each shade stands for.
func (s shades) legend(a About, f Figure, unknown bool) Figure {
	for i, from := range s.from {
		if s.top <= 0 {
			break // nothing has a shade
		}
		to := s.top
		if i+1 < len(s.from) {
			to = s.from[i+1]
			if a.Unit == Count && to == math.Trunc(to) {
				to--
			}
		}
		text := a.Unit.say(a.Lang, from)
		if to > from {
			text = a.Lang.T("chart.range", text, a.Unit.say(a.Lang, to))
		}
		f.Legend = append(f.Legend, entry(text, "", `<rect class="chart-cell `+shadeClass(s.of(from))+`" x="3" y="1" width="20" height="12"/>`))
	}
	if unknown {
		f.Legend = append(f.Legend, entry(a.Lang.T("chart.unknown"), "", `<rect class="chart-cell chart-none" x="3" y="1" width="20" height="12"/><path class="chart-nil" d="M9 7h8"/>`))
	}
	return f
}

// Spot is one cell of a heat map, one tile or one area of a map.
type Spot struct {
	Value float64 // NaN where it is not known
	Text  string  // in place of the value: "<5"; such a spot has no shade
	Link  string
}

func (a About) spot(s Spot) Cell {
	return a.said(Item{Value: s.Value, Text: s.Text, Link: s.Link})
}

// ground returns the classes of a spot's ground and of the text on it.
func (s Spot) ground(sh shades) (ground, on string) {
	if s.Text != "" || !finite(s.Value) {
		return "chart-cell chart-none", "on0"
	}
	n := sh.of(s.Value)
	return "chart-cell " + shadeClass(n), shadeOn(n)
}

// reach returns the greatest value of spots, whether any is known and whether one is not.
func reach(spots []Spot) (hi float64, known, unknown, wholeNumbers bool) {
	wholeNumbers = true
	for _, s := range spots {
		v, ok := tame(s.Value)
		switch {
		case s.Text != "":
			known = true
			continue
		case !ok:
			unknown = true
			continue
		}
		hi, known, wholeNumbers = max(hi, v), true, wholeNumbers && v == math.Trunc(v)
	}
	return hi, known, unknown, wholeNumbers
}
