package chart

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tocsin/internal/lang"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// hostile are names that break what is drawn without care.
var hostile = []string{
	strings.Repeat("Sehr lange Einrichtung ", 9), "هيئة الاتصالات وتقنية المعلومات في المنطقة الشمالية", `<script>alert(1)</script>"'&`,
	"a\x00b\u202ec\n\td\uffff\xff", "第一人民医院信息中心网络安全与信息化办公室第三值班室", "", "🛎🛎🛎", "=1+1",
}

type words struct {
	severities, sectors, regions, stages []string
	findings, day, rest                  string
}

func wordsOf(l lang.Language) words {
	if l == lang.Chinese {
		return words{
			[]string{"严重", "高", "中", "低"},
			[]string{"医疗卫生", "教育", "能源", "公共行政", "金融", "交通运输", "供水", "电信"},
			[]string{"北川市", "南河市", "东岭市", "西港市", "云台县", "青溪县", "白沙县"},
			[]string{"收到", "归并", "归属", "通知", "确认", "修复", "复核关闭"},
			"发现", "日期", "其他",
		}
	}
	return words{
		[]string{"Critical", "High", "Medium", "Low"},
		[]string{"Healthcare", "Education", "Energy", "Public administration", "Finance", "Transport", "Water", "Telecommunication"},
		[]string{"Northbrook", "Southmere", "Eastridge", "Westport", "Cloudmoor", "Clearbrook", "Whitesand"},
		[]string{"Received", "Folded", "Attributed", "Notified", "Acknowledged", "Fixed", "Verified closed"},
		"Findings", "Day", "Other",
	}
}

// wave is a series that looks like a real one and is the same in every run.
func wave(n, seed int, size float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		v := 1 + .35*math.Sin(float64(i)/9+float64(seed)) + .2*math.Sin(float64(i*i%17)+float64(seed*3)) + float64(i)/float64(n)*.4
		out[i] = math.Round(v * size)
	}
	return out
}

func days(n int) Axis {
	x := Axis{Head: "day"}
	for i := range n {
		x.Times = append(x.Times, noon.AddDate(0, 0, i-n+1))
	}
	return x
}

func links(n int, to string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s?at=%d", to, i)
	}
	return out
}

func severities(w words, n int) []Series {
	tones := []Tone{Critical, High, Medium, Low}
	var out []Series
	for i, name := range w.severities {
		out = append(out, Series{Name: name, Tone: tones[i], Link: "/desk/findings?severity=" + string(tones[i]), Values: wave(n, i, float64(12+30*i))})
	}
	return out
}

func plainSeries(names []string, n int, size float64) []Series {
	var out []Series
	for i, name := range names {
		out = append(out, Series{Name: name, Values: wave(n, i+2, size*(1+float64(i)/2))})
	}
	return out
}

func exponential(name string, tone Tone, mean float64) Curve {
	c := Curve{Name: name, Tone: tone}
	for d := 1.0; d <= 90; d += 1 + math.Floor(d/12) {
		s := math.Exp(-d / mean)
		e := .02 + .05*(1-s)
		c.Steps = append(c.Steps, Fall{At: d, Share: s, Low: max(s-e, 0), High: min(s+e, 1), AtRisk: int64(400 * s)})
	}
	return c
}

func clocks(w words) []Span {
	h := time.Hour
	return []Span{
		{Name: w.stages[3], Link: "/desk/notices/1", From: noon.Add(-70 * h), Due: noon.Add(-22 * h)},
		{Name: w.stages[4], From: noon.Add(-40 * h), Due: noon.Add(9 * h)},
		{Name: w.stages[5], From: noon.Add(-60 * h), To: noon.Add(-30 * h), Due: noon.Add(-20 * h), Tone: Good},
		{Name: w.sectors[3], From: noon.Add(-52 * h), To: noon.Add(-6 * h), Due: noon.Add(-18 * h)},
		{Name: w.sectors[0], From: noon.Add(-12 * h), Due: noon.Add(60 * h)},
	}
}

