package public

import (
	"strings"
	"testing"

	"tocsin/internal/lang"
	"tocsin/internal/party"
	"tocsin/internal/situation"
	"tocsin/internal/web/atlas"
	"tocsin/internal/web/page"
)

// Published numbers are drawn on a map where regions have places on one, as bars where they have none, and not at all where
// everything is withheld. What is withheld is hatched and has no number.
func TestMapped(t *testing.T) {
	t.Parallel()
	regions := []party.Region{
		{ID: "XA", NameEN: "Land"},
		{ID: "XA-01", NameEN: "North", Tile: party.Tile{Column: 1, Row: 1}},
		{ID: "=XA-02", NameEN: "South", Tile: party.Tile{Column: 1, Row: 2}},
		{ID: "XA-03", NameEN: "East", Tile: party.Tile{Column: 2, Row: 1}},
	}
	d := drawing{v: &page.Visit{Lang: lang.English}, atlas: atlas.Atlas{Lang: lang.English, Regions: regions}}
	f := d.mapped(someStatistics.Regions)
	var rows []string
	for _, r := range f.Rows {
		var cells []string
		for _, c := range r {
			cells = append(cells, c.Text)
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	if got := strings.Join(rows, "\n"); got != "North|80|About 50% of the registered organisations have an open problem.\nSouth|withheld|\nEast|0|" {
		t.Errorf("the table:\n%s", got)
	}
	svg := string(f.SVG)
	if strings.Count(svg, `class="chart-cell chart-veil"`) != 1 || strings.Contains(svg, "<a ") || f.Legend[len(f.Legend)-1].Text != "withheld" || f.CSV != "/statistics.csv?table=region" {
		t.Errorf("%s\n%+v", svg, f.Legend)
	}
	d.atlas.Regions = regions[:1]
	if bars := d.mapped(someStatistics.Regions); bars.Description != lang.English.T("statistics.ranked_text") || len(bars.Rows) != 2 {
		t.Errorf("%+v", bars)
	}
	d.atlas.Regions = regions
	if none := d.mapped(situation.Breakdown{Hidden: true}); none.SVG != "" || len(none.Rows) != 0 {
		t.Errorf("what is withheld as a whole is drawn: %+v", none.Rows)
	}
}
