package web_test

import (
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// roles are the columns of the matrix, in its order.
var roles = []string{
	"anonymous", "weak", "read_only", "answerer", "party_admin", "other_party", "administrator", "handler", "approver",
	"auditor", "no_post", "disabled", "api_token", "feed_token",
}

// staffUp makes one person for every role, each with a session or a token, and nobody for who has none.
func (w *trustWorld) staffUp() {
	w.t.Helper()
	w.roles["anonymous"] = &caller{name: "anonymous", w: w}
	w.roles["feed_token"] = &caller{name: "feed_token", bearer: w.tokens["green"], w: w}
	ctx := w.t.Context()
	w.must(w.db.Keep(ctx, func(tx *store.Tx) error {
		posts := map[ident.Post]people.Post{}
		unit := func(id ident.Unit, of ident.Party, ps ...people.Post) error {
			if err := tx.InsertUnit(ctx, people.Unit{ID: id, Party: of, Name: canary(string(of), "own", "unit"), Created: w.now}); err != nil {
				return err
			}
			for _, p := range ps {
				if posts[p.ID] = p; p.ID == "" {
					continue
				}
				if err := tx.InsertPost(ctx, p); err != nil {
					return err
				}
			}
			return nil
		}
		post := func(id ident.Post, unit ident.Unit, powers ...people.Power) people.Post {
			return people.Post{ID: id, Unit: unit, Title: "Post " + string(id), Powers: powers, Created: w.now}
		}
		if err := unit("unt_authority", ident.Authority, people.AuthorityPosts("unt_authority", w.now)...); err != nil {
			return err
		}
		if err := unit("unt_alpha", alpha, post("pst_reader", "unt_alpha", people.Read), post("pst_answerer", "unt_alpha", people.Read, people.Answer),
			post("pst_admin", "unt_alpha", people.PartyPowers...)); err != nil {
			return err
		}
		return unit("unt_beta", beta, post("pst_beta", "unt_beta", people.PartyPowers...))
	}))
	for _, r := range []struct {
		role  string
		of    ident.Party
		posts []ident.Post
	}{
		{"weak", ident.Authority, []ident.Post{"administrator", "handler", "approver"}},
		{"read_only", alpha, []ident.Post{"pst_reader"}},
		{"answerer", alpha, []ident.Post{"pst_answerer"}},
		{"party_admin", alpha, []ident.Post{"pst_admin"}},
		{"other_party", beta, []ident.Post{"pst_beta"}},
		{"administrator", ident.Authority, []ident.Post{"administrator"}},
		{"handler", ident.Authority, []ident.Post{"handler"}},
		{"approver", ident.Authority, []ident.Post{"approver"}},
		{"auditor", ident.Authority, []ident.Post{"auditor"}},
		{"no_post", ident.Authority, nil},
		{"disabled", ident.Authority, []ident.Post{"administrator", "handler"}},
		{"api_token", ident.Authority, []ident.Post{"administrator", "handler"}},
	} {
		w.person(r.role, r.of, r.posts)
	}
	if have := len(w.roles); have != len(roles) || slices.ContainsFunc(roles, func(r string) bool { return w.roles[r] == nil }) {
		w.t.Fatalf("%d roles, want %d", have, len(roles))
	}
}

// person makes the person of a role, with what they sign in by.
func (w *trustWorld) person(role string, of ident.Party, posts []ident.Post) {
	w.t.Helper()
	ctx, id := w.t.Context(), ident.Person("per_"+role)
	c := &caller{name: role, w: w}
	w.roles[role] = c
	w.must(w.db.Keep(ctx, func(tx *store.Tx) error {
		p := people.Person{
			ID: id, Party: of, Name: canary(string(of), "own", "name-"+role), Mail: canary(string(of), "own", "mail-"+role) + "@mail.example",
			Language: "en", Created: w.now,
		}
		if role == "disabled" {
			p.Disabled = w.now
		}
		if err := tx.InsertPerson(ctx, p); err != nil {
			return err
		}
		for i, post := range posts {
			a := people.Assignment{ID: fmt.Sprintf("asg_%s%d", role, i), Person: id, Post: post, Hold: people.Holder, From: w.now.Add(-time.Hour), Position: i}
			if err := tx.InsertAssignment(ctx, a); err != nil {
				return err
			}
		}
		secret := "tcp_secret-of-" + role
		if role == "api_token" {
			c.bearer = secret
			return tx.InsertToken(ctx, store.Token{
				ID: "tok_" + role, Hash: hash(secret), Person: id, Label: canary(string(of), "own", "label"), Scopes: people.Powers,
				Created: w.now, Expires: w.now.Add(time.Hour),
			})
		}
		c.cookie = secret
		return tx.InsertSession(ctx, store.Session{
			ID: "ses_" + role, Hash: hash(secret), Person: id, Method: "passkey", Device: canary(string(of), "own", "device-"+role),
			Weak: role == "weak", Created: w.now, Seen: w.now, Proved: w.now, Expires: w.now.Add(12 * time.Hour),
		})
	}))
}

// queue puts an item that waits for the desk, and returns its id.
func (w *trustWorld) queue() string {
	w.t.Helper()
	w.used["queue"]++
	object := fmt.Sprintf("party:beta%d", w.used["queue"])
	w.must(w.db.Keep(w.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Enqueue(w.t.Context(), store.QueueItem{
			Kind: "notice.no_contact", Object: object, Code: "notice.no_contact", Args: []string{canary("beta", "own", "queue"), "1"}, Created: w.now,
		})
		return err
	}))
	return w.one(0, "select id from queue_item where object = $1", object)
}
