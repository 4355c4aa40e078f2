package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// uncovered compares every covered table and returns what is not as entries left it.
func uncovered(t *testing.T, s *store.Store) (out []string) {
	t.Helper()
	err := s.View(t.Context(), func(tx *store.Tx) error {
		for i := range store.Coverage {
			_, err := tx.CompareCovered(t.Context(), store.Coverage[i].Table, func(u store.Uncovered) error {
				out = append(out, u.String())
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func entryCount(t *testing.T, s *store.Store, act string) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(t.Context(), 0, 1000)
		for i := range es {
			if es[i].Act == act {
				n++
			}
			rows, err := tx.CoversOf(t.Context(), es[i].ID)
			if err != nil {
				return err
			}
			if has := len(es[i].Cover) > 0; has != (len(rows) > 0) || has && string(store.CoverSum(rows)) != string(es[i].Cover) {
				t.Errorf("entry %d (%s) does not sum the %d digests beside it", es[i].ID, es[i].Act, len(rows))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var coverDay = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)

func putEntry(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Append(ctx, coverDay, access.ForSoftware("command"), "party.put", access.On("feed:x"), "", nil)
	return err
}

// TestCover writes rows with an entry and without one, changes them, deletes them, and looks each time that every row is
// as its newest entry says; what changes a row behind the store is named.
func TestCover(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		do := func(f func(tx *store.Tx) error) {
			t.Helper()
			if err := s.Update(ctx, func(tx *store.Tx) error { return errors.Join(f(tx), putEntry(ctx, tx)) }); err != nil {
				t.Fatal(err)
			}
			if out := uncovered(t, s); out != nil {
				t.Fatalf("%v", out)
			}
		}
		p := party.Party{ID: "bank", Name: "Bank", Contacts: []party.Contact{{ID: "con_1", Role: party.Security, Mail: "a@bank.example"}}}
		do(func(tx *store.Tx) error { return tx.PutParty(ctx, coverDay, p) })
		p.Name, p.Contacts[0].Mail = "Town Bank", "b@bank.example"
		do(func(tx *store.Tx) error { return tx.PutParty(ctx, coverDay, p) })
		p.Contacts = nil
		do(func(tx *store.Tx) error { return tx.PutParty(ctx, coverDay, p) })
		do(func(tx *store.Tx) error { return tx.PutClients(ctx, "bank", []ident.Party{"x/y", "z%"}) })
		do(func(tx *store.Tx) error { return tx.PutClients(ctx, "bank", nil) })
		do(func(tx *store.Tx) error { return tx.InsertFindings(ctx, coverFindings(1, 600)) })
		do(func(tx *store.Tx) error { return tx.InsertFindings(ctx, coverFindings(601, 700)) })
		do(func(tx *store.Tx) error { return tx.RaiseSeverity(ctx, 300, event.Critical) })
		if n := entryCount(t, s, "ledger.cover"); n != 0 {
			t.Errorf("%d entries for rows that acts left", n)
		}
		keep := func(value string) {
			t.Helper()
			if err := s.Keep(ctx, func(tx *store.Tx) error { return tx.PutRegion(ctx, party.Region{ID: "ZZ", NameEN: value}) }); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			keep("one") // the same again is no change
		}
		keep("two")
		if n := entryCount(t, s, "ledger.cover"); n != 2 {
			t.Errorf("%d entries for two changes without an act", n)
		}
		for edit, want := range map[string]string{
			"update finding set asset = 'x' where id = 300":      "finding: a row from 256 to 511 is changed",
			"delete from region":                                 "region: row ZZ is missing",
			"insert into client values ('bank', 'a/b')":          "client: row bank/a%2fb is extra",
			"update party set ended_at = 0":                      "party: row bank is changed",
			"update cover set salt = digest where tbl = 'party'": "party: row bank is changed",
			"delete from finding where id = 700":                 "finding: a row from 512 to 767 is changed",
			"delete from finding where id < 256":                 "finding: a row from 1 to 255 is missing",
		} {
			rollback := errors.New("roll back")
			var out []string
			err := s.Keep(ctx, func(tx *store.Tx) error {
				if err := tx.Exec(ctx, edit); err != nil {
					return err
				}
				table, _, _ := strings.Cut(want, ":")
				_, err := tx.CompareCovered(ctx, table, func(u store.Uncovered) error { out = append(out, u.String()); return nil })
				return errors.Join(err, rollback)
			})
			if !errors.Is(err, rollback) || len(out) != 1 || out[0] != want {
				t.Errorf("%s: %v, %v; want %q", edit, out, err, want)
			}
		}
	})
}

func coverFindings(first, last int) []store.Finding {
	var out []store.Finding
	for id := first; id <= last; id++ {
		f := store.Finding{ID: ident.Finding(id), Created: coverDay, First: coverDay, StateAt: coverDay, State: finding.Open, Class: "x", Region: "ZZ"}
		f.Identity.Asset.Kind, f.Identity.Asset.Value = "ip", "192.0.2.1"
		out = append(out, f)
	}
	return out
}

// TestCoverFound: what was there before rows were covered is covered once, as it was found, and what comes behind the
// program's back later is not.
func TestCoverFound(t *testing.T) {
	for engine, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "tocsin.db") },
		"postgres": func(t *testing.T) string { return testkit.PostgresDSN(t) },
	} {
		t.Run(engine, func(t *testing.T) { coverFound(t, dsn(t)) })
	}
}

func coverFound(t *testing.T, at string) {
	t.Helper()
	old, err := store.OpenAt(t.Context(), at, "0016_held.sql")
	if err != nil {
		t.Fatal(err)
	}
	err = old.Keep(t.Context(), func(tx *store.Tx) error {
		return tx.Exec(t.Context(), "insert into client (party_id, client_id) values ('a', 'b'), ('c', 'd')")
	})
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if out := uncovered(t, s); len(out) != 2 {
		t.Error(out)
	}
	for range 2 {
		if err := s.CoverFound(t.Context(), coverDay); err != nil {
			t.Fatal(err)
		}
	}
	if out := uncovered(t, s); out != nil || entryCount(t, s, "ledger.cover") != 1 {
		t.Error(out)
	}
	err = s.Keep(t.Context(), func(tx *store.Tx) error {
		return tx.Exec(t.Context(), "insert into client (party_id, client_id) values ('e', 'f')")
	})
	if err := errors.Join(err, s.CoverFound(t.Context(), coverDay)); err != nil {
		t.Fatal(err)
	}
	if out := uncovered(t, s); len(out) != 1 || out[0] != "client: row e/f is extra" {
		t.Error(out)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
