package situation

import (
	"cmp"
	"math"
	"slices"
)

// Life is how long findings went from their first day until evidence showed that they were gone, in whole days, or
// until they were last known not to be: censored.
type Life struct {
	Days     int
	Verified bool // false: censored at Days
	N        int64
}

// Estimate is the Kaplan–Meier estimate of the days until a verified close.
type Estimate struct {
	N        int64 // findings
	Verified int64 // of them, closed by evidence
	Median   Quantile
	Curve    []Point // a step per day on which one closed
}

// Quantile is the day by which a share of the findings is gone, with a 95 % interval. A bound that is not Known lies
// beyond what was observed.
type Quantile struct {
	Days, Low, High            int
	Known, LowKnown, HighKnown bool
}

// Point is the estimate from one day on.
type Point struct {
	Days           int
	Risk, Verified int64   // observed up to the day; closed on it
	Open           float64 // share still open after the day
	Low, High      float64 // 95 % interval, log-log
}

// z95 is the 97.5 % point of the normal distribution.
const z95 = 1.959963984540054

// KaplanMeier estimates from lives in any order. A finding censored on a day counts as at risk on that day. The interval
// is Greenwood's variance on the log-log scale; the median's bounds are where the bounds of the curve pass one half.
func KaplanMeier(lives []Life) Estimate {
	lives = slices.Clone(lives)
	slices.SortFunc(lives, func(a, b Life) int { return cmp.Compare(a.Days, b.Days) })
	var e Estimate
	for _, l := range lives {
		e.N += l.N
	}
	risk, open, greenwood := e.N, 1.0, 0.0
	for i := 0; i < len(lives); {
		day := lives[i].Days
		var closed, left int64
		for ; i < len(lives) && lives[i].Days == day; i++ {
			if left += lives[i].N; lives[i].Verified {
				closed += lives[i].N
			}
		}
		if closed > 0 {
			open *= 1 - float64(closed)/float64(risk)
			greenwood += float64(closed) / (float64(risk) * float64(risk-closed))
			p := Point{Days: day, Risk: risk, Verified: closed, Open: open}
			p.Low, p.High = logLog(open, greenwood)
			e.Curve = append(e.Curve, p)
			e.Verified += closed
		}
		risk -= left
	}
	e.Median = e.quantile(0.5)
	return e
}

// logLog is the 95 % interval of a survival share on the log-log scale (Kalbfleisch and Prentice). Where nothing is left
// it has no width.
func logLog(open, greenwood float64) (low, high float64) {
	if open <= 0 || open >= 1 {
		return open, open
	}
	width := z95 * math.Sqrt(greenwood) / math.Abs(math.Log(open))
	return math.Pow(open, math.Exp(width)), math.Pow(open, math.Exp(-width))
}

func (e *Estimate) quantile(share float64) Quantile {
	var q Quantile
	for _, p := range e.Curve {
		if !q.Known && p.Open <= share {
			q.Days, q.Known = p.Days, true
		}
		if !q.LowKnown && p.Low <= share {
			q.Low, q.LowKnown = p.Days, true
		}
		if !q.HighKnown && p.High <= share {
			q.High, q.HighKnown = p.Days, true
		}
	}
	return q
}

// Quartiles returns the three quartiles of values in any order, by linear interpolation between neighbours (type 7 of
// Hyndman and Fan); zeros for none.
func Quartiles(values []float64) (low, middle, high float64) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	v := slices.Sorted(slices.Values(values))
	at := func(p float64) float64 {
		h := p * float64(len(v)-1)
		i := int(h)
		if i+1 >= len(v) {
			return v[len(v)-1]
		}
		return v[i] + (h-float64(i))*(v[i+1]-v[i])
	}
	return at(0.25), at(0.5), at(0.75)
}
