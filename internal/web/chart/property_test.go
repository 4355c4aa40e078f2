package chart

import (
	"encoding/xml"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/lang"
)

type drawing struct {
	ViewBox string `xml:"viewBox,attr"`
	Class   string `xml:"class,attr"`
	Groups  []node `xml:",any"`
}

type node struct {
	XMLName   xml.Name
	X         float64 `xml:"x,attr"`
	Y         float64 `xml:"y,attr"`
	Class     string  `xml:"class,attr"`
	Transform string  `xml:"transform,attr"`
	Text      string  `xml:",chardata"`
	Nodes     []node  `xml:",any"`
}

type label struct {
	box
	text string
}

// labelled returns the boxes of all texts of a drawing, from what stands in the file.
func labelled(n []node, font float64) []label {
	var out []label
	for _, t := range n {
		out = append(out, labelled(t.Nodes, font)...)
		if t.XMLName.Local != "text" {
			continue
		}
		w := width(t.Text, font)
		if place, ok := strings.CutPrefix(t.Transform, "translate("); ok {
			xs, rest, _ := strings.Cut(place, " ")
			ys, _, _ := strings.Cut(rest, ")")
			x, _ := strconv.ParseFloat(xs, 64)
			y, _ := strconv.ParseFloat(ys, 64)
			out = append(out, label{box{x - font*.85, y - w, x + font*.2, y}, t.Text})
			continue
		}
		x := t.X
		switch classes := strings.Fields(t.Class); classes[len(classes)-1] {
		case "mid":
			x -= w / 2
		case "end":
			x -= w
		}
		out = append(out, label{box{x, t.Y - font*.85, x + w, t.Y + font*.2}, t.Text})
	}
	return out
}

// apart checks that no two labels of a figure meet and that none leaves its drawing.
func apart(t rapid.TB, f Figure) {
	t.Helper()
	var all struct {
		SVG []drawing `xml:"svg"`
	}
	if err := xml.Unmarshal([]byte("<all>"+string(f.SVG)+"</all>"), &all); err != nil {
		t.Fatalf("%s: %v", f.ID, err)
	}
	for _, d := range all.SVG {
		size := strings.Fields(d.ViewBox)
		w, _ := strconv.ParseFloat(size[2], 64)
		h, _ := strconv.ParseFloat(size[3], 64)
		font := half.font
		if strings.HasSuffix(d.Class, "chart-n") {
			font = narrow.font
		}
		boxes := labelled(d.Groups, font)
		for i, b := range boxes {
			if b.x0 < -.6 || b.x1 > w+.6 || b.y0 < -2.5 || b.y1 > h+2.5 {
				t.Errorf("%s %s: %q leaves the drawing of %v x %v: %+v", f.ID, d.Class, b.text, w, h, b)
			}
			for _, o := range boxes[i+1:] {
				o.x0, o.x1, o.y0, o.y1 = o.x0+.2, o.x1-.2, o.y0+.2, o.y1-.2
				if b.meets(o.box) {
					t.Errorf("%s %s: %q meets %q", f.ID, d.Class, b.text, o.text)
				}
			}
		}
	}
}

// No two labels meet and none is cut off, with good names and with bad ones.
func TestLabelsStayApart(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		for _, f := range append(normal(l), huge(l)...) {
			apart(t, f)
		}
	}
}

var (
	anyName  = rapid.OneOf(rapid.SampledFrom(hostile), rapid.String(), rapid.StringN(0, 200, 200))
	anyValue = rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1000), rapid.Map(rapid.IntRange(0, 1e6), func(n int) float64 { return float64(n) }),
		rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -1, 1e15}))
	anyUnit = rapid.SampledFrom([]Unit{Count, Percent, Days, Hours, PerMil})
	anyStep = rapid.SampledFrom([]Step{Hourly, Daily, Weekly, Monthly})
)

