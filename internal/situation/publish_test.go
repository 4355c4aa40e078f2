package situation_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/situation"
)

var holdings = rapid.SliceOf(rapid.Custom(func(r *rapid.T) situation.Holding {
	return situation.Holding{
		Key:   rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e"}).Draw(r, "key"),
		Party: ident.Party(rapid.SampledFrom([]string{"", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}).Draw(r, "party")),
		N:     rapid.Int64Range(1, 30).Draw(r, "n"),
	}
}))

// group is what truly lies behind some keys.
func group(all []situation.Holding, in func(string) bool) (n int64, parties int) {
	seen := map[ident.Party]bool{}
	for _, h := range all {
		if in(h.Key) {
			if n += h.N; h.Party != "" {
				seen[h.Party] = true
			}
		}
	}
	return n, len(seen)
}

// Nothing that is published stands for fewer than K findings or parties, and neither does what is left when everything
// published is taken from the whole. No two numbers differ by less than K.
func TestNothingSmallIsPublished(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		all := holdings.Draw(r, "holdings")
		b := situation.Divide(all, nil)
		live, _ := situation.WholeFigures(all)
		numbers := []int64{live.N}
		hidden := map[string]bool{}
		for _, f := range b.Figures {
			if !f.Shown {
				hidden[f.Key] = true
				if f.N != 0 {
					r.Fatalf("%+v is withheld and says something", f)
				}
				continue
			}
			n, parties := group(all, func(k string) bool { return k == f.Key })
			if n < situation.K || parties < situation.K || f.N%situation.K != 0 || math.Abs(float64(f.N-n)) > situation.K/2 {
				r.Fatalf("%+v stands for %d findings of %d parties", f, n, parties)
			}
			numbers = append(numbers, f.N)
		}
		if len(hidden) > 0 && len(hidden) < len(b.Figures) {
			if n, parties := group(all, func(k string) bool { return hidden[k] }); n < situation.K || parties < situation.K {
				r.Fatalf("the rest is %d findings of %d parties: %+v", n, parties, b.Figures)
			}
		}
		for _, x := range numbers {
			for _, y := range numbers {
				if d := x - y; d > 0 && d < situation.K {
					r.Fatalf("%d and %d differ by %d", x, y, d)
				}
			}
		}
	})
}

// The weeks count what counting does, rounded, and withhold what fewer than K parties stand behind.
func TestWeeksEqualCounting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		first := situation.Monday(20000)
		through := first + finding.Day(rapid.IntRange(0, 40).Draw(r, "days"))
		var stays []situation.Stay
		for p := range rapid.IntRange(0, 9).Draw(r, "parties") {
			for range rapid.IntRange(0, 4).Draw(r, "stays") {
				s := situation.Stay{
					Party: ident.Party(fmt.Sprint(p)), Born: first + finding.Day(rapid.IntRange(-20, 45).Draw(r, "born")),
					State: rapid.SampledFrom(finding.States).Draw(r, "state"), N: rapid.Int64Range(1, 9).Draw(r, "n"),
				}
				if !s.State.Live() {
					s.End = s.Born + finding.Day(rapid.IntRange(0, 30).Draw(r, "lasted"))
				}
				stays = append(stays, s)
			}
		}
		for i, w := range situation.WeeksOf(stays, first, through) {
			from := first + finding.Day(7*i)
			count := func(in func(situation.Stay) bool) situation.Figure {
				var n int64
				parties := map[ident.Party]bool{}
				for _, s := range stays {
					if in(s) {
						n += s.N
						parties[s.Party] = true
					}
				}
				if n > 0 && (n < situation.K || len(parties) < situation.K) {
					return situation.Figure{}
				}
				return situation.Figure{N: situation.Rounded(n), Shown: true}
			}
			if from != w.From || from+6 > through {
				r.Fatalf("week %d begins on %s", i, w.From)
			}
			opened := count(func(s situation.Stay) bool { return s.Born >= from && s.Born < from+7 })
			verified := count(func(s situation.Stay) bool {
				return s.State == finding.VerifiedClosed && s.End >= from && s.End < from+7
			})
			live := count(func(s situation.Stay) bool { return s.Born < from+7 && (s.End == 0 || s.End >= from+7) })
			if w.Opened != opened || w.Verified != verified || w.Live != live {
				r.Fatalf("week %d: %+v, counted %+v %+v %+v", i, w, opened, verified, live)
			}
		}
	})
}

// Values of Wilson's interval as published (Newcombe 1998, table I) and of Spiegelhalter's limits by hand.
func TestIntervals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k, n      int64
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}, {0, 0, 0, 1}} {
		low, high := situation.Wilson(c.k, c.n)
		if math.Abs(low-c.low) > 0.0001 || math.Abs(high-c.high) > 0.0001 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, low, high, c.low, c.high)
		}
	}
	a, b, c, d := situation.Limits(0.2, 100)
	if math.Abs(a-0.1216) > 0.0001 || math.Abs(b-0.2784) > 0.0001 || math.Abs(c-0.0764) > 0.0001 || math.Abs(d-0.3236) > 0.0001 {
		t.Errorf("limits %.4f %.4f %.4f %.4f", a, b, c, d)
	}
	rapid.Check(t, func(r *rapid.T) {
		of := rapid.Int64Range(0, 60).Draw(r, "of")
		kept := rapid.Int64Range(0, of).Draw(r, "kept")
		s := situation.ShareOf(kept, of)
		if s.Known != (of >= situation.K) {
			r.Fatalf("%d of %d is known: %v", kept, of, s.Known)
		}
		if is := float64(kept) / float64(of); s.Known && (s.Value > is || s.Value <= is-0.0500001 || (s.Value == 1) != (kept == of) || s.Kept.N > s.Of.N || s.Low > s.Value || s.Value > s.High) {
			r.Fatalf("%d of %d is shown as %+v", kept, of, s)
		}
		if !s.Known && (s.Kept.N != 0 || s.Value != 0) {
			r.Fatalf("%d of %d is withheld and says %+v", kept, of, s)
		}
	})
}
