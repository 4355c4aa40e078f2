package chart

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/lang"
)

func TestParseShapes(t *testing.T) {
	t.Parallel()
	s := island()
	if len(s.Areas) != 4 || s.Areas[1].ID != "B" || s.Areas[3].ID != "D" || s.Areas[0].name("zh") != "北区" || s.Areas[0].name("en") != "North" || !s.Has("d") || s.Has("E") {
		t.Errorf("%+v", s.Areas)
	}
	const ring = "[[0,0],[1,0],[1,1],[0,0]]"
	feature := func(kind, coordinates string) string {
		return fmt.Sprintf(`{"type":"FeatureCollection","features":[{"id":1,"geometry":{"type":%q,"coordinates":%s}}]}`, kind, coordinates)
	}
	for name, c := range map[string]struct {
		text, want string
		kind       error
	}{
		"no JSON":        {"x", "not GeoJSON: ", fault.Invalid},
		"cut off":        {islandJSON[:800], "not GeoJSON: unexpected end", fault.Invalid},
		"another type":   {`{"type":"Feature"}`, `a map is a FeatureCollection, not "Feature"`, fault.Invalid},
		"no areas":       {`{"type":"FeatureCollection","features":[]}`, "the map has no areas", fault.Invalid},
		"no feature":     {`{"type":"FeatureCollection","features":[7]}`, "area 1: not a feature of GeoJSON: ", fault.Invalid},
		"no region":      {`{"type":"FeatureCollection","features":[{"properties":{"name":"North"}}]}`, "area 1: properties.code is missing", fault.Invalid},
		"a region twice": {`{"type":"FeatureCollection","features":[{"id":"xa","geometry":{"type":"Polygon","coordinates":[` + ring + `]}},{"id":"XA"}]}`, "area 2: XA is area 1 already; make one MultiPolygon of them", fault.Invalid},
		"a line":         {feature("LineString", "[[0,0],[1,1]]"), `area 1: draw it as a Polygon or MultiPolygon, not as "LineString"`, fault.Invalid},
		"nothing":        {feature("MultiPolygon", "[]"), "area 1: its geometry is empty", fault.Invalid},
		"metres":         {feature("Polygon", "[[[500000,4000000],[1,1],[2,2]]]"), "area 1: a point is longitude and latitude in degrees (WGS 84)", fault.Invalid},
		"half a point":   {feature("Polygon", "[[[1],[2],[3]]]"), "area 1: a point is longitude and latitude in degrees (WGS 84)", fault.Invalid},
		"half a ring":    {feature("Polygon", "[[[1,1],[2,2]]]"), "area 1: a ring of 2 points; three are the least", fault.Invalid},
		"wrong depth":    {feature("MultiPolygon", "["+ring+"]"), "area 1: its coordinates cannot be read", fault.Invalid},
		"too deep":       {feature("Polygon", strings.Repeat("[", 33)+strings.Repeat("]", 33)), "not GeoJSON: objects and lists lie more than 32 deep", fault.Invalid},
		"too long":       {strings.Repeat(" ", MaxShapeBytes+1), "a map has at most 4194304 bytes; simplify it", fault.TooLarge},
		"too many rings": {feature("Polygon", "["+strings.Repeat(ring+",", maxRings)+ring+"]"), "area 1: a map has at most 20000 rings and 200000 points; simplify it", fault.TooLarge},
		"too many areas": {`{"type":"FeatureCollection","features":[` + strings.Repeat("{},", maxShapes) + `{}]}`, "a map has at most 500 areas, this one 501", fault.TooLarge},
		"too ragged":     {ragged(maxShapes, 300), "the outlines are too ragged to be drawn in 16500 bytes; simplify them", fault.TooLarge},
	} {
		_, err := ParseShapes([]byte(c.text))
		if text, said := fault.Message(err); !errors.Is(err, c.kind) || !said || !strings.HasPrefix(text, c.want) {
			t.Errorf("%s: %v, want %v: %q", name, err, c.kind, c.want)
		}
	}
	for name, text := range map[string]string{
		"a mark of order": "\ufeff" + feature("Polygon", "["+ring+"]"),
		"deep in a text":  strings.Replace(feature("Polygon", "["+ring+"]"), `"id":1`, `"id":"\"`+strings.Repeat("[", 50)+`"`, 1),
	} {
		if _, err := ParseShapes([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// ragged is a map of areas whose outlines jump about at random.
func ragged(areas, points int) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString(`{"type":"FeatureCollection","features":[`)
	for i := range areas {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"id":"R%d","geometry":{"type":"Polygon","coordinates":[[`, i)
		for j := range points {
			if j > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, "[%.2f,%.2f]", r.Float64()*10, r.Float64()*8)
		}
		b.WriteString("]]}}")
	}
	return b.String() + "]}"
}

// coast is a map of areas side by side whose borders have many points, as surveys draw them.
func coast(areas, points int) string {
	r := rand.New(rand.NewPCG(3, 4))
	borders := make([][]string, areas+1)
	for i := range borders {
		for j := range points {
			borders[i] = append(borders[i], fmt.Sprintf("[%.4f,%.4f]", (float64(i)+.2*r.Float64())*12/float64(areas), 8*float64(j)/float64(points)))
		}
	}
	var features []string
	for i := range areas {
		back := slices.Clone(borders[i])
		slices.Reverse(back)
		ring := strings.Join(append(slices.Clone(borders[i+1]), back...), ",")
		features = append(features, fmt.Sprintf(`{"id":"R%d","geometry":{"type":"Polygon","coordinates":[[%s]]}}`, i, ring))
	}
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + "]}"
}

func everywhere(s Shapes) (out []Place) {
	for i, a := range s.Areas {
		out = append(out, Place{ID: a.ID, Name: strings.Repeat("Long name ", 3) + a.ID, Spot: Spot{Value: float64(i), Link: "/desk/findings?region=" + a.ID + "&state=live"}})
	}
	return out
}

// However detailed a map is and however many regions it has, it leaves room for the rest of a page of 150 KB.
func TestMapIsSmall(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"few areas": coast(12, 8_000), "forty": coast(mostMarks, 2_400), "many": coast(maxShapes, 200), "noise": ragged(8, 40)} {
		s, err := ParseShapes([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f := Map(About{Lang: lang.English, ID: "m", Title: "m"}, "a", "b", s, everywhere(s))
		if n := len(f.SVG); n > 24<<10 {
			t.Errorf("%s: %d bytes", name, n)
		}
		if linked := strings.Count(string(f.SVG), "<a "); linked != 0 && linked != len(s.Areas) {
			t.Errorf("%s: %d links", name, linked)
		}
		wellFormed(t, f)
		apart(t, f)
	}
	var tiles []Place
	for i := range tileLimit * tileLimit {
		tiles = append(tiles, Place{ID: fmt.Sprint(i), Name: "x", Column: i%tileLimit + 1, Row: i/tileLimit + 1, Spot: Spot{Value: float64(i), Link: "/x"}})
	}
	for _, n := range []int{mostMarks, mostValues, len(tiles)} {
		if f := Tiles(About{Lang: lang.English, ID: "t", Title: "t"}, "a", "b", tiles[:n]); len(f.SVG) > 28<<10 {
			t.Errorf("%d tiles: %d bytes", n, len(f.SVG))
		}
	}
}

// However much the outlines are thinned, what two neighbours share stays shared, and what stays is what matters.
func TestBordersMeet(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	var border []point
	for y := range 400 {
		border = append(border, point{float64(150+r.IntN(15)) + float64(20*(y/100%2)), -float64(y) / 2})
	}
	back := slices.Clone(border)
	slices.Reverse(back)
	enclave := []point{{50, -50}, {75, -45}, {80, -70}, {60, -85}, {50.5, -65}}
	hole := []point{{80, -70}, {75, -45}, {50, -50}, {50.5, -65}, {60, -85}, {80, -70}}
	// Two areas that share a border, two that meet them at its ends, and an enclave.
	rings := [][][]point{
		{append([]point{{0, -199.5}, {0, 0}}, border...), hole},
		{append([]point{{300, 0}, {300, -199.5}}, back...)},
		{enclave},
		{{{0, -199.5}, border[399], {300, -199.5}, {150, -300}}},
		{{{0, 0}, {150, 100}, {300, 0}, border[0]}},
	}
	v, land, meets := view{perX: 1, perY: 1}, make([][]loop, len(rings)), meeting(rings)
	for i := range rings {
		for _, ring := range rings[i] {
			l := v.snap(ring, meets)
			l.weigh()
			land[i] = append(land[i], l)
		}
	}
	few := math.MaxInt
	for least := int64(1); least < coarsest; least *= 3 {
		west, east := [][]knot{land[0][0].thinned(least)}, [][]knot{land[1][0].thinned(least)}
		for y := 4.37; y < 403; y += 1.7 {
			a, b := within(west, y), within(east, y)
			if len(a) == 0 || len(b) == 0 || math.Abs(a[len(a)-1].to-b[0].from) > 1e-9 {
				t.Errorf("least %d: a gap from %v to %v", least, a, b)
			}
		}
		in, out := land[2][0].thinned(least), land[0][1].thinned(least)
		slices.SortFunc(in, func(a, b knot) int { return a.x - b.x })
		slices.SortFunc(out, func(a, b knot) int { return a.x - b.x })
		if !slices.Equal(in, out) {
			t.Errorf("least %d: the enclave is %v and its hole %v", least, in, out)
		}
		if n := len(west[0]); n > few {
			t.Errorf("least %d: %d knots, after %d", least, n, few)
		} else {
			few = n
		}
	}
	if few < 8 || few > 100 {
		t.Errorf("%d knots are left of a border with three bends", few)
	}
}

// A map that crosses the 180th meridian is drawn in one piece, and an area that is too small for a shape as a dot.
func TestMapEdges(t *testing.T) {
	t.Parallel()
	s, err := ParseShapes([]byte(`{"type":"FeatureCollection","features":[
		{"id":"W","geometry":{"type":"Polygon","coordinates":[[[176,-20],[180,-20],[180,-16],[176,-16],[176,-20]]]}},
		{"id":"E","geometry":{"type":"Polygon","coordinates":[[[-180,-20],[-178,-20],[-178,-16],[-180,-16],[-180,-20]]]}},
		{"id":"S","geometry":{"type":"Polygon","coordinates":[[[179,-17.0001],[179.0001,-17],[179,-17],[179,-17.0001]]]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	lands := s.lands
	if w, e := lands[0].lines[0], lands[1].lines[0]; w.x >= e.x || w.w < 1.9*e.w || w.w > 2.1*e.w {
		t.Errorf("west %+v, east %+v", w, e)
	}
	if got := lands[2]; !strings.HasSuffix(got.d, "h4v4h-4z") || got.lines[0].w != 0 {
		t.Errorf("the small one: %+v", got)
	}
}

func FuzzParseShapes(f *testing.F) {
	f.Add([]byte(islandJSON))
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"id":7,"geometry":{"type":"Polygon","coordinates":[[[180,90],[-180,-90],[1e-300,0]]]}}]}`))
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"geometry":null}]}`))
	f.Add([]byte(ragged(3, 40)))
	f.Add([]byte(coast(2, 30)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ParseShapes(raw)
		if err != nil {
			if _, said := fault.Message(err); !said {
				t.Errorf("an error without a text: %v", err)
			}
			return
		}
		size := 0
		for _, c := range s.lands {
			size += len(c.d)
		}
		if size == 0 || size > outlineBytes(len(s.Areas)) {
			t.Errorf("%d bytes of outlines", size)
		}
		fig := Map(About{Lang: lang.English, ID: "m", Title: "m"}, "a", "b", s, everywhere(s))
		wellFormed(t, fig)
		apart(t, fig)
	})
}