func anyAbout(t *rapid.T) About {
	return About{
		Lang: rapid.SampledFrom(lang.Languages).Draw(t, "language"), ID: anyName.Draw(t, "id"), Title: anyName.Draw(t, "title"),
		Description: anyName.Draw(t, "description"), Full: rapid.Bool().Draw(t, "full"), Unit: anyUnit.Draw(t, "unit"),
	}
}

func anyAxis(t *rapid.T) Axis {
	n := rapid.IntRange(1, 60).Draw(t, "places")
	if rapid.Bool().Draw(t, "names") {
		return Axis{Names: rapid.SliceOfN(anyName, n, n).Draw(t, "names of places")}
	}
	x := Axis{By: anyStep.Draw(t, "step")}
	hours := map[Step]time.Duration{Hourly: time.Hour, Daily: 24 * time.Hour, Weekly: 168 * time.Hour, Monthly: 730 * time.Hour}
	for i := range n {
		x.Times = append(x.Times, noon.Add(time.Duration(i)*hours[x.By]))
	}
	return x
}

func anySeries(t *rapid.T) []Series {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Series {
		return Series{Name: anyName.Draw(t, "name"), Link: anyName.Draw(t, "link"), Values: rapid.SliceOfN(anyValue, 0, 60).Draw(t, "values")}
	}), 0, 10).Draw(t, "series")
}

func anyItems(t *rapid.T) []Item {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Item {
		return Item{Name: anyName.Draw(t, "name"), Link: "/" + anyName.Draw(t, "link"), Value: anyValue.Draw(t, "value"), Low: anyValue.Draw(t, "low"), High: anyValue.Draw(t, "high"), Text: rapid.SampledFrom([]string{"", "", "<5"}).Draw(t, "text"), Sub: anyName.Draw(t, "sub")}
	}), 0, 12).Draw(t, "items")
}

// Whatever is drawn, the drawing is well-formed, holds no number that is none, and its labels stay apart.
func TestAnythingDraws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := anyAbout(t)
		figures := map[string]func() Figure{
			"lines": func() Figure {
				return Lines(a, anyAxis(t), anySeries(t), Band{Name: "b", Low: []float64{1, 2}, High: []float64{3, anyValue.Draw(t, "band")}})
			},
			"areas":   func() Figure { return Areas(a, anyAxis(t), anySeries(t)) },
			"stacked": func() Figure { return Stacked(a, anyAxis(t), anySeries(t)) },
			"grouped": func() Figure { return Grouped(a, anyAxis(t), anySeries(t)) },
			"ranked":  func() Figure { return Ranked(a, "a", "b", anyItems(t)) },
			"funnel":  func() Figure { return Funnel(a, "a", "b", anyItems(t)) },
			"heat": func() Figure {
				names := rapid.SliceOfN(anyName, 0, 14)
				return Heat(a, "a", names.Draw(t, "rows"), names.Draw(t, "columns"), [][]Spot{{{Value: anyValue.Draw(t, "cell")}, {Text: "<5"}}})
			},
			"timeline": func() Figure {
				at := rapid.Map(rapid.Int64Range(-4e9, 9e9), func(s int64) time.Time { return time.Unix(s, 0) })
				var spans []Span
				for range rapid.IntRange(0, 9).Draw(t, "spans") {
					spans = append(spans, Span{Name: anyName.Draw(t, "name"), From: at.Draw(t, "from"), To: at.Draw(t, "to"), Due: at.Draw(t, "due")})
				}
				return Timeline(a, "a", at.Draw(t, "now"), nil, spans)
			},
			"tiles": func() Figure {
				var tiles []Place
				for _, it := range anyItems(t) {
					tiles = append(tiles, Place{ID: it.Name, Name: it.Name, Row: rapid.IntRange(-1, 45).Draw(t, "row"), Column: rapid.IntRange(-1, 45).Draw(t, "column"), Spot: Spot{Value: it.Value, Text: it.Text}, Sub: it.Sub})
				}
				return Tiles(a, "a", "b", tiles)
			},
			"map": func() Figure {
				var places []Place
				for i, it := range anyItems(t) {
					places = append(places, Place{ID: string(rune('A' + i)), Name: it.Name, Spot: Spot{Value: it.Value, Text: it.Text, Link: it.Link}, Sub: it.Sub})
				}
				return Map(a, "a", "b", island(), places)
			},
			"survival": func() Figure {
				var falls []Fall
				for _, it := range anyItems(t) {
					falls = append(falls, Fall{At: it.Value, Share: it.High, Low: it.Low, High: it.High})
				}
				return Survival(a, []Curve{{Name: anyName.Draw(t, "curve"), Steps: falls}, {Name: "b", Steps: []Fall{{At: 3, Share: .4}}}})
			},
			"control":   func() Figure { return Control(a, "a", "b", anyRates(t)) },
			"intervals": func() Figure { return Intervals(a, "a", "b", anyRates(t), anyValue.Draw(t, "reference")) },
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(figures))).Draw(t, "kind")
		f := figures[name]()
		if (f.Empty == "") == (f.SVG == "") {
			t.Errorf("%s: neither drawn nor empty", name)
		}
		wellFormed(t, f)
		apart(t, f)
	})
}

