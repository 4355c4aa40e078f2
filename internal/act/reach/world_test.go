package reach_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/program"
	"tocsin/internal/act/triage"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

var (
	noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	key  = []byte("0123456789abcdef0123456789abcdef")
)

// person makes an actor in one post with powers.
func person(name string, of ident.Party, powers ...people.Power) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: name, Name: name, Party: of, Proved: noon,
		Seats: []access.Seat{{Post: "post", Party: of, Powers: powers}},
	}
}

// only narrows an actor to the scopes of an API token.
func only(a access.Actor, scopes ...people.Power) access.Actor {
	a.Only, a.Proved = scopes, time.Time{}
	return a
}

func weak(a access.Actor) access.Actor {
	a.Weak = true
	return a
}

var (
	ada  = person("ada", ident.Authority, people.Powers...)
	wang = person("wang", "hospital", people.PartyPowers...)
	li   = person("li", "bank", people.PartyPowers...)
	obs  = person("obs", "ministry", people.PartyPowers...)
	cert = person("cert", "provider", people.PartyPowers...)
)

// actors are the columns of the grid, in order.
var actors = []struct {
	name string
	who  access.Actor
	why  access.Purpose
}{
	{"desk", ada, ""},
	{"desk without read", person("bo", ident.Authority, people.Staff, people.Mark, people.Triage, people.Export, people.Raw), ""},
	{"desk without second factor", weak(ada), ""},
	{"desk by token without read", only(ada, people.Export, people.Mark, people.Triage, people.Raw), ""},
	{"hospital", wang, ""},
	{"hospital without second factor", weak(wang), ""},
	{"bank", li, ""},
	{"provider", cert, ""},
	{"observer", obs, access.Oversight},
	{"observer, for another purpose", obs, ""},
	{"desk, for oversight", ada, access.Oversight},
	{"nobody", access.Actor{}, ""},
	{"feed", access.ForFeed("f"), ""},
}

// fact is a finding of the world, and a mark for each actor: x reads it, - does not.
type fact struct {
	name  string
	reads string
	of    ident.Party
	tlp   marking.TLP
	setup func(w *world, id ident.Finding)
}

func embargoed(w *world, id ident.Finding) {
	w.keep(func(ctx context.Context, tx *store.Tx) error {
		return tx.SetMark(ctx, id, marking.Mark{TLP: marking.Green, PAP: marking.PAPGreen}, noon.Add(time.Hour))
	})
}

func shared(whom string, until, ended time.Time) func(*world, ident.Finding) {
	return func(w *world, id ident.Finding) {
		w.keep(func(ctx context.Context, tx *store.Tx) error {
			return tx.PutGrant(ctx, store.Grant{
				ID: fmt.Sprintf("shr_%d_%s", id, whom), Object: fmt.Sprintf("finding:%d", id), Grantee: whom, Reason: "r",
				Created: noon.Add(-time.Hour), By: ada.String(), Until: until, Ended: ended,
			})
		})
	}
}

func both(fs ...func(*world, ident.Finding)) func(*world, ident.Finding) {
	return func(w *world, id ident.Finding) {
		for _, f := range fs {
			f(w, id)
		}
	}
}

// facts is the grid: who may read what. It is written by hand from the rules of docs/operator/markings.md, and not worked
// out, so that it does not repeat a mistake of the code.
var facts = []fact{
	//                                  desk no weak token hosp weak bank prov obs obs0 over nobody feed
	{"green", "x---x---x----", "hospital", marking.Green, nil},
	{"clear", "x---x---x----", "hospital", marking.Clear, nil},
	{"amber", "x---x--------", "hospital", marking.Amber, nil},
	{"amber+strict", "x---x--------", "hospital", marking.AmberStrict, nil},
	{"red", "-------------", "hospital", marking.Red, nil},
	{"red, shared with ada", "x---------x--", "hospital", marking.Red, shared("person:ada", time.Time{}, time.Time{})},
	{"red, shared with the hospital", "-------------", "hospital", marking.Red, shared("party:hospital", time.Time{}, time.Time{})},
	{"red, shared with ada until now", "-------------", "hospital", marking.Red, shared("person:ada", noon, time.Time{})},
	{"under an embargo", "x---x--------", "hospital", marking.Green, embargoed},
	{"under an embargo, shared with the bank", "x---x--------", "hospital", marking.Green, both(embargoed, shared("party:bank", time.Time{}, time.Time{}))},
	{"shared with the bank", "x---x-x-x----", "hospital", marking.Green, shared("party:bank", noon.Add(time.Second), time.Time{})},
	{"shared with the bank until now", "x---x---x----", "hospital", marking.Green, shared("party:bank", noon, time.Time{})},
	{"shared with the bank, taken back", "x---x---x----", "hospital", marking.Green, shared("party:bank", time.Time{}, noon.Add(-time.Minute))},
	{"strict, shared with the bank", "x---x-x------", "hospital", marking.AmberStrict, shared("party:bank", time.Time{}, time.Time{})},
	{"strict, shared with li by name", "x---x-x------", "hospital", marking.AmberStrict, shared("person:li", time.Time{}, time.Time{})},
	{"of the bank", "x-----x------", "bank", marking.Green, nil},
	{"of the bank, shared with the provider", "x-----xx-----", "bank", marking.Amber, shared("party:provider", time.Time{}, time.Time{})},
	{"of nobody", "x------------", "", marking.Green, nil},
}

