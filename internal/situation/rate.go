package situation

import "math"

// Wilson is the 95 % score interval of a share of k in n (Wilson 1927); 0 to 1 for n = 0.
func Wilson(k, n int64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	p, m, z2 := float64(k)/float64(n), float64(n), z95*z95
	middle := (p + z2/(2*m)) / (1 + z2/m)
	half := z95 / (1 + z2/m) * math.Sqrt(p*(1-p)/m+z2/(4*m*m))
	// The interval holds the share itself; at the ends the arithmetic would miss it by its last digit.
	return math.Max(0, math.Min(p, middle-half)), math.Min(1, math.Max(p, middle+half))
}

// Limits are where a share in a group of n lies 95 and 99.8 times of 100 if the group is like all the others, whose share
// is p: the lines of a funnel plot (Spiegelhalter 2005), by the normal approximation, kept within 0 and 1.
func Limits(p float64, n int64) (low95, high95, low998, high998 float64) {
	if n <= 0 {
		return 0, 1, 0, 1
	}
	const z998 = 3.090232306167813
	error1 := math.Sqrt(p * (1 - p) / float64(n))
	clip := func(v float64) float64 { return math.Min(1, math.Max(0, v)) }
	return clip(p - z95*error1), clip(p + z95*error1), clip(p - z998*error1), clip(p + z998*error1)
}

// rateOf is the rate of k affected in n as published: both rounded; nil where either part, or the rest, is too small.
func rateOf(k, n int64) *Rate {
	if k < K || n-k < K {
		return nil
	}
	r := &Rate{Affected: Rounded(k), Of: Rounded(n)}
	if r.Affected > r.Of {
		r.Affected = r.Of
	}
	r.Value = float64(r.Affected) / float64(r.Of)
	r.Low, r.High = Wilson(r.Affected, r.Of)
	return r
}

// around sets the limits of a rate around the rate of all.
func (r *Rate) around(all *Rate) {
	if all != nil {
		r.Low95, r.High95, r.Low998, r.High998 = Limits(all.Value, r.Of)
	}
}

// shareSteps is in how many steps a share of what was promised is published: single events move none.
const shareSteps = 20

// ShareOf is a share of what the authority promised as published: known wherever the whole may be shown, and rounded down, so
// that it is never better than it is, and all only where it was all. A bad share may not be withheld for being small while
// better ones stand beside it.
func ShareOf(kept, of int64) Share {
	s := Share{Of: FigureOf(of)}
	if of < K {
		return s
	}
	s.Known, s.Value = true, 1
	if kept < of {
		s.Value = float64(kept*shareSteps/of) / shareSteps
	}
	s.Kept = Figure{N: int64(math.Round(s.Value * float64(s.Of.N))), Shown: true}
	s.Low, s.High = Wilson(s.Kept.N, s.Of.N)
	s.Low, s.High = min(s.Low, s.Value), max(s.High, s.Value)
	return s
}