// normal are all kinds of charts with numbers as an office has them.
func normal(l lang.Language) []Figure {
	w := wordsOf(l)
	about := func(id, title string) About {
		return About{Lang: l, ID: id, Title: title, Description: w.findings + " · " + title, CSV: "/" + id + ".csv"}
	}
	full := about("lines-full", "Lines")
	full.Full = true
	share := about("areas", "Areas")
	rates := about("control", "Control")
	rates.Unit = Percent
	spans := about("timeline", "Timeline")
	member := about("band", "Line with band")
	member.Note = "Note."
	low, high := wave(60, 5, 14), wave(60, 5, 40)
	return []Figure{
		Lines(full, days(90), severities(w, 90)),
		Lines(about("lines", "Lines"), days(90), plainSeries(w.sectors[:5], 90, 300)),
		Lines(member, days(60), []Series{{Name: w.findings, Values: wave(60, 1, 22)}}, Band{Name: w.sectors[0], Low: low, High: high}),
		Areas(share, days(90), severities(w, 90)),
		Stacked(about("stacked", "Stacked"), withLinks(days(28)), severities(w, 28)),
		Grouped(about("grouped", "Grouped"), Axis{Head: w.rest, Names: w.sectors[:5]}, plainSeries(w.severities[:3], 5, 40)),
		Ranked(about("ranked", "Ranked"), w.rest, w.findings, ranking(w)),
		Funnel(about("funnel", "Funnel"), w.rest, w.findings, funnelStages(w)),
		Heat(about("heat", "Heat"), w.rest, w.sectors, w.regions, heatCells(len(w.sectors), len(w.regions))),
		Timeline(spans, w.rest, noon, time.UTC, clocks(w)),
		Tiles(about("tiles", "Tiles"), w.rest, w.findings, province(w)),
		Map(about("map", "Map"), w.rest, w.findings, island(), islanders(w)),
		Survival(about("survival", "Survival"), []Curve{exponential(w.severities[0], Critical, 9), exponential(w.severities[2], Medium, 31)}),
		Control(rates, w.rest, w.regions[0], comparison(w)),
		Intervals(rates2(rates), w.rest, w.findings, comparison(w), .12),
	}
}

func rates2(a About) About { a.ID = "intervals"; a.Title = "Intervals"; return a }

func withLinks(x Axis) Axis {
	x.Links = links(len(x.Times), "/desk/findings")
	return x
}

func ranking(w words) []Item {
	var out []Item
	for i, name := range w.sectors {
		out = append(out, Item{Name: name, Link: fmt.Sprintf("/desk/findings?sector=%d", i), Value: math.Round(1800 / float64(i+1))})
	}
	out[len(out)-1].Text = "<5"
	out[1].Low, out[1].High = 700, 1100
	return out
}

func funnelStages(w words) []Item {
	var out []Item
	for i, v := range []float64{48210, 12894, 12100, 9870, 6204, 4310, 3988} {
		out = append(out, Item{Name: w.stages[i], Link: fmt.Sprintf("/desk/findings?stage=%d", i), Value: v})
	}
	return out
}

func heatCells(rows, columns int) [][]Spot {
	var out [][]Spot
	for i := range rows {
		var row []Spot
		for j := range columns {
			s := Spot{Value: math.Floor(math.Pow(float64((i*7+j*5)%11), 2.6)), Link: fmt.Sprintf("/desk/findings?cell=%d-%d", i, j)}
			if i == 2 && j == 3 {
				s = Spot{Value: nan}
			}
			row = append(row, s)
		}
		out = append(out, row)
	}
	return out
}

func province(w words) []Place {
	places := [][2]int{{1, 2}, {1, 3}, {2, 1}, {2, 2}, {2, 3}, {3, 2}, {3, 4}}
	var out []Place
	for i, name := range w.regions {
		p := Place{ID: string([]rune(name)[:2]), Name: name, Row: places[i][0], Column: places[i][1], Spot: Spot{Value: float64(i * i * 31), Link: "/desk/findings?region=" + fmt.Sprint(i)}}
		out = append(out, p)
	}
	out[2].Text, out[3].Sub = "<5", w.findings
	return append(out, Place{ID: "?", Name: w.rest, Spot: Spot{Value: 3}})
}

func islanders(w words) []Place {
	return []Place{
		{ID: "A", Name: w.regions[0], Spot: Spot{Value: 12, Link: "/desk/findings?region=A"}},
		{ID: "B", Name: w.regions[1], Spot: Spot{Value: 140}},
		{ID: "C", Name: w.regions[2], Spot: Spot{Text: "<5", Value: nan}},
		{ID: "E", Name: w.rest, Spot: Spot{Value: 7}},
	}
}

