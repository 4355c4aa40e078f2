package store_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// populace makes n findings of every sort, the same ones each time.
func populace(n int) []store.Finding {
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	out := make([]store.Finding, n)
	for i := range out {
		f := &out[i]
		f.ID = ident.Finding(i + 1)
		f.Identity = finding.Identity{
			Asset: asset.Asset{Kind: asset.IP, Value: fmt.Sprintf("192.0.2.%d", r.IntN(256))}, Port: 23, Transport: "tcp",
			Type: pick("vulnerable-system", "infected-system"), Identifier: pick("open-telnet", "open-rdp", "50%_off"), Malware: pick("", "Mirai"),
		}
		switch r.IntN(4) {
		case 0:
			f.Identity.Asset.Value = fmt.Sprintf("2001:db8:%x::%x", r.IntN(3), r.IntN(20))
		case 1:
			f.Identity.Asset = asset.Asset{Kind: asset.Domain, Value: pick("example.org", "www.example.org", "example-2.org")}
		}
		f.Identity.Malware = strings.ToLower(f.Identity.Malware)
		f.Key = f.Identity.Key()
		f.Key[0], f.Key[1] = byte(i), byte(i>>8)
		f.Class, f.Region, f.Matched = pick("open-telnet", "botnet"), pick("XA-01", "XA-02", ""), "192.0.2.0/24"
		f.Severity, f.Stream = event.Severity(r.IntN(6)), int64(1+r.IntN(3))
		f.Party, f.Basis = ident.Party(pick("", "hospital", "bank")), party.ByPrefix
		f.State = finding.States[r.IntN(len(finding.States))]
		f.First, f.Created, f.StateAt = noonOf(i), noonOf(i), noonOf(i)
		f.Last, f.Count = f.First, 1
	}
	return out
}

func noonOf(day int) time.Time { return time.Date(2026, 1, 1+day%300, 12, 0, 0, 0, time.UTC) }

// matches is the oracle: the filter in words, over one finding.
func matches(f store.FindingFilter, x store.Finding, also map[ident.Finding]int64) bool {
	value := x.Identity.Asset.Value
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(f.Text)) }
	ip, err := netip.ParseAddr(value)
	switch {
	case len(f.States) > 0 && !slices.Contains(f.States, x.State),
		x.Severity < f.Severity,
		f.Class != "" && f.Class != x.Class && f.Class != x.Identity.Type,
		f.Orphans && x.Party != "",
		!f.Orphans && f.Party != "" && f.Party != x.Party,
		f.Region != "" && f.Region != x.Region,
		len(f.Streams) > 0 && !slices.Contains(f.Streams, x.Stream) && !slices.Contains(f.Streams, also[x.ID]),
		len(f.Asset.Exact) > 0 && !slices.Contains(f.Asset.Exact, value),
		!strings.HasPrefix(value, f.Asset.Prefix),
		f.Asset.Within.IsValid() && (err != nil || !f.Asset.Within.Contains(ip)):
		return false
	}
	return f.Text == "" || has(value) || has(x.Identity.Identifier) || has(x.Identity.Malware) || has(x.Matched)
}

