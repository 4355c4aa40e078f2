package triage_test

import (
	"context"
	"errors"
	"testing"

	"tocsin/internal/act/triage"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// A party is found by any letter case of its whole name, an address in any spelling, with or without its port.
func TestSearchSpellings(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := newRoom(t, s)
		ctx, ann := t.Context(), analyst("ann")
		r.keep(func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(
				tx.PutParty(ctx, noon, party.Party{ID: "bahn", Name: "Österreichische Muster-Bahn", Region: "XA", Resources: []party.Resource{
					{ID: "res_1", Kind: party.Prefix, Value: "2001:db8:a::/48"},
				}}),
				tx.PutParty(ctx, noon, party.Party{ID: "strasse", Name: "Straßenmeisterei ΑΘΗΝΑΣ", Sector: "bahn"}),
			)
		})
		r.finding("bahn", finding.Open, event.High, "2001:db8:a::5")
		r.finding("beta", finding.Open, event.High, "198.51.100.9")
		for text, want := range map[string]string{
			"Österreichische Muster-Bahn": "bahn", "ÖSTERREICHISCHE MUSTER-BAHN": "bahn", "österreichische muster-bahn": "bahn",
			"osterreichische": "bahn", "STRASSENMEISTEREI αθηνας": "strasse", "muster-bahn": "bahn", "2001:0DB8:000A::/48": "bahn",
			"2001[:]db8:a::/48": "bahn",
		} {
			f, err := r.desk.Search(ctx, noon, ann, text)
			if err != nil || len(f.Parties) != 1 || string(f.Parties[0].ID) != want {
				t.Errorf("%q: %+v, %v, want %s", text, f.Parties, err, want)
			}
			if text[0] == '2' {
				continue
			}
			rows, _, err := r.desk.Parties(ctx, noon, ann, triage.PartyQuery{Text: text}, triage.PartyCursor{}, 9)
			if err != nil || len(rows) == 0 || string(rows[0].ID) != want {
				t.Errorf("list of %q: %+v, %v, want %s", text, rows, err, want)
			}
		}
		for text, want := range map[string]int{
			"2001:db8:a::5": 1, "2001:0DB8:000A:0000::5": 1, "[2001:db8:a::5]:23": 1, "[2001:db8:a::5]:24": 0, "2001:DB8:A::/48": 1,
			"2001:0db8:a:": 1, "198[.]51[.]100[.]9": 1, "::ffff:198.51.100.9": 1, "198.51.100.9:23": 1, "198.51.100.9:80": 0,
			"198.51.100.8/29": 1, "198.51.100.16/29": 0, "198.51.100.0/24:23": 1,
		} {
			f, err := r.desk.Search(ctx, noon, ann, text)
			if err != nil || len(f.Findings) != want {
				t.Errorf("%q: %d findings, %v, want %d", text, len(f.Findings), err, want)
			}
		}
	})
}
