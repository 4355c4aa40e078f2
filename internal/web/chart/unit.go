package chart

import (
	"math"
	"strconv"

	"tocsin/internal/lang"
)

// Unit says what a value counts and so how it is written. The zero value counts things.
type Unit string

// The units.
const (
	Count   Unit = ""        // whole things
	Percent Unit = "percent" // a share: 0.5 is written 50%
	Days    Unit = "days"
	Hours   Unit = "hours"
	PerMil  Unit = "per_mil" // for each thousand of the denominator: 0.5 is 500
)

// limit is the largest value that is drawn: what lies beyond is drawn as it, so that no sum leaves the finite.
const limit = 1e15

// tame returns v within the limit, and whether it is a number at all.
func tame(v float64) (float64, bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	return min(max(v, -limit), limit), true
}

// factor is what a value is multiplied by before it is written.
func (u Unit) factor() float64 {
	switch u {
	case Percent:
		return 100
	case PerMil:
		return 1000
	case Count, Days, Hours:
	}
	return 1
}

// say writes v for people; a value that is none is a dash.
func (u Unit) say(l lang.Language, v float64) string {
	v, ok := tame(v)
	if !ok {
		return "–"
	}
	n := plain(v * u.factor())
	switch u {
	case Percent:
		return n + "%"
	case Days:
		return l.N("chart.days", one(n), n)
	case Hours:
		return l.N("chart.hours", one(n), n)
	case PerMil, Count:
	}
	return n
}

// one is 1 for the number that takes the singular, else 2.
func one(n string) int64 {
	if n == "1" {
		return 1
	}
	return 2
}

// plain writes a number grouped by three, with one decimal where it is small and not whole.
func plain(v float64) string {
	if math.Abs(v) >= 100 || math.Abs(v-math.Round(v)) < 0.05 {
		return lang.Number(int64(math.Round(v)))
	}
	whole, part := math.Modf(math.Round(math.Abs(v)*10) / 10)
	text := lang.Number(int64(whole)) + "." + strconv.Itoa(int(math.Round(part*10)))
	if v < 0 {
		return "−" + text
	}
	return text
}

// cell is v in the table twin.
func (u Unit) cell(l lang.Language, v float64, link string) Cell {
	c := Cell{Text: u.say(l, v), Link: link, Num: true}
	if v, ok := tame(v); ok {
		c.Raw = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return c
}
