package public

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/lang"
	"tocsin/internal/people"
	"tocsin/internal/promise"
	"tocsin/internal/situation"
)

var update = flag.Bool("update", false, "write the golden files anew")

func shown(key string, n int64) situation.Figure {
	return situation.Figure{Key: key, N: n, Shown: true}
}

// Every word that is generated from the program's closed lists stands in the catalogue of both languages.
func TestGeneratedWords(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		has := func(prefix, word string) {
			if !l.Has(prefix + "." + word) {
				t.Errorf("%s has no %s.%s", l, prefix, word)
			}
		}
		for _, h := range harms() {
			has("harm_class", h.Class)
			for _, typ := range h.Types {
				has("harm_type", typ)
			}
		}
		for _, act := range twoPeople() {
			has("proposal_act", act)
		}
		for _, o := range offices() {
			has("office", o.Post)
		}
		for _, p := range people.Powers {
			has("power", string(p))
		}
		for _, m := range situation.Methods {
			has("method", m)
		}
		for _, k := range promise.Kinds {
			has("wait_kind", string(k))
		}
	}
	if len(harms()) < 10 || len(twoPeople()) < 3 {
		t.Errorf("harms %d, acts by two %d: the lists are not the program's", len(harms()), len(twoPeople()))
	}
}

// Speech is on no list that the public pages generate.
func TestClosedList(t *testing.T) {
	t.Parallel()
	for _, h := range harms() {
		for _, typ := range h.Types {
			if event.Taxonomy(typ) != h.Class || typ == "harmful-speech" || typ == "violence" {
				t.Errorf("%s in %s", typ, h.Class)
			}
		}
	}
}

// The trend says "same" for what rounding alone can make, and nothing where a number is withheld.
func TestTrend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, now int64
		want        string
	}{{100, 105, "same"}, {100, 110, "more"}, {100, 90, "fewer"}, {1000, 1050, "same"}, {1000, 1055, "more"}, {0, 0, "same"}, {5, 15, "more"}} {
		got := trend([]situation.Week{{Live: shown("", 7)}, {Live: shown("", c.before)}, {Live: shown("", c.now)}})
		if got != c.want {
			t.Errorf("%d to %d: %q, want %q", c.before, c.now, got, c.want)
		}
	}
	hidden := []situation.Week{{Live: shown("", 50)}, {}}
	if got := trend(hidden) + trend(hidden[:1]) + trend(nil); got != "" {
		t.Errorf("a withheld number has the trend %q", got)
	}
}

var someStatistics = situation.Statistics{
	Through: finding.DayOf(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)),
	Live:    shown("", 120), Parties: situation.Figure{},
	Regions: situation.Breakdown{Figures: []situation.Figure{
		{Key: "XA-01", N: 80, Shown: true, Rate: &situation.Rate{Affected: 20, Of: 40, Value: .5, Low: .352, High: .648}}, {Key: "=XA-02"},
	}, Hidden: true},
	Classes: situation.Breakdown{Figures: []situation.Figure{shown("open-rdp", 90)}},
	Weeks: []situation.Week{
		{From: finding.DayOf(time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)), Opened: shown("", 30), Verified: shown("", 25)},
	},
	Closing: []situation.Closing{
		{All: true, Estimate: situation.Estimate{N: 200, Verified: 110, Median: situation.Quantile{Days: 6, Known: true, Low: 4, LowKnown: true, High: 9, HighKnown: true}}},
		{Severity: event.Critical, Estimate: situation.Estimate{N: 10}},
	},
}

// What is withheld has no value anywhere, and a median that is not known has none either.
func TestNumbers(t *testing.T) {
	t.Parallel()
	rows := numbers(someStatistics, "")
	for _, r := range rows {
		if r.Withheld && (r.Value != nil || r.Low != nil || r.High != nil) {
			t.Errorf("%+v is withheld and says something", r)
		}
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.Table+" "+r.Key+" "+r.Measure+" "+decimal(r.Value))
	}
	want := []string{
		"total  live 120", "total  parties ", "region XA-01 live 80", "region XA-01 share 0.5", "region =XA-02 live ", "class open-rdp live 90",
		"week 2026-11-16 opened 30", "week 2026-11-16 verified 25", "week 2026-11-16 live ", "closing all median_days 6", "closing critical median_days ",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if only := numbers(someStatistics, "week"); len(only) != 3 || len(numbers(someStatistics, "nothing")) != 0 {
		t.Errorf("%d rows of weeks", len(only))
	}
}

// The files are for programs: their form does not change by accident.
func TestNumbersAsFiles(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	if err := writeNumbers(&table, someStatistics, numbers(someStatistics, "")); err != nil {
		t.Fatal(err)
	}
	doc, err := json.MarshalIndent(document{someStatistics.Through, situation.K, []string{}, numbers(someStatistics, "region")}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"statistics.csv": table.String(), "statistics.json": string(doc) + "\n"} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestPercent(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]string{0: "0%", .004: "0%", .5: "50%", .996: "99%", .9999999: "100%", 1: "100%"} {
		if got := percent(share); got != want {
			t.Errorf("%v: %s", share, got)
		}
	}
}
