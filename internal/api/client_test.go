package api_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/client"
	"tocsin/internal/api"
	"tocsin/internal/api/register"
	"tocsin/internal/api/rule"
)

// The client and the interface speak the same language.
func TestClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.LookEvery = time.Millisecond
	s := httptest.NewServer(api.New(w.config))
	defer s.Close()
	ctx := t.Context()
	as := func(token string) *client.Client { return &client.Client{URL: s.URL + "/", Token: token} }

	r, err := as(w.token).Push(ctx, "more.txt", "key-1", strings.NewReader("192.0.2.77\t5\n"))
	if err != nil || r.Known || r.Feed != "ipsum" {
		t.Fatal(r, err)
	}
	if r, err = as(w.token).Push(ctx, "more.txt", "key-1", strings.NewReader("192.0.2.77\t5\n")); err != nil || !r.Known {
		t.Error(r, err)
	}
	var ids []int64
	for f, err := range as(w.hospital).Findings(ctx, url.Values{"limit": {"1"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, f.ID); f.Party != "hospital" || f.TLP != "TLP:GREEN" || f.Asset == "" {
			t.Errorf("%+v", f)
		}
	}
	if len(ids) != 3 {
		t.Fatalf("%v", ids)
	}
	done, err := as(w.hospital).Answer(ctx, client.Answer{Findings: ids, Answer: "start"})
	if err != nil || done.Changed != 3 {
		t.Error(done, err)
	}
	_, err = as(w.hospital).Answer(ctx, client.Answer{Findings: ids, Answer: "wrong"})
	if p, ok := client.IsProblem(err); !ok || p.Status != 422 || len(p.Errors) != 1 || p.Errors[0].Field != "reason" || p.Instance == "" {
		t.Errorf("%+v", err)
	}
	_, err = as(w.hospital).Push(ctx, "", "", strings.NewReader("x"))
	if p, ok := client.IsProblem(err); !ok || p.Status != 403 {
		t.Errorf("%+v", err)
	}
	var me struct{ Party string }
	if err := as(w.hospital).Do(ctx, "GET", "/api/v1/me", nil, &me); err != nil || me.Party != "hospital" {
		t.Error(me, err)
	}
	enough := errors.New("enough")
	var seen []client.Event
	err = as(w.desk).Events(ctx, 0, func(e client.Event) error {
		if seen = append(seen, e); len(seen) == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen[0].Seq == 0 || seen[0].Act == "" {
		t.Error(seen, err)
	}
	gone, stop := context.WithCancel(ctx)
	stop()
	if err := as(w.desk).Events(gone, -1, func(client.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A script works the desk by the client.
func TestClientAtTheDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := httptest.NewServer(api.New(w.config))
	defer s.Close()
	ctx := t.Context()
	c := &client.Client{URL: s.URL, Token: w.desk}
	w.enqueue(3)
	var acts []client.Act
	for item, err := range c.Queue(ctx, url.Values{"kind": {"notice"}, "limit": {"2"}}) {
		if err != nil || item.Due.IsZero() {
			t.Fatal(item, err)
		}
		acts = append(acts, client.Act{Key: item.Key, Act: item.Acts[0]})
	}
	would, err := c.Preview(ctx, acts)
	if err != nil || len(acts) < 3 || would.Changed != len(acts) || would.ID != "" {
		t.Fatal(would, err)
	}
	did, err := c.Settle(ctx, acts, "seen")
	if err != nil || did.Changed != len(acts) || did.Until.IsZero() {
		t.Fatal(did, err)
	}
	if n, kept, err := c.Undo(ctx, did.ID); err != nil || n != len(acts) || len(kept) != 0 {
		t.Error(n, kept, err)
	}
	into[rule.Rule](w, w.call(w.desk, "POST", "/api/v1/rules/tell", `{"when":{"party":"bank"},"do":{"deed":"hold"},"reason":"x"}`), 200)
	if rules, err := c.Rules(ctx); err != nil || len(rules) != 1 || rules[0].When["party"] != "bank" || rules[0].Do["deed"] != "hold" {
		t.Error(rules, err)
	}
	into[register.Change](w, w.call(w.hospital, "POST", "/api/v1/changes", `{"what":"resource","entry":{"kind":"asn","value":"64500"}}`), 201)
	changes := 0
	for x, err := range c.Changes(ctx, url.Values{"state": {"proposed"}}) {
		if changes++; err != nil || x.After["value"] != "64500" || x.Before != nil {
			t.Error(x, err)
		}
	}
	if hits, err := c.Search(ctx, "192.0.2.200"); err != nil || changes != 1 || len(hits.Findings) != 1 || hits.Answers.Party != "bank" {
		t.Error(hits, err)
	}
	if hooks, err := c.Webhooks(ctx); err != nil || len(hooks) != 0 {
		t.Error(hooks, err)
	}
	if p, ok := client.IsProblem(c.Retry(ctx, "whk_none", "dlv_none")); !ok || p.Status != 404 {
		t.Error(p)
	}
}
