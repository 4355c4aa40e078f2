package situation_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/situation"
)

// The 6-mercaptopurine arm of Freireich and others (1963), the textbook's example: remissions in weeks, + censored. Risk
// sets, survival and Greenwood's errors are the published table's (Klein and Moeschberger, Table 4.1); the median of 23 with
// a lower bound of 13 and no upper one is that of the log-log interval (R: survfit, conf.type "log-log").
func TestKaplanMeierAgainstTheTextbook(t *testing.T) {
	t.Parallel()
	var lives []situation.Life
	for _, v := range []int{6, 6, 6, 7, 10, 13, 16, 22, 23} {
		lives = append(lives, situation.Life{Days: v, Verified: true, N: 1})
	}
	for _, v := range []int{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35} {
		lives = append(lives, situation.Life{Days: v, N: 1})
	}
	e := situation.KaplanMeier(lives)
	want := []struct {
		days         int
		risk, closed int64
		open         float64
	}{
		{6, 21, 3, 0.857}, {7, 17, 1, 0.807}, {10, 15, 1, 0.753}, {13, 12, 1, 0.690}, {16, 11, 1, 0.627}, {22, 7, 1, 0.538}, {23, 6, 1, 0.448},
	}
	if e.N != 21 || e.Verified != 9 || len(e.Curve) != len(want) {
		t.Fatalf("%d findings, %d closed, %d steps", e.N, e.Verified, len(e.Curve))
	}
	for i, w := range want {
		p := e.Curve[i]
		if p.Days != w.days || p.Risk != w.risk || p.Verified != w.closed || math.Abs(p.Open-w.open) > 0.0005 {
			t.Errorf("step %d: %+v, want %+v", i, p, w)
		}
	}
	if p := e.Curve[0]; math.Abs(p.Low-0.620) > 0.001 || math.Abs(p.High-0.952) > 0.001 {
		t.Errorf("after day 6: %.3f to %.3f, want 0.620 to 0.952", p.Low, p.High)
	}
	if q := e.Median; !q.Known || q.Days != 23 || !q.LowKnown || q.Low != 13 || q.HighKnown {
		t.Errorf("median %+v", q)
	}
}

// What a person can say of any estimate: the curve falls from 1 to 0, the interval holds it, the order of lives does not
// matter, without censoring it is the plain share, and censoring later never makes it fall faster.
func TestKaplanMeierProperties(t *testing.T) {
	t.Parallel()
	life := rapid.Custom(func(r *rapid.T) situation.Life {
		return situation.Life{Days: rapid.IntRange(0, 40).Draw(r, "days"), Verified: rapid.Bool().Draw(r, "verified"), N: rapid.Int64Range(1, 9).Draw(r, "n")}
	})
	rapid.Check(t, func(r *rapid.T) {
		lives := rapid.SliceOf(life).Draw(r, "lives")
		e := situation.KaplanMeier(lives)
		last, all := 1.0, true
		for _, l := range lives {
			all = all && l.Verified
		}
		for _, p := range e.Curve {
			if p.Open > last || p.Open < 0 || p.Low > p.Open+1e-12 || p.High < p.Open-1e-12 || p.Low < 0 || p.High > 1 {
				r.Fatalf("step %+v after %g", p, last)
			}
			last = p.Open
			if all {
				var later int64
				for _, l := range lives {
					if l.Days > p.Days {
						later += l.N
					}
				}
				if math.Abs(p.Open-float64(later)/float64(e.N)) > 1e-9 {
					r.Fatalf("nothing is censored, %d of %d last longer than %d, the estimate says %g", later, e.N, p.Days, p.Open)
				}
			}
		}
		turned := slices.Clone(lives)
		slices.Reverse(turned)
		if f := situation.KaplanMeier(turned); f.Median != e.Median || f.Verified != e.Verified {
			r.Fatalf("%+v turned round is %+v", e.Median, f.Median)
		}
	})
}

func TestClosingLeavesOutWhatSaysNothing(t *testing.T) {
	t.Parallel()
	got := situation.ClosingOf([]situation.Ended{
		{Days: 2, Severity: event.High, State: finding.VerifiedClosed, N: 4},
		{Days: 5, Severity: event.High, State: finding.Open, N: 2},
		{Days: 1, Severity: event.High, State: finding.FalsePositive, N: 100},
		{Days: 3, Severity: event.Low, State: finding.RiskAccepted, N: 1},
		{Days: 9, Severity: event.Low, State: finding.Stale, N: 1},
	})
	if len(got) != 3 || !got[0].All || got[0].N != 8 || got[0].Verified != 4 || got[1].Severity != event.High || got[1].N != 6 || got[2].N != 2 || got[2].Verified != 0 {
		t.Fatalf("%+v", got)
	}
	if m := got[1].Median; !m.Known || m.Days != 2 {
		t.Errorf("median of high: %+v", m)
	}
	if m := got[0].Median; !m.Known || m.Days != 2 {
		t.Errorf("median of all: %+v", m) // 4 of 8 gone by day 2 at least: the risk set is 8
	}
}

func TestBandNeedsFiveParties(t *testing.T) {
	t.Parallel()
	with := func(n int) situation.Band {
		var es []situation.Estimate
		for i := range n {
			es = append(es, situation.Estimate{Median: situation.Quantile{Known: true, Days: 10 * (i + 1)}})
		}
		return situation.BandOf(append(es, situation.Estimate{}))
	}
	if b := with(4); b.Known {
		t.Errorf("four parties: %+v", b)
	}
	if b := with(7); !b.Known || b.Parties != 5 || b.Low != 25 || b.Middle != 40 || b.High != 55 {
		t.Errorf("seven parties: %+v", b)
	}
}