// world is an installation with four parties and the findings of the grid, numbered from 1 in its order.
type world struct {
	t        *testing.T
	store    *store.Store
	loop     *loop.Loop
	desk     *triage.Desk
	exposure *exposure.Exposure
	programs *program.Programs
	picture  *picture.Picture
}

func newWorld(t *testing.T, s *store.Store) *world {
	t.Helper()
	lib, err := notice.LoadLibrary(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	l := loop.New(loop.Config{Store: s, Library: lib, Settings: loop.Settings{Key: key, BaseURL: "https://tocsin.example", MailDomain: "tocsin.example"}})
	w := &world{t: t, store: s, loop: l, desk: triage.New(s, l, time.UTC), exposure: exposure.New(s, lib), programs: program.New(s, program.Settings{}), picture: picture.New(s)}
	w.keep(func(ctx context.Context, tx *store.Tx) error {
		var err error
		for _, p := range []party.Party{
			{ID: "hospital", Name: "City Hospital", Sector: "health", Language: "en", Rank: 100, Contacts: []party.Contact{{ID: "h", Role: party.Security, Mail: "s@hospital.example"}}},
			{ID: "bank", Name: "Town Bank", Sector: "finance", Language: "en", Rank: 100},
			{ID: "ministry", Name: "Ministry of Health", Language: "en", Rank: 100},
			{ID: "provider", Name: "Provider", Language: "en", Rank: 100},
		} {
			err = errors.Join(err, tx.PutParty(ctx, noon.Add(-time.Hour), p))
		}
		return errors.Join(err, tx.PutObserver(ctx, store.ObserverRule{ID: "obs_1", Party: "ministry", Sector: "health", Basis: "law", Created: noon.Add(-time.Hour)}))
	})
	for i := range facts {
		w.add(i)
	}
	return w
}

func (w *world) keep(f func(context.Context, *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Keep(w.t.Context(), func(tx *store.Tx) error { return f(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// address is the asset of a finding, which no other begins with.
func address(id ident.Finding) string { return fmt.Sprintf("192.0.2.%d", 100+id) }

func (w *world) add(i int) {
	w.t.Helper()
	id := ident.Finding(i + 1)
	is := finding.Identity{Asset: asset.Asset{Kind: asset.IP, Value: address(id)}, Port: 23, Transport: "tcp", Type: "vulnerable-system", Identifier: "open-telnet"}
	f := store.Finding{
		ID: id, Key: is.Key(), Identity: is, Class: notice.Unclassified, Severity: event.High, Stream: 1, First: noon.Add(-time.Hour),
		Created: noon.Add(-time.Hour), Party: facts[i].of, Basis: party.ByPrefix, State: finding.Open, StateAt: noon.Add(-time.Hour),
		Mark: marking.Mark{TLP: facts[i].tlp, PAP: marking.PAPGreen},
	}
	if f.Party == "" {
		f.Basis = party.Nobody
	}
	w.keep(func(ctx context.Context, tx *store.Tx) error { return tx.InsertFindings(ctx, []store.Finding{f}) })
	if facts[i].setup != nil {
		facts[i].setup(w, id)
	}
}

// entries counts the ledger.
func (w *world) entries() int {
	w.t.Helper()
	n := 0
	err := w.store.View(w.t.Context(), func(tx *store.Tx) error {
		es, err := tx.Entries(w.t.Context(), 0, 100_000)
		n = len(es)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
