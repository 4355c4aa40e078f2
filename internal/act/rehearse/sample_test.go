package rehearse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/rehearse"
	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

const telnet = "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,banner\n"

// What a sample says, row by row: which are kept aside and why, which are about one finding, who answers, what is new; and who is
// told the number of a finding that is there.
func TestSample(t *testing.T) {
	t.Parallel()
	s := testkit.SQLite(t)
	ctx, operator := t.Context(), access.ForSoftware("command")
	known, err := feed.ReadPacks(packs.Feeds())
	library, err2 := notice.LoadLibrary(packs.Classes())
	blobs, err3 := archive.Open(t.TempDir())
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	l := loop.New(loop.Config{Store: s, Archive: blobs, Packs: known, Library: library, Settings: loop.Settings{Key: make([]byte, 32)}})
	_, err = l.ImportParties(ctx, noon, operator, []party.Party{{
		ID: "p", Name: "Port", Kind: "operator", Language: "en", Rank: 100,
		Resources: []party.Resource{{ID: "r", Kind: party.Prefix, Value: "192.0.2.0/25", Source: party.Manual}},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stage := rehearse.New(rehearse.Config{Store: s, Packs: known, Library: library, Key: make([]byte, 32), Register: l.Register})
	sample := func(body string) rehearse.Sample {
		return rehearse.Sample{Pack: "shadowserver", Feed: "shadowserver", Name: "2026-11-23-scan_telnet-x.csv", Body: []byte(body)}
	}
	line := func(ip string) string {
		return "2026-11-23 01:02:03,high," + ip + ",tcp,23,,telnet,64496,ZZ,,,0,,,login:\n"
	}
	for name, c := range map[string]struct {
		sample rehearse.Sample
		want   error
	}{
		"nothing": {sample(""), fault.Invalid}, "blanks": {sample(" \n\t\n"), fault.Invalid},
		"a byte too many": {sample(strings.Repeat("x", rehearse.MaxBytes+1)), fault.TooLarge},
		"no such pack":    {rehearse.Sample{Pack: "none", Body: []byte("x")}, fault.Invalid},
	} {
		if _, err := stage.Read(ctx, noon, operator, c.sample); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	body := telnet + line("192.0.2.7") + line("not an address") + line("192.0.2.200") + line("192.0.2.7") + "2026-11-23 01:02:03,high,\"192.0.2.9,tcp\n"
	told := func(o rehearse.Outcome) string {
		var out strings.Builder
		for _, r := range o.Rows {
			fmt.Fprintf(&out, "%d %s %q twin %d known %t #%d; ", r.Line, r.Identity.Asset.Value, r.Attribution.Party, r.Twin, r.Known, r.Finding)
		}
		for _, r := range o.Rejected {
			fmt.Fprintf(&out, "%d %s; ", r.Line, r.Field)
		}
		fmt.Fprintf(&out, "new %d known %d nobody %d %v", o.New, o.Known, o.Nobody, o.Parties)
		return out.String()
	}
	o, err := stage.Read(ctx, noon, operator, sample(body))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told(o), `2 192.0.2.7 "p" twin 0 known false #0; 4 192.0.2.200 "" twin 0 known false #0; 5 192.0.2.7 "p" twin 2 known false #0; 6 ; 3 ip; new 2 known 0 nobody 1 map[p:Port]`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	mapped(t, o)
	if err := errors.Join(l.PutFeed(ctx, noon, operator, loop.FeedSettings{ID: "shadowserver", Pack: "shadowserver"}), take(ctx, l, operator, sample(telnet+line("192.0.2.7")))); err != nil {
		t.Fatal(err)
	}
	handler := access.Actor{Kind: access.Person, ID: "per_h", Party: ident.Authority, Seats: []access.Seat{{Post: "h", Party: ident.Authority, Powers: []people.Power{people.Read, people.Feeds}}}}
	blind := handler
	blind.Seats = []access.Seat{{Post: "h", Party: ident.Authority, Powers: []people.Power{people.Feeds}}}
	for by, number := range map[*access.Actor]int{&handler: 1, &blind: 0} {
		o, err := stage.Read(ctx, noon, *by, sample(body))
		if err != nil || o.New != 1 || o.Known != 1 || !o.Rows[0].Known || int(o.Rows[0].Finding) != number || o.Rows[1].Known || o.Rows[1].Finding != 0 {
			t.Errorf("with the powers %v: %s, %v", by.Seats[0].Powers, told(o), err)
		}
	}
}

// mapped looks at how the fields of the first row were read.
func mapped(t *testing.T, o rehearse.Outcome) {
	t.Helper()
	steps := map[string]string{}
	for _, m := range o.Mapping {
		if _, twice := steps[m.Field]; twice && m.Field != "" {
			t.Errorf("%s stands twice in the mapping", m.Field)
		}
		steps[m.Field] = m.Value
	}
	if steps["source.ip"] != "192.0.2.7" || steps["source.port"] != "23" || steps["source.reverse_dns"] != "" {
		t.Errorf("the mapping says %v", steps)
	}
}
