package desk

import (
	"fmt"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/web/chart"
	"tocsin/internal/web/page"
)

// island are the outlines of three invented regions, as an operator hands theirs in.
const island = `{"type":"FeatureCollection","features":[
{"type":"Feature","id":"A","properties":{"name":"A"},"geometry":{"type":"Polygon","coordinates":[[[10,50],[12,51.5],[14,51],[13,49.5],[11,49.2],[10,50]]]}},
{"type":"Feature","id":"B","properties":{"name":"B"},"geometry":{"type":"Polygon","coordinates":[[[11,49.2],[13,49.5],[13.5,48],[11.5,47.5],[11,49.2]]]}},
{"type":"Feature","id":"C","properties":{"name":"C"},"geometry":{"type":"Polygon","coordinates":[[[14,51],[16,50.5],[15.5,49],[13,49.5],[14,51]]]}}]}`

// sampleSectors are registered names of sectors; what they count here is invented.
var sampleSectors = []string{"health", "energy", "water", "transport"}

// figures draws one chart of each kind from invented numbers, and one with nothing in it.
func figures(v *page.Visit) ([]chart.Figure, error) {
	shapes, err := chart.ParseShapes([]byte(island))
	if err != nil {
		return nil, fmt.Errorf("the outlines of the page of parts: %w", err)
	}
	about := func(id string) chart.About {
		return chart.About{Lang: v.Lang, ID: "design-" + id, Title: v.T("design.figure"), Description: v.T("design.figure_text")}
	}
	kind, count := v.T("field.sector"), v.T("field.findings")
	sectors := make([]string, len(sampleSectors))
	items := make([]chart.Item, len(sectors))
	rates := make([]chart.Rate, len(sectors))
	tiles := make([]chart.Place, len(sectors))
	for i, s := range sampleSectors {
		sectors[i] = v.Lang.Word("sector", s)
		n := float64(90 - 25*i)
		items[i] = chart.Item{Name: sectors[i], Link: "#charts", Value: n, Low: n * .8, High: n * 1.25}
		rates[i] = chart.Rate{Name: sectors[i], Link: "#charts", Count: 10 + n/2, Base: 100 + 90*float64(i), Low: .05, High: .3}
		tiles[i] = chart.Place{ID: string(rune('A' + i)), Name: sectors[i], Row: i/2 + 1, Column: i%2 + 1, Spot: chart.Spot{Value: n, Link: "#charts"}}
	}
	areas := []chart.Place{{ID: "A", Name: sectors[0], Spot: chart.Spot{Value: 12}}, {ID: "B", Name: sectors[1], Spot: chart.Spot{Value: 140}}, {ID: "C", Name: sectors[2], Spot: chart.Spot{Text: "<5"}}}
	days, series := samples(v)
	share := about("control")
	share.Unit = chart.Percent
	spread := about("intervals")
	spread.Unit = chart.Percent
	band := chart.Band{Name: sectors[0], Low: make([]float64, len(days.Times)), High: make([]float64, len(days.Times))}
	for i := range days.Times {
		band.Low[i], band.High[i] = 4+float64(i%3), 14+float64(i%4)
	}
	return []chart.Figure{
		chart.Lines(about("lines"), days, series, band), chart.Areas(about("areas"), days, series), chart.Stacked(about("stacked"), days, series),
		chart.Grouped(about("grouped"), chart.Axis{Head: kind, Names: sectors[:2]}, []chart.Series{{Name: series[0].Name, Tone: chart.Critical, Values: []float64{4, 7}}, {Name: series[1].Name, Tone: chart.High, Values: []float64{9, 3}}}),
		chart.Ranked(about("ranked"), kind, count, items), chart.Funnel(about("funnel"), kind, count, items),
		chart.Heat(about("heat"), kind, sectors[:2], sectors, [][]chart.Spot{{{Value: 4}, {Value: 40}, {Value: 0}, {Text: "<5"}}, {{Value: 12}, {Value: 1}, {Value: 90}, {Value: 30}}}),
		chart.Tiles(about("tiles"), kind, count, tiles), chart.Map(about("map"), kind, count, shapes, areas),
		chart.Survival(about("survival"), []chart.Curve{{Name: series[0].Name, Tone: chart.Critical, Steps: []chart.Fall{{At: 2, Share: .8, Low: .7, High: .88, AtRisk: 60}, {At: 7, Share: .5, Low: .38, High: .6, AtRisk: 31}, {At: 20, Share: .2, Low: .1, High: .3, AtRisk: 9}}}}),
		chart.Control(share, kind, count, rates), chart.Intervals(spread, kind, count, rates, .12),
		chart.Timeline(about("timeline"), kind, v.Now, v.Kit.Zone, []chart.Span{
			{Name: sectors[0], From: v.Now.Add(-70 * time.Hour), Due: v.Now.Add(-20 * time.Hour)},
			{Name: sectors[1], From: v.Now.Add(-40 * time.Hour), Due: v.Now.Add(9 * time.Hour)},
			{Name: sectors[2], From: v.Now.Add(-60 * time.Hour), To: v.Now.Add(-30 * time.Hour), Due: v.Now.Add(-20 * time.Hour), Tone: chart.Good},
		}),
		chart.Ranked(about("empty"), kind, count, nil),
	}, nil
}

// samples are a fortnight of invented numbers of two severities.
func samples(v *page.Visit) (chart.Axis, []chart.Series) {
	const days = 14
	x := chart.Axis{Head: v.T("field.at")}
	series := []chart.Series{
		{Name: v.Lang.Word("severity", event.Critical.String()), Tone: chart.Critical},
		{Name: v.Lang.Word("severity", event.High.String()), Tone: chart.High},
	}
	for i := range days {
		x.Times = append(x.Times, v.Now.AddDate(0, 0, i-days+1))
		series[0].Values = append(series[0].Values, float64(5+(i*i)%7))
		series[1].Values = append(series[1].Values, float64(12+(i*5)%11))
	}
	return x, series
}
