package situation

import (
	"cmp"
	"slices"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
)

// Rounded is the multiple of K that is nearest to n.
func Rounded(n int64) int64 { return (n + K/2) / K * K }

// FigureOf is a number fit to publish by itself: nothing, or K or more, rounded. Two such numbers differ by a multiple of
// K, so that a difference shows no small one.
func FigureOf(n int64) Figure {
	if n != 0 && n < K {
		return Figure{}
	}
	return Figure{N: Rounded(n), Shown: true}
}

// figureOf is FigureOf for a number that parties stand behind: at least K of them, unless there is nothing.
func figureOf(n int64, parties int) Figure {
	if n != 0 && parties < K {
		return Figure{}
	}
	return FigureOf(n)
}

// Holding counts the live findings of one party under one key; the empty party is nobody, and no party.
type Holding struct {
	Key   string
	Party ident.Party
	N     int64
}

// Registered says how many parties are registered under a key, and how many of them answer for a live finding.
type Registered struct{ Affected, Of int64 }

// cell is what lies under a key.
type cell struct {
	key     string
	n       int64
	parties map[ident.Party]bool
}

func (c *cell) small() bool { return c.n < K || len(c.parties) < K }

// Divide makes a breakdown fit to publish. A key is withheld where fewer than K findings or fewer than K parties stand
// behind it. What is withheld could be had by taking the rest from the whole: so the smallest of the others are withheld
// too, until all that is withheld is together as large as a number that may be shown.
func Divide(holdings []Holding, registered map[string]Registered) Breakdown {
	cells := map[string]*cell{}
	for _, h := range holdings {
		c := cells[h.Key]
		if c == nil {
			c = &cell{key: h.Key, parties: map[ident.Party]bool{}}
			cells[h.Key] = c
		}
		if c.n += h.N; h.Party != "" {
			c.parties[h.Party] = true
		}
	}
	hidden := &cell{parties: map[ident.Party]bool{}}
	var shown []*cell
	var b Breakdown
	withhold := func(c *cell) {
		b.Hidden = true
		hidden.n += c.n
		for p := range c.parties {
			hidden.parties[p] = true
		}
		b.Figures = append(b.Figures, Figure{Key: c.key})
	}
	for _, c := range cells {
		if c.small() {
			withhold(c)
		} else {
			shown = append(shown, c)
		}
	}
	slices.SortFunc(shown, func(a, b *cell) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.key, b.key))
	})
	for b.Hidden && hidden.small() && len(shown) > 0 {
		withhold(shown[len(shown)-1])
		shown = shown[:len(shown)-1]
	}
	slices.SortFunc(b.Figures, func(a, b Figure) int { return cmp.Compare(a.Key, b.Key) })
	figures := make([]Figure, len(shown), len(shown)+len(b.Figures))
	for i, c := range shown {
		figures[i] = Figure{Key: c.key, N: Rounded(c.n), Shown: true}
	}
	b.rate(figures, registered)
	b.Figures = append(figures, b.Figures...)
	return b
}

// rate gives each figure that is shown the share of registered parties, and the limits around the share of all. Those whose own
// share is too small to be shown have one together. Where they cannot have that, and the highest of all shares is among them,
// no share is shown: the worst may not be what is missing beside better ones.
func (b *Breakdown) rate(shown []Figure, registered map[string]Registered) {
	var all Registered
	for _, r := range registered {
		all.Affected += r.Affected
		all.Of += r.Of
	}
	if b.Rate = rateOf(all.Affected, all.Of); b.Rate == nil {
		return
	}
	highest, own := 0.0, map[string]bool{}
	for i := range shown {
		r, known := registered[shown[i].Key]
		if !known || shown[i].Key == "" {
			continue
		}
		if shown[i].Rate = rateOf(r.Affected, r.Of); shown[i].Rate != nil {
			shown[i].Rate.around(b.Rate)
			own[shown[i].Key], highest = true, max(highest, r.share())
		}
	}
	var rest Registered
	n, worst := 0, 0.0
	for key, r := range registered {
		if key != "" && r.Of > 0 && !own[key] {
			n, worst = n+1, max(worst, r.share())
			rest.Affected, rest.Of = rest.Affected+r.Affected, rest.Of+r.Of
		}
	}
	if n > 1 {
		if b.Others = rateOf(rest.Affected, rest.Of); b.Others != nil {
			b.Others.around(b.Rate)
			return
		}
	}
	if worst > highest {
		for i := range shown {
			shown[i].Rate = nil
		}
	}
}

