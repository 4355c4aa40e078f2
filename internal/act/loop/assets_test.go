package loop

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// addressesOf lists the assets of all findings, with the party that answers.
func addressesOf(t *testing.T, l *Loop) map[string]ident.Party {
	t.Helper()
	page, err := l.Findings(t.Context(), noon, testCommand, FindingQuery{}, 0, 100)
	must(t, err)
	out := map[string]ident.Party{}
	for _, r := range page.Rows {
		out[r.Identity.Asset.Value] = r.Party
	}
	return out
}

func countsOf(t *testing.T, l *Loop, id ident.Signal) [4]int64 {
	t.Helper()
	s, err := l.Signal(t.Context(), id)
	must(t, err)
	return [4]int64{s.Counts.Rows, s.Counts.Events, s.Counts.Rejected, s.Counts.Read()}
}

// A record that names two addresses makes two findings, each its own party's; rows count records.
func TestSeveralAssets(t *testing.T) {
	t.Parallel()
	body := sample(t, "n6-two-addresses.json")
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, l := t.Context(), newLoop(t, s, Settings{})
		takeOver(t, l, noon, registerYAML+"  - {id: bank, name: Bank, contacts: [{mail: it@bank.example}], resources: [{prefix: 192.0.2.0/24, verified: 2026-11-01}]}\n")
		must(t, l.PutFeed(ctx, noon, testCommand, FeedSettings{ID: "site", Pack: "n6-json"}))
		id := take(t, l, sampled, "site", "n6.json", body)
		foldAll(t, l, sampled)
		must(t, l.WriteBack(ctx))
		got := addressesOf(t, l)
		same(t, "findings", map[string]ident.Party{"192.0.2.53": "bank", "198.51.100.7": "hospital"}, got)
		same(t, "rows, events, rejected, read", [4]int64{1, 2, 0, 1}, countsOf(t, l, id))
		for f := ident.Finding(1); f <= 2; f++ {
			must(t, l.LookAtFinding(ctx, noon, testDesk, f, "triage"))
			rows, err := l.RawRows(ctx, noon, testDesk, f)
			must(t, err)
			d, err := l.FindingByID(ctx, noon, testDesk, f)
			must(t, err)
			mine := d.Identity.Asset.Value
			if len(rows) != 1 || rows[0].Line != 1 || rows[0].Event.Text("source.ip") != mine || !strings.Contains(string(rows[0].Raw), mine) {
				t.Errorf("finding %d of %s: %+v", f, mine, rows)
			}
			for other := range got {
				if other != mine && strings.Contains(string(rows[0].Raw), other) {
					t.Errorf("the row of %s shows %s", mine, other)
				}
			}
		}
	})
}

// A record is taken in whole or kept aside whole, and read once more whole.
func TestSeveralAssetsAreOneRow(t *testing.T) {
	t.Parallel()
	l := newLoop(t, testkit.SQLite(t), Settings{})
	ctx := t.Context()
	must(t, l.PutFeed(ctx, noon, testCommand, FeedSettings{ID: "partner", Pack: "intelmq"}))
	line := func(more string) string { return `{"classification.type":"infected-system",` + more + "}\n" }
	var many []string
	for i := range 1001 {
		many = append(many, fmt.Sprintf(`"2001:db8::%x"`, i+1))
	}
	id := take(t, l, noon, "partner", "a.json", line(`"source.ip":["192.0.2.1","192.0.2.2","192.0.2.1"]`)+
		line(`"source":[{"ip":"192.0.2.3"},{"ip":"192.0.2.1","port":9}]`)+
		line(`"source":[{"ip":"192.0.2.4"},{"port":9}]`)+
		line(`"source.ip":["192.0.2.5"],"source.fqdn":["a.example"]`)+
		line(`"source.ip":[`+strings.Join(many, ",")+`]`)+
		line(`"source.ip":"192.0.2.6"`))
	foldAll(t, l, noon)
	got := addressesOf(t, l)
	for _, a := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.6"} {
		if _, ok := got[a]; !ok {
			t.Errorf("%s is no finding", a)
		}
	}
	same(t, "findings", 4, len(got))
	same(t, "rows, events, rejected, read", [4]int64{6, 5, 3, 3}, countsOf(t, l, id))
	var reasons []string
	must(t, l.store.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.RejectedOf(ctx, id, -1, 0, 10)
		for _, r := range rows {
			if !strings.HasPrefix(string(r.Raw), `{"classification.type"`) || strings.Count(string(r.Raw), `"source`) < 1 {
				t.Errorf("line %d is kept as %.100s", r.Line, r.Raw)
			}
			reasons = append(reasons, fmt.Sprintf("%d %s: %s", r.Line, r.Field, r.Reason))
		}
		return err
	}))
	same(t, "reasons", []string{
		"3 : the event names no address, domain, prefix, URL, AS number or account",
		"4 source.fqdn: is a list, and so is source.ip: one list of assets was expected",
		"5 source.ip: lists 1001 assets, and at most 1000 were expected",
	}, reasons)
	pack, _ := l.packs.Pack("intelmq")
	pack.Default = map[string]string{"source.network": "192.0.2.0/24"}
	done, err := l.Replay(ctx, noon, testCommand, id)
	must(t, err)
	same(t, "read once more", Replayed{Tried: 3, Events: 2, Still: 2}, done)
	same(t, "rows, events, rejected, read", [4]int64{6, 7, 2, 4}, countsOf(t, l, id))
}

// One service at one address and port is one finding, whatever crawler module saw it, and its CVE is kept.
func TestShodanModules(t *testing.T) {
	t.Parallel()
	body := sample(t, "shodan-module.json")
	l := newLoop(t, testkit.SQLite(t), Settings{})
	must(t, l.PutFeed(t.Context(), noon, testCommand, FeedSettings{ID: "shodan", Pack: "shodan"}))
	id := take(t, l, noon, "shodan", "shodan.json", body)
	foldAll(t, l, noon)
	same(t, "rows, events, rejected, read", [4]int64{16, 16, 0, 16}, countsOf(t, l, id))
	page, err := l.Findings(t.Context(), noon, testCommand, FindingQuery{}, 0, 100)
	must(t, err)
	if len(page.Rows) != 1 || page.Rows[0].Identity.Port != 80 || page.Rows[0].Identity.Transport != "tcp" {
		t.Fatalf("%+v", page.Rows)
	}
	e, err := l.FirstEvent(t.Context(), noon, testCommand, page.Rows[0].ID)
	must(t, err)
	same(t, "vulnerabilities", "CVE-2021-44228", e.Text("product.vulnerabilities"))
}
