package web_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"tocsin/internal/ident"
	"tocsin/internal/web"
	"tocsin/internal/web/chart"
)

// aurelia is a map of three regions of the simulated province and of one that it does not have.
const aurelia = `{"type":"FeatureCollection","features":[
{"properties":{"code":"XA-01"},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}},
{"properties":{"id":"xa-02"},"geometry":{"type":"Polygon","coordinates":[[[1,0],[2,0],[2,1],[1,1],[1,0]]]}},
{"id":"XA-03","geometry":{"type":"Polygon","coordinates":[[[2,0],[3,0],[3,1],[2,1],[2,0]]]}},
{"id":"XB","properties":{"name":"Neighbour"},"geometry":{"type":"Polygon","coordinates":[[[3,0],[4,0],[4,1],[3,1],[3,0]]]}}]}`

var (
	mapLink = regexp.MustCompile(`<a href="(/desk/findings\?[^"]+)"><title>([^<:]+): (\d+)</title>`)
	listed  = regexp.MustCompile(`<strong>(\d+)</strong> `)
)

// figure is one drawing of a page with its legend and table.
func figure(t *testing.T, body, id string) string {
	t.Helper()
	_, rest, found := strings.Cut(body, `id="`+id+`" data-chart>`)
	out, _, closed := strings.Cut(rest, "</figure>")
	if !found || !closed {
		t.Fatalf("no figure %s", id)
	}
	return out
}

// Each region of the desk's map leads, without script, to the list that it counts: as tiles, and as the operator's shapes.
func TestMapLeadsToLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	desk := w.signedIn(ident.Authority, "en")
	check := func(want map[string]bool, off string) {
		t.Helper()
		f := figure(t, desk.ok("/desk/situation"), "regions")
		seen := map[string]bool{}
		for _, m := range mapLink.FindAllStringSubmatch(f, -1) {
			seen[m[2]] = true
			body := desk.ok(html.UnescapeString(m[1]))
			if n := listed.FindStringSubmatch(body); n == nil || n[1] != m[3] {
				t.Errorf("%s: %s on the map, %v in %s", m[2], m[3], n, m[1])
			}
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("links of %v, want %v", seen, want)
		}
		if !strings.Contains(f, off) {
			t.Errorf("the map does not say %q", off)
		}
		if strings.Count(f, "<tr>") < 1+5 {
			t.Errorf("the table is shorter than the map:\n%s", f)
		}
	}
	all := map[string]bool{"Harbour District": true, "Old Town": true, "Northern Hills": true, "River Plain": true, "Lake County": true}
	check(all, "Old Town")
	if csv := desk.ok("/desk/situation/regions.csv"); !strings.HasPrefix(csv, "Region,") || strings.Count(csv, "\n") < 6 {
		t.Error(csv)
	}
	var err error
	w.set.Shapes, err = chart.ParseShapes([]byte(aurelia))
	w.must(err)
	w.pages, err = web.New(w.set)
	w.must(err)
	check(map[string]bool{"Harbour District": true, "Old Town": true, "Northern Hills": true}, "Lake County")
	if f := figure(t, desk.ok("/desk/situation"), "regions"); !strings.Contains(f, "Neighbour") || !strings.Contains(f, "Not on the map") {
		t.Error("the map leaves out the land beside, or does not name what it leaves out")
	}
	if got := desk.ok("/desk/system"); !strings.Contains(got, "do not fit in 3 places: XB, XA-04, XA-05.") {
		t.Error("the page of the system does not say what does not fit")
	}
}