func (r Registered) share() float64 { return float64(r.Affected) / float64(r.Of) }

// Stay is how many findings of one party were made on one day and ended on another; End 0 is live.
type Stay struct {
	Party     ident.Party
	Born, End finding.Day
	State     finding.State
	N         int64
}

// weekCount is a week with whoever stands behind its numbers.
type weekCount struct {
	opened, verified, live                      int64
	openedParties, verifiedParties, liveParties int
}

// WeeksOf counts the whole weeks from the Monday first on that have ended by the end of through. Stays come a party's
// together. What is made or ends after through has not happened.
func WeeksOf(stays []Stay, first, through finding.Day) []Week {
	n := int(through+1-first) / 7
	if n <= 0 {
		return nil
	}
	weeks := make([]weekCount, n)
	for len(stays) > 0 {
		of := stays[0].Party
		end := slices.IndexFunc(stays, func(s Stay) bool { return s.Party != of })
		if end < 0 {
			end = len(stays)
		}
		addParty(weeks, stays[:end], first, through)
		stays = stays[end:]
	}
	out := make([]Week, n)
	for i, w := range weeks {
		out[i] = Week{
			From: first + finding.Day(7*i), Opened: figureOf(w.opened, w.openedParties),
			Verified: figureOf(w.verified, w.verifiedParties), Live: figureOf(w.live, w.liveParties),
		}
	}
	return out
}

func addParty(weeks []weekCount, stays []Stay, first, through finding.Day) {
	opened, verified, live := make([]int64, len(weeks)), make([]int64, len(weeks)), make([]int64, len(weeks)+1)
	week := func(d finding.Day) int { return int(d-first) / 7 }
	for _, s := range stays {
		if s.Born > through {
			continue
		}
		if s.Born >= first && week(s.Born) < len(weeks) {
			opened[week(s.Born)] += s.N
		}
		if s.Born < first+finding.Day(7*len(weeks)) {
			live[max(0, week(max(s.Born, first)))] += s.N
		}
		if s.End == 0 || s.State.Live() || s.End > through {
			continue
		}
		if end := max(s.End, first); week(end) < len(weeks) {
			live[week(end)] -= s.N
			if s.State == finding.VerifiedClosed && s.End >= first {
				verified[week(end)] += s.N
			}
		}
	}
	somebody := len(stays) > 0 && stays[0].Party != ""
	var now int64
	for i := range weeks {
		now += live[i]
		w := &weeks[i]
		w.opened, w.verified, w.live = w.opened+opened[i], w.verified+verified[i], w.live+now
		if somebody {
			w.openedParties += sign(opened[i])
			w.verifiedParties += sign(verified[i])
			w.liveParties += sign(now)
		}
	}
}

func sign(n int64) int {
	if n > 0 {
		return 1
	}
	return 0
}

// Publishable is an estimate without what could point at somebody: the curve is left out, and so is everything where fewer
// than K findings were closed or left open.
func Publishable(all []Closing) []Closing {
	var out []Closing
	for _, c := range all {
		if c.Verified < K || c.N-c.Verified < K {
			continue
		}
		c.N, c.Verified, c.Curve = Rounded(c.N), Rounded(c.Verified), nil
		out = append(out, c)
	}
	return out
}

// WholeFigures are the two numbers of the statistics that are not divided.
func WholeFigures(holdings []Holding) (live, parties Figure) {
	var n int64
	seen := map[ident.Party]bool{}
	for _, h := range holdings {
		if n += h.N; h.Party != "" {
			seen[h.Party] = true
		}
	}
	return figureOf(n, len(seen)), FigureOf(int64(len(seen)))
}

// Methods are the codes of what the statistics count and how: each has a text under "method." in the catalogue.
var Methods = []string{"counted", "marks", "asof", "live", "weeks", "small", "rounding", "rates", "limits", "closing", "revision"}
