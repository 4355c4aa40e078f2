package atlas

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/lang"
	"tocsin/internal/party"
	"tocsin/internal/web/chart"
)

var country = []party.Region{
	{ID: "XA", NameEN: "Land", NameZH: "国"},
	{ID: "XA-N", Parent: "XA", NameEN: "North", NameZH: "北", Tile: party.Tile{Column: 1, Row: 1}},
	{ID: "XA-N1", Parent: "XA-N", NameZH: "北一"},
	{ID: "XA-S", Parent: "XA", NameEN: "South", Tile: party.Tile{Column: 1, Row: 2}},
	{ID: "XA-E", Parent: "XA", NameEN: "East", Tile: party.Tile{Column: 2, Row: 1}},
}

func shapes(t *testing.T, codes ...string) chart.Shapes {
	t.Helper()
	text := ""
	for i, c := range codes {
		text += fmt.Sprintf(`,{"id":%q,"geometry":{"type":"Polygon","coordinates":[[[%d,0],[%d,1],[%d,2]]]}}`, c, i, i+1, i)
	}
	s, err := chart.ParseShapes([]byte(`{"type":"FeatureCollection","features":[` + text[1:] + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A map shows what was counted and, as nothing, what was not, but never a whole as nothing of which a part was counted.
func TestPlaces(t *testing.T) {
	t.Parallel()
	a := Atlas{Lang: lang.Chinese, Regions: country, Nobody: "?"}
	counts := []Count{{Region: "XA-N1", Spot: chart.Spot{Value: 5}}, {Region: "XA-S", Spot: chart.Spot{Text: "<5"}, Sub: "few"}, {Region: "ZZ"}, {}}
	got := a.Places(counts, func(code string) chart.Spot { return chart.Spot{Link: "/" + code} })
	want := []chart.Place{
		{ID: "XA-N1", Short: "1", Name: "北一", Spot: chart.Spot{Value: 5}},
		{ID: "XA-S", Short: "S", Name: "South", Column: 1, Row: 2, Spot: chart.Spot{Text: "<5"}, Sub: "few"},
		{ID: "ZZ", Name: "ZZ"},
		{Name: "?"},
		{ID: "XA-E", Short: "E", Name: "East", Column: 2, Row: 1, Spot: chart.Spot{Link: "/XA-E"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	a = Atlas{Lang: lang.English, Regions: country[:3], Shapes: shapes(t, "xa")}
	if got := a.Places(nil, func(string) chart.Spot { return chart.Spot{} }); len(got) != 2 || got[0].Name != "Land" || got[1].Name != "North" {
		t.Errorf("%+v", got)
	}
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	areas, unmapped := Strangers(shapes(t, "xa-n1", "XA-S", "XB"), country)
	if fmt.Sprint(areas, unmapped) != "[XB] [XA-E]" {
		t.Error(areas, unmapped)
	}
	if areas, unmapped = Strangers(chart.Shapes{}, country); len(areas)+len(unmapped) > 0 {
		t.Error(areas, unmapped)
	}
}
