package app

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/rule"
	"tocsin/internal/store"
	"tocsin/internal/webhook"
)

// furnish puts rows into the tables that nine days left empty, two where the table has neighbours.
func (w *evidenceWorld) furnish() {
	w.t.Helper()
	at := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	var ann ident.Person
	w.must(w.db.QueryRowContext(w.t.Context(), "select id from person where mail = 'ann@authority.example'").Scan(&ann))
	w.must(w.store.Keep(w.t.Context(), func(tx *store.Tx) error {
		for i, n := range []string{"a", "b"} {
			if err := errors.Join(w.furnishAccess(tx, at.Add(time.Duration(i)*time.Hour), ann, n), w.furnishRegister(tx, at.Add(time.Duration(i)*time.Hour), n)); err != nil {
				return err
			}
		}
		return nil
	}))
	w.place(at.Add(time.Hour))
	_, err := w.store.CompactTally(w.t.Context())
	w.must(err)
}

func (w *evidenceWorld) furnishAccess(tx *store.Tx, at time.Time, ann ident.Person, n string) error {
	ctx := context.WithoutCancel(w.t.Context())
	return errors.Join(
		tx.InsertCredential(ctx, store.Credential{ID: "crd_" + n, Person: ann, Kind: "password", Label: "key " + n, Handle: "h" + n, Secret: []byte(n), Created: at, Used: at}),
		tx.InsertSession(ctx, store.Session{ID: "ses_" + n, Hash: []byte(n), Person: ann, Method: "passkey", Device: "browser", Created: at, Seen: at, Proved: at, Expires: at.Add(time.Hour)}),
		tx.InsertToken(ctx, store.Token{ID: "tok_" + n, Hash: []byte(n), Person: ann, Label: n, Scopes: []people.Power{people.Read}, Created: at, Expires: at.Add(time.Hour)}),
		tx.InsertProposal(ctx, people.Proposal{ID: "prp_" + n, Act: "party.end", Object: "party:bank", Particulars: "{}", Digest: []byte(n), Reason: n, By: "person:per_x", Post: "pst_x", At: at, Expires: at.Add(time.Hour), State: "open"}),
		tx.PutGrant(ctx, store.Grant{ID: "shr_" + n, Object: "finding:1", Grantee: "party:bank", Reason: n, Created: at, By: "person:per_x"}),
		tx.PutObserver(ctx, store.ObserverRule{ID: "obs_" + n, Party: "bank", Sector: n, Basis: "law " + n, Created: at}),
		tx.PutClients(ctx, ident.Party("hospital"), []ident.Party{"bank"}),
		tx.InsertSavedView(ctx, store.SavedView{ID: "viw_" + n, Owner: "person:per_x", Name: n, Query: "/desk/findings", Created: at}),
		tx.InsertWebhook(ctx, webhook.Webhook{ID: "whk_" + n, Party: "bank", Label: n, URL: "https://x.example/" + n, Acts: []string{"finding.fold"}, Secret: []byte(n), Created: at, By: "person:per_x"}),
	)
}

func (w *evidenceWorld) furnishRegister(tx *store.Tx, at time.Time, n string) error {
	ctx := context.WithoutCancel(w.t.Context())
	p, err := tx.PartyByID(ctx, "bank")
	if err != nil {
		return err
	}
	p.Systems = append(p.Systems, party.System{ID: "sys_" + n, Name: n, Asset: asset.Asset{Kind: "domain", Value: n + ".example"}, Protection: 3, Products: []string{n}})
	var r rule.Rule
	r.Order, r.From, r.Reason, r.Author, r.Written = 5, at, n, "person:per_x", at
	r.Do.Deed = "mute"
	r.Until = at.Add(time.Hour)
	_, err = tx.InsertRule(ctx, r)
	return errors.Join(err,
		tx.PutParty(ctx, at, p),
		tx.InsertRelease(ctx, rule.Release{Rule: 1, Party: "bank", At: at}, "person:per_"+n),
		tx.PutRegion(ctx, party.Region{ID: "ZZ-" + n, NameEN: n, NameZH: n}),
		tx.PutRhythm(ctx, "bank", notice.Rhythm{Hour: 7}), tx.PutRhythm(ctx, "hospital", notice.Rhythm{Hour: 9}),
		tx.InsertRequest(ctx, party.Request{ID: "chg_" + n, Party: "bank", What: party.OfSystem, Reason: n, By: "person:per_x", At: at, State: party.Proposed}),
		tx.InsertLetter(ctx, store.Letter{ID: "ltr_" + n, Party: "bank", Contact: "con_" + n, Kind: "test", Language: "en", State: "waiting", Created: at, Next: at}),
		tx.PutPublished(ctx, "board", 20000, "{}"), tx.PutPublished(ctx, "board", 20001, "{}"),
		tx.PutReceiptKey(ctx, "shadowserver", "key "+n, 1),
		tx.InsertTriageStep(ctx, store.TriageStep{Entry: 1 + int64(len(n)) + int64(n[0]), Batch: n, Act: "queue.done", Object: "queue:que_" + n, At: at}),
	)
}