// Whatever the filter, the pages together are exactly the findings that it lets through, the newest first.
func TestListFindings(t *testing.T) {
	t.Parallel()
	filters := []store.FindingFilter{
		{},
		{States: []finding.State{finding.Open}},
		{States: []finding.State{finding.Open, finding.Reopened, finding.Disputed}},
		{States: []finding.State{finding.Open, finding.Notified}, Party: "hospital"},
		{Party: "bank"},
		{Orphans: true},
		{Orphans: true, States: []finding.State{finding.Open}},
		{Severity: event.High},
		{Severity: event.Critical, Party: "bank", States: []finding.State{finding.Stale}},
		{Class: "botnet"},
		{Class: "infected-system", Region: "XA-01"},
		{Streams: []int64{2}},
		{Streams: []int64{1, 3}, Severity: event.Medium},
		{Streams: []int64{99}},
		{Asset: store.AssetMatch{Exact: []string{"192.0.2.1", "192.0.2.2", "example.org"}}},
		{Asset: store.AssetMatch{Exact: []string{"192.0.2.7"}}, States: []finding.State{finding.Open, finding.Stale}},
		{Asset: store.AssetMatch{Prefix: "192.0.2.1"}},
		{Asset: store.AssetMatch{Prefix: "example"}},
		{Asset: store.AssetMatch{Within: netip.MustParsePrefix("192.0.0.0/16"), Prefix: "192.0."}},
		{Asset: store.AssetMatch{Within: netip.MustParsePrefix("2001:db8:1::/48")}},
		{Asset: store.AssetMatch{Within: netip.MustParsePrefix("10.0.0.0/8")}},
		{Text: "MIRAI"},
		{Text: "50%_o"},
		{Text: "example-2"},
		{Text: `\`},
		{Text: "telnet", States: []finding.State{finding.Open}, Severity: event.Low, Party: "hospital"},
	}
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		all := populace(600)
		also := insertPopulace(t, s, all)
		err := s.View(ctx, func(tx *store.Tx) error {
			for _, f := range filters {
				var want []ident.Finding
				for _, x := range all {
					if matches(f, x, also) {
						want = append(want, x.ID)
					}
				}
				slices.SortFunc(want, func(a, b ident.Finding) int { return cmp.Compare(b, a) })
				for _, limit := range []int{7, 1000} {
					got, err := pages(ctx, tx, f, limit)
					if err != nil {
						return err
					}
					if d := gocmp.Diff(want, got); d != "" {
						t.Errorf("%+v, %d a page: %s", f, limit, d)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// insertPopulace writes findings; every third is seen by a second stream, which it returns.
func insertPopulace(t *testing.T, s *store.Store, all []store.Finding) map[ident.Finding]int64 {
	t.Helper()
	also := map[ident.Finding]int64{}
	var seen []store.Sighting
	for _, x := range all {
		seen = append(seen, store.Sighting{Finding: x.ID, Stream: x.Stream, First: store.Micros(x.First), Last: store.Micros(x.Last), Count: 1, Days: 1, Signal: 1, Line: 1})
		if x.ID%3 == 0 {
			also[x.ID] = x.Stream%3 + 1
			seen = append(seen, store.Sighting{Finding: x.ID, Stream: also[x.ID], Count: 1, Days: 1, Signal: 1, Line: 1})
		}
	}
	err := s.Keep(t.Context(), func(tx *store.Tx) error {
		if err := tx.InsertFindings(t.Context(), all); err != nil {
			return err
		}
		return tx.PutSightings(t.Context(), seen)
	})
	if err != nil {
		t.Fatal(err)
	}
	return also
}

func pages(ctx context.Context, tx *store.Tx, f store.FindingFilter, limit int) ([]ident.Finding, error) {
	var got []ident.Finding
	for before := ident.Finding(0); ; {
		f.May = access.Always
		p, err := tx.ListFindings(ctx, f, before, limit)
		if err != nil {
			return nil, err
		}
		for _, x := range p.Findings {
			got = append(got, x.ID)
		}
		if before = p.Next; before == 0 {
			return got, nil
		}
	}
}

// Counts agree with the lists, and end at their limit.
func TestCountFindings(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		insertPopulace(t, s, populace(300))
		err := s.View(ctx, func(tx *store.Tx) error {
			for _, f := range []store.FindingFilter{
				{}, {Orphans: true}, {Party: "bank", States: []finding.State{finding.Open, finding.Stale}}, {States: []finding.State{finding.Disputed}},
			} {
				ids, err := pages(ctx, tx, f, 100)
				if err != nil {
					return err
				}
				for limit, want := range map[int]int{10_000: len(ids), 5: min(5, len(ids))} {
					f.May = access.Always
					if n, err := tx.CountFindings(ctx, f, limit); err != nil || n != want {
						t.Errorf("%+v up to %d: %d, want %d (%v)", f, limit, n, want, err)
					}
				}
			}
			shares, err := tx.AllShares(ctx)
			var sum int64
			for _, x := range shares {
				sum += x.Count
			}
			if sum != 300 {
				t.Errorf("the shares hold %d findings", sum)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A search that hardly anything meets pauses and says how far it looked; going on finds what is there.
func TestListFindingsPauses(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		two := populace(2)
		two[0].ID, two[1].ID = 10, 700_000
		two[0].Identity.Malware, two[1].Identity.Malware = "rare", "common"
		insertPopulace(t, s, two)
		err := s.View(ctx, func(tx *store.Tx) error {
			f := store.FindingFilter{Text: "rare"}
			f.May = access.Always
			p, err := tx.ListFindings(ctx, f, 0, 50)
			if err != nil {
				return err
			}
			if len(p.Findings) != 0 || p.Searched != 695_001 || p.Next != p.Searched {
				t.Errorf("first page: %+v", p)
			}
			got, err := pages(ctx, tx, f, 50)
			if d := gocmp.Diff([]ident.Finding{10}, got); d != "" {
				t.Error(d)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
