package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/record"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/internal/web/page"
	"tocsin/internal/web/public"
)

// TestLedgerIsServed: hashes are for everybody, entries for those who may audit, and for others they are not there.
func TestLedgerIsServed(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	s := testkit.SQLite(t)
	l := record.New(s, record.Settings{Dir: t.TempDir(), Origin: "csirt.example/ledger"})
	for range 3 {
		err := s.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Append(ctx, now, access.ForSoftware("command"), "feed.put", access.On("feed:1"), "", nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Complete(ctx, now); err != nil {
		t.Fatal(err)
	}
	person := func(party ident.Party, powers ...people.Power) page.Visitor {
		seat := access.Seat{Post: "p", Party: party, Powers: powers}
		return page.Visitor{Actor: access.Actor{Kind: access.Person, ID: "per_1", Party: party, Seats: []access.Seat{seat}}}
	}
	weak := person(ident.Authority, people.Audit)
	weak.Weak = true
	who := map[string]page.Visitor{
		"nobody": {}, "handler": person(ident.Authority, people.Read, people.Triage), "auditor": person(ident.Authority, people.Audit),
		"weak auditor": weak, "member": person("p1", people.Read),
	}
	open := map[string]string{
		"/ledger/checkpoint": "csirt.example/ledger\n3\n", "/ledger/keys": "csirt.example/ledger+", "/ledger/tile/0/000.p/3": "",
		"/ledger/consistency?old=3": `"hashes": null`,
	}
	closed := map[string]string{"/ledger/tile/entries/000.p/3": `"act":"feed.put"`, "/ledger/proof?seq=2": "c2sp.org/tlog-proof@v1\n"}
	for name, visitor := range who {
		get := ledgerServer(t, l, now, visitor)
		for path, want := range open {
			if code, body := get(path); code != 200 || !strings.Contains(body, want) {
				t.Errorf("%s gets %s: %d %.80q", name, path, code, body)
			}
		}
		for path, want := range closed {
			code, body := get(path)
			if name == "auditor" && (code != 200 || !strings.Contains(body, want)) || name != "auditor" && code != 404 {
				t.Errorf("%s gets %s: %d %.80q", name, path, code, body)
			}
		}
		for _, path := range []string{"/ledger/tile/0/001", "/ledger/tile/x", "/ledger/consistency?old=2", "/ledger/proof?seq=9", "/ledger/proof"} {
			if code, _ := get(path); code != 404 {
				t.Errorf("%s gets %s: %d", name, path, code)
			}
		}
		if code, _ := ledgerServer(t, nil, now, visitor)("/ledger/checkpoint"); code != 404 {
			t.Errorf("%s gets a checkpoint where no ledger is published: %d", name, code)
		}
	}
}

func ledgerServer(t *testing.T, l *record.Log, now time.Time, who page.Visitor) func(path string) (int, string) {
	t.Helper()
	k, err := page.New(page.Config{
		Clock: func() time.Time { return now }, Zone: time.UTC,
		Session: func(context.Context, time.Time, string) (page.Visitor, error) { return who, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	k.Mount(mux, public.LedgerRoutes(l))
	return func(path string) (int, string) {
		q := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		q.AddCookie(&http.Cookie{Name: "tocsin", Value: "x"})
		a := httptest.NewRecorder()
		mux.ServeHTTP(a, q)
		return a.Code, a.Body.String()
	}
}