const islandJSON = `{"type":"FeatureCollection","features":[
{"type":"Feature","id":"A","properties":{"name":"North","name_zh":"北区"},"geometry":{"type":"Polygon","coordinates":[[[10,50],[12,51.5],[14,51],[13,49.5],[11,49.2],[10,50]]]}},
{"type":"Feature","properties":{"code":"B","name":"South","name_zh":"南区"},"geometry":{"type":"MultiPolygon","coordinates":[[[[11,49.2],[13,49.5],[13.5,48],[11.5,47.5],[11,49.2]],[[12,48.7],[12.6,48.8],[12.4,48.3],[12,48.7]]],[[[14,48],[14.6,48.2],[14.5,47.6],[14,48]]]]}},
{"type":"Feature","properties":{"id":"C","name":"East","name_zh":"东区"},"geometry":{"type":"Polygon","coordinates":[[[14,51],[16,50.5],[15.5,49],[13,49.5],[14,51]]]}},
{"type":"Feature","properties":{"id":"d","name":"Beyond","name_zh":"界外"},"geometry":{"type":"Polygon","coordinates":[[[15.5,49],[16,50.5],[17,49.4],[15.5,49]]]}}]}`

func island() Shapes {
	s, err := ParseShapes([]byte(islandJSON))
	if err != nil {
		panic(err)
	}
	return s
}

func comparison(w words) []Rate {
	var out []Rate
	for i, name := range append(append([]string{}, w.sectors...), w.regions...) {
		base := float64(20 + (i*137)%460)
		p := .12 + .04*math.Sin(float64(i*3))
		if i == 4 {
			p = .31
		}
		n := math.Round(base * p)
		half := 1.96 * math.Sqrt(p*(1-p)/base)
		out = append(out, Rate{Name: name, Link: fmt.Sprintf("/desk/parties?i=%d", i), Count: n, Base: base, Low: max(n/base-half, 0), High: n/base + half})
	}
	return out
}

// empty are all kinds of charts without numbers.
func empty(l lang.Language) []Figure {
	a := About{Lang: l, ID: "none", Title: "None"}
	return []Figure{
		Lines(a, days(30), nil), Lines(a, Axis{}, []Series{{Name: "x"}}), Areas(a, days(3), nil), Stacked(a, Axis{}, nil), Grouped(a, days(2), nil),
		Ranked(a, "", "", nil), Funnel(a, "", "", nil), Heat(a, "", nil, nil, nil), Timeline(a, "", noon, nil, nil), Tiles(a, "", "", nil),
		Map(a, "", "", Shapes{}, nil), Survival(a, nil), Control(a, "", "", nil), Intervals(a, "", "", nil, 0),
	}
}

// huge are all kinds of charts with too much of everything and with names that break what is drawn without care.
func huge(l lang.Language) []Figure {
	var names []string
	for i := range 60 {
		names = append(names, hostile[i%len(hostile)])
	}
	a := func(id string) About {
		return About{Lang: l, ID: id, Title: hostile[0], Description: hostile[3], Full: true}
	}
	big := plainSeries(names[:12], 2000, 3e6)
	big[1].Values[5], big[1].Values[6], big[2].Values[7] = math.NaN(), math.Inf(1), 1e300
	var items []Item
	var tiles []Place
	var spans []Span
	var rates []Rate
	for i, n := range names {
		items = append(items, Item{Name: n, Link: "/x?" + n, Value: math.Pow(10, float64(i%16)), Low: 1, High: 1e9, Sub: n})
		tiles = append(tiles, Place{ID: n, Name: n, Row: i % 41, Column: (i * i) % 41, Spot: Spot{Value: float64(i), Link: "//evil"}})
		spans = append(spans, Span{Name: n, From: noon.AddDate(-i, 0, 0), Due: noon.AddDate(i, 0, 0)})
		rates = append(rates, Rate{Name: n, Count: float64(i * 100), Base: float64(i * i * 1000), Low: 0, High: .3})
	}
	return []Figure{
		Lines(a("h-lines"), days(2000), big), Areas(a("h-areas"), days(2000), big), Stacked(a("h-stacked"), days(2000), big),
		Grouped(a("h-grouped"), Axis{Names: names}, plainSeries(names[:9], 60, 1e12)), Ranked(a("h-ranked"), "", "", items), Funnel(a("h-funnel"), "", "", items[:9]),
		Heat(a("h-heat"), "", names, names, heatCells(60, 60)), Timeline(a("h-timeline"), "", noon, nil, spans), Tiles(a("h-tiles"), "", "", tiles),
		Survival(a("h-survival"), []Curve{exponential(hostile[0], Plain, 900), exponential(hostile[1], Plain, 3)}), Control(a("h-control"), "", "", rates), Intervals(a("h-intervals"), "", "", rates, .02),
	}
}
