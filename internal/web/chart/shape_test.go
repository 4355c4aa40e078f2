package chart

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/lang"
)

func TestParseShapes(t *testing.T) {
	t.Parallel()
	s := island()
	if len(s.Areas) != 3 || s.Areas[1].ID != "B" || s.Areas[2].ID != "C" || len(s.Areas[1].rings) != 3 || s.Areas[0].name("zh") != "北区" || s.Areas[0].name("en") != "North" {
		t.Errorf("%+v", s.Areas)
	}
	ring := "[[0,0],[1,0],[1,1],[0,0]]"
	feature := func(kind, coordinates string) string {
		return fmt.Sprintf(`{"type":"FeatureCollection","features":[{"geometry":{"type":%q,"coordinates":%s}}]}`, kind, coordinates)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"no JSON":        {"x", fault.Invalid},
		"another type":   {`{"type":"Feature"}`, fault.Invalid},
		"no areas":       {`{"type":"FeatureCollection","features":[]}`, fault.Invalid},
		"a line":         {feature("LineString", "[[0,0],[1,1]]"), fault.Invalid},
		"metres":         {feature("Polygon", "[[[500000,4000000],[1,1]]]"), fault.Invalid},
		"half a point":   {feature("Polygon", "[[[1]]]"), fault.Invalid},
		"wrong depth":    {feature("MultiPolygon", "["+ring+"]"), fault.Invalid},
		"too deep":       {feature("Polygon", strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), fault.Invalid},
		"too long":       {strings.Repeat(" ", MaxShapeBytes+1), fault.TooLarge},
		"too many rings": {feature("Polygon", "["+strings.Repeat("[],", maxRings)+"[]]"), fault.TooLarge},
		"too many areas": {`{"type":"FeatureCollection","features":[` + strings.Repeat("{},", maxShapes) + `{}]}`, fault.TooLarge},
	} {
		_, err := ParseShapes([]byte(c.text))
		if _, said := fault.Message(err); !errors.Is(err, c.want) || !said {
			t.Errorf("%s: %v, want %v with a text", name, err, c.want)
		}
	}
	if _, err := ParseShapes([]byte(feature("Polygon", "["+ring+"]"))); err != nil {
		t.Error(err)
	}
}

func FuzzParseShapes(f *testing.F) {
	f.Add([]byte(islandJSON))
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"id":7,"geometry":{"type":"Polygon","coordinates":[[[180,90],[-180,-90],[1e-300,0]]]}}]}`))
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"geometry":null}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ParseShapes(raw)
		if err != nil {
			if _, said := fault.Message(err); !said {
				t.Errorf("an error without a text: %v", err)
			}
			return
		}
		spots := map[string]Spot{}
		for i, a := range s.Areas {
			spots[a.ID] = Spot{Value: float64(i + 1)}
		}
		fig := Map(About{Lang: lang.English, ID: "m", Title: "m"}, "a", "b", s, spots)
		wellFormed(t, fig)
	})
}
