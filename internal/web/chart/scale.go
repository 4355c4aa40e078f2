package chart

import (
	"math"
	"strconv"

	"tocsin/internal/lang"
)

// scale is an axis of numbers from the lowest to the highest of evenly spaced ticks.
type scale struct {
	ticks []float64
	step  float64
}

// newScale returns ticks at multiples of 1, 2 or 5 times a power of ten that cover lo to hi, about want of them. Whole
// values get no ticks between them.
func newScale(lo, hi float64, want int, whole bool) scale {
	lo, _ = tame(lo)
	hi, _ = tame(hi)
	lo, hi = min(lo, hi), max(lo, hi)
	hi = max(hi, lo+max(1e-6, math.Abs(lo)*1e-9))
	step := nice((hi - lo) / float64(max(want, 1)))
	if whole {
		step = max(step, 1)
	}
	s := scale{step: step}
	from, to := math.Floor(lo/step), math.Ceil(hi/step)
	if to == from {
		to++
	}
	for i := from; i <= to && len(s.ticks) < 64; i++ {
		s.ticks = append(s.ticks, i*step)
	}
	return s
}

// nice returns the smallest of 1, 2, 5 times a power of ten that is not below v.
func nice(v float64) float64 {
	if !(v > 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func (s scale) lo() float64 { return s.ticks[0] }
func (s scale) hi() float64 { return s.ticks[len(s.ticks)-1] }

// at returns where v lies between the ends, from 0 to 1; what lies outside is drawn at the end.
func (s scale) at(v float64) float64 {
	v, _ = tame(v)
	return min(max((v-s.lo())/(s.hi()-s.lo()), 0), 1)
}

// label writes a tick with as many decimals as the ticks differ by.
func (s scale) label(l lang.Language, u Unit, v float64) string {
	f := u.factor()
	step, v, top := s.step*f, v*f, max(math.Abs(s.lo()), math.Abs(s.hi()))*f
	text := l.Scaled(v, top)
	if step < 1 {
		text = strconv.FormatFloat(math.Abs(v), 'f', min(int(math.Ceil(-math.Log10(step)-1e-9)), 9), 64)
		if v < 0 {
			text = "−" + text
		}
	}
	if u == Percent {
		text += "%"
	}
	return text
}

// bounds returns the least and the greatest of the finite values, with 0 among them; any is whether there was a value
// and whole whether all are whole numbers.
func bounds(lists ...[]float64) (lo, hi float64, any, whole bool) {
	whole = true
	for _, list := range lists {
		for _, v := range list {
			if v, ok := tame(v); ok {
				lo, hi, any, whole = min(lo, v), max(hi, v), true, whole && v == math.Trunc(v)
			}
		}
	}
	return lo, hi, any, whole
}

var nan = math.NaN()
