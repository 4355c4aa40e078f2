package desk

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/act/loop"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/situation"
	"tocsin/internal/web/page"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]loop.FindingQuery{
		"":          {States: loop.LiveStates},
		"state=all": {},
		"state=disputed&severity=High&party=none":        {States: []finding.State{finding.Disputed}, Severity: event.High, Orphans: true},
		"state=all&party=city-hospital&region=XA-02":     {Party: "city-hospital", Region: "XA-02"},
		"state=all&feed=shadowserver":                    {Feed: "shadowserver"},
		"state=all&feed=shadowserver%2Fscan_rdp":         {Feed: "shadowserver", Stream: "scan_rdp"},
		"state=all&asset=+192.0.2.1+&text=%00rdp%0d%0a":  {Asset: "192.0.2.1", Text: "rdp"},
		"state=all&sector=none&exactly=none&stage=fixed": {Sector: "none", Severities: []event.Severity{event.Unknown}, Stage: situation.Fixed},
		"state=all&exactly=high&since=2026-11-01&until=2026-11-02": {
			Severities: []event.Severity{event.High}, Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC),
		},
		"state=verified_closed&ended=2026-11-01": {States: []finding.State{finding.VerifiedClosed}, Ended: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
		"state=all&class=%ff%feopen-rdp":         {Class: "open-rdp"},
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := parseFilter(q)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", query, d)
		}
	}
	for _, query := range []string{"state=shut", "severity=dreadful", "exactly=x", "stage=gone", "since=soon", "until=x"} {
		q, _ := url.ParseQuery(query)
		if _, _, err := parseFilter(q); err == nil {
			t.Errorf("%s is taken", query)
		}
	}
}

// What the filter writes, it reads back as the same question.
func FuzzFindingFilter(f *testing.F) {
	f.Add("state=open&severity=high&class=open-rdp&party=none&region=XA-01&feed=a/b&asset=192.0.2.0/24&text=x")
	f.Add("state=%00&severity=;&asset=%ff&before=-1")
	f.Add("text=" + string(make([]byte, 600)))
	f.Add("state=%00&asset=%80 0000")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		typed, asked, err := parseFilter(q)
		if err != nil {
			return
		}
		again, err := url.ParseQuery(typed.Query())
		if err != nil {
			t.Fatalf("%q is written as %q: %v", raw, typed.Query(), err)
		}
		same, askedAgain, err := parseFilter(again)
		if err != nil || same != typed {
			t.Fatalf("%+v became %+v: %v", typed, same, err)
		}
		if d := cmp.Diff(asked, askedAgain); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzNoticeCursor(f *testing.F) {
	f.Add("1763900000000000.ntc_1")
	f.Add("9223372036854775807.")
	f.Add("-1.x")
	f.Fuzz(func(_ *testing.T, text string) { noticeCursor(text) })
}

func TestObjectLink(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		"finding:12": "/desk/findings/12", "signal:3": "/desk/signals/3", "party:a/../b": "/desk/parties/a%2F..%2Fb",
		"notice:ntc_1": "/desk/notices/ntc_1", "stream:shadowserver/scan_rdp": "/desk/feeds/shadowserver#streams", "feed:x": "/desk/feeds#x",
		"report:rep_1": "/desk/reports/rep_1", "change:x": "/desk/changes/x", "proposal:prp_1": "/desk/proposals#prp_1", "contact:c": "", "desk": "", "": "",
	} {
		if got := objectLink(object); got != want {
			t.Errorf("%s: %q, want %q", object, got, want)
		}
	}
}

// A spreadsheet must not run what somebody put into a report.
func TestCell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "-2": "'-2", "+1": "'+1", "\tx": "'\tx", "a=1": "a=1", "": ""} {
		if got := page.Cell(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