func anyRates(t *rapid.T) []Rate {
	var out []Rate
	for _, it := range anyItems(t) {
		out = append(out, Rate{Name: it.Name, Link: it.Link, Count: it.Value, Base: anyValue.Draw(t, "base"), Low: it.Low, High: it.High})
	}
	return out
}

// Ticks are even, cover what is drawn, and are few; whole numbers get no ticks between them.
func TestTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lo, hi := anyValue.Draw(t, "lo"), anyValue.Draw(t, "hi")
		want, wholeNumbers := rapid.IntRange(0, 12).Draw(t, "want"), rapid.Bool().Draw(t, "whole")
		s := newScale(lo, hi, want, wholeNumbers)
		if len(s.ticks) < 2 || len(s.ticks) > 2*want+4 {
			t.Fatalf("%d ticks from %v to %v", len(s.ticks), lo, hi)
		}
		lo, _ = tame(lo)
		hi, _ = tame(hi)
		lo, hi = min(lo, hi), max(lo, hi)
		slack := s.step * 1e-6
		if s.lo() > lo+slack || s.hi() < hi-slack {
			t.Errorf("ticks %v do not cover %v to %v", s.ticks, lo, hi)
		}
		for i := 1; i < len(s.ticks); i++ {
			if d := s.ticks[i] - s.ticks[i-1]; math.Abs(d-s.step) > max(s.step, math.Abs(s.ticks[i]))*1e-9 {
				t.Errorf("ticks %v are not even", s.ticks)
			}
		}
		if wholeNumbers && s.step < 1 {
			t.Errorf("a step of %v for whole numbers", s.step)
		}
		for _, v := range []float64{lo, hi, (lo + hi) / 2} {
			if at := s.at(v); !(at >= 0 && at <= 1) {
				t.Errorf("%v is drawn at %v", v, at)
			}
		}
	})
}

// A clipped text is never wider than it may be, and what fits is left alone.
func TestClip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, most := anyName.Draw(t, "s"), rapid.Float64Range(0, 400).Draw(t, "most")
		got := clip(s, 13, most)
		if width(got, 13) > most+1e-9 {
			t.Errorf("%q is %v wide, at most %v", got, width(got, 13), most)
		}
		if width(tidy(s), 13) <= most && strings.Trim(got, string(isolate)+string(pop)) != tidy(s) {
			t.Errorf("%q became %q", s, got)
		}
		lines, _ := fold(s, 13, most)
		for _, l := range lines {
			if width(l, 13) > most+1e-9 {
				t.Errorf("line %q is wider than %v", l, most)
			}
		}
	})
}
