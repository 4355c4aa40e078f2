package triage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/triage"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// A search finds by beginnings and by whole numbers, never what its reader may not read.
func TestSearch(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := newRoom(t, s)
		ctx, ann := t.Context(), analyst("ann")
		a := r.finding("alpha", finding.Open, event.High, "198.51.100.7")
		r.finding("beta", finding.Open, event.High, "198.51.100.70", func(f *store.Finding) { f.Identity.Malware = "qakbot" })
		r.finding("beta", finding.Open, event.High, "198.51.100.71", func(f *store.Finding) { f.Mark.TLP = marking.Red })
		for text, want := range map[string]int{"198.51.100.7": 2, "198.51.100.71": 0, "203.0.113.1": 0, "qak": 1, "QAKBOT": 1, fmt.Sprint(int64(a)): 1, "3": 0, "x": 0, "%_": 0} {
			f, err := r.desk.Search(ctx, noon, ann, text)
			if err != nil || len(f.Findings) != want {
				t.Errorf("%q: %d findings, %v, want %d", text, len(f.Findings), err, want)
			}
		}
		f, err := r.desk.Search(ctx, noon, ann, "alph")
		if err != nil || len(f.Parties) != 1 || f.Parties[0].ID != "alpha" {
			t.Errorf("a party: %+v, %v", f.Parties, err)
		}
		for name, by := range map[string]access.Actor{"nobody": {}, "beta's mail": access.ForParty("beta")} {
			f, err := r.desk.Search(ctx, noon, by, "198.51.100.7")
			if err != nil || len(f.Parties) != 0 || f.Answers != nil || by.Kind == access.Nobody && len(f.Findings) != 0 {
				t.Errorf("%s finds %+v, %v", name, f, err)
			}
		}
	})
}

// Parties are listed by name from page to page, each with what was said with it.
func TestParties(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := newRoom(t, s)
		ctx, ann := t.Context(), analyst("ann")
		told := r.finding("alpha", finding.Notified, event.High, "198.51.100.7")
		r.keep(func(ctx context.Context, tx *store.Tx) error {
			var err error
			for i, of := range []ident.Party{"alpha", "alpha", "beta"} {
				n := notice.Notice{
					ID: ident.Notice(fmt.Sprintf("ntc_%d", i)), Party: of, Language: "en", Kind: notice.Urgent, State: notice.Sent,
					Created: noon.AddDate(0, 0, -20+i), Sent: noon.AddDate(0, 0, -20+i),
				}
				if of == "beta" {
					n.Answered = noon.AddDate(0, 0, -17)
				}
				err = errors.Join(err, tx.InsertNotice(ctx, &n, []ident.Finding{told}), tx.PutNotice(ctx, &n))
			}
			return err
		})
		var got []string
		for after := (triage.PartyCursor{}); ; {
			rows, next, err := r.desk.Parties(ctx, noon, ann, triage.PartyQuery{}, after, 2)
			r.must(err)
			for _, p := range rows {
				got = append(got, fmt.Sprintf("%s %d %d %d %s", p.ID, p.Live, p.Silence.Sent, p.Silence.Answers, p.Silence.Way(noon)))
			}
			if after = next; next == (triage.PartyCursor{}) {
				break
			}
		}
		want := fmt.Sprint([]string{"alpha 1 2 0 silent", "beta 0 1 1 answers", "gamma 0 0 0 untold"})
		if fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
		if rows, _, err := r.desk.Parties(ctx, noon, ann, triage.PartyQuery{Text: "bet", Region: "XA"}, triage.PartyCursor{}, 9); err != nil || len(rows) != 1 {
			t.Errorf("narrowed: %d, %v", len(rows), err)
		}
		if rows, _, err := r.desk.Parties(ctx, noon, access.ForParty("alpha"), triage.PartyQuery{}, triage.PartyCursor{}, 9); err != nil || len(rows) != 0 {
			t.Errorf("a party sees the register: %d, %v", len(rows), err)
		}
		if s, err := r.desk.SilenceOf(ctx, noon, ann, "alpha"); err != nil || s.Days(noon) != 20 || s.At(noon).Filled != 20 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// A view is its owner's, or everybody's at the desk where it is shared; what is in it is in nobody's ledger.
func TestViews(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := newRoom(t, s)
		ctx, ann, bo := t.Context(), analyst("ann"), analyst("bo")
		own, err := r.desk.SaveView(ctx, noon, ann, " mine ", "/desk/findings?before=9&state=open&done=x", false)
		r.must(err)
		shared, err := r.desk.SaveView(ctx, noon, ann, "ours", "/desk/parties", true)
		r.must(err)
		if own.Query != "/desk/findings?state=open" || own.Name != "mine" || shared.Query != "/desk/parties" {
			t.Errorf("%+v %+v", own, shared)
		}
		if v, err := r.desk.Views(ctx, ann); err != nil || len(v) != 2 {
			t.Errorf("the owner sees %d, %v", len(v), err)
		}
		if v, err := r.desk.Views(ctx, bo); err != nil || len(v) != 1 || v[0].ID != shared.ID {
			t.Errorf("another sees %v, %v", v, err)
		}
		reader := analyst("eve")
		reader.Seats[0].Powers = []people.Power{people.Read}
		for name, err := range map[string]error{
			"another's own": r.desk.EndView(ctx, noon, bo, own.ID), "shared, without the power": r.desk.EndView(ctx, noon, reader, shared.ID),
			"none": r.desk.EndView(ctx, noon, ann, "viw_none"),
		} {
			if !errors.Is(err, fault.NotFound) {
				t.Errorf("ending %s: %v", name, err)
			}
		}
		r.must(r.desk.EndView(ctx, noon, bo, shared.ID))
		r.must(r.desk.EndView(ctx, noon.Add(time.Minute), ann, own.ID))
		for _, bad := range [][2]string{{"", "/desk"}, {"x", "/my"}, {"x", "https://x.example/desk"}, {"x", "//x.example/desk"}, {"a\nb", "/desk"}} {
			if _, err := r.desk.SaveView(ctx, noon, ann, bad[0], bad[1], false); !errors.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if e := fmt.Sprint(r.entries()); len(r.entries()) != 4 {
			t.Error(e)
		}
	})
}
