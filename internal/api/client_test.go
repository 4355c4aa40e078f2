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
