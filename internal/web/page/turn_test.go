package page

import (
	"context"
	"errors"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A page is made in its turn, which ends when its answer begins; a form and what asks another server take none, and
// whoever leaves before their turn gets nothing.
func TestTurns(t *testing.T) {
	t.Parallel()
	k := newKit(t, Config{})
	var before, after int
	mux := http.NewServeMux()
	count := func(v *Visit) error {
		before = len(k.turns)
		_, err := v.W.Write([]byte("x"))
		after = len(k.turns)
		return err
	}
	k.Mount(mux, []Route{
		{Pattern: "GET /all", Door: ForAll, Handle: count},
		{Pattern: "GET /holder", Door: ForHolder, Handle: count},
		{Pattern: "POST /form", Door: ForHolder, Handle: count},
		{Pattern: "GET /asks", Door: ForHolder, Handle: count, Waits: true},
		{Pattern: "GET /asks-all", Door: ForAll, Handle: count, Waits: true},
	})
	ask := func(ctx context.Context, method, path string) *httptest.ResponseRecorder {
		before, after = -1, -1
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, nil))
		if n := len(k.turns); n != 0 {
			t.Fatalf("%s %s left %d turns taken", method, path, n)
		}
		return w
	}
	for _, c := range []struct {
		method, path string
		turns        int
	}{{"GET", "/all", 1}, {"GET", "/holder", 1}, {"POST", "/form", 0}, {"GET", "/asks", 0}, {"GET", "/asks-all", 0}} {
		if ask(t.Context(), c.method, c.path); before != c.turns || after != 0 {
			t.Errorf("%s %s: %d turns while it was made, %d once it was on its way, want %d and 0", c.method, c.path, before, after, c.turns)
		}
	}

	for range cap(k.turns) {
		k.turns <- struct{}{}
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	w := httptest.NewRecorder()
	before = -1
	mux.ServeHTTP(w, httptest.NewRequestWithContext(gone, http.MethodGet, "/all", nil))
	if before != -1 || w.Body.Len() > 0 {
		t.Errorf("somebody who had gone was served without a turn: %q", w.Body)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/all", nil))
	}()
	<-k.turns // one comes free: the visit that waits takes it
	<-done
	if before < 0 {
		t.Error("the page was not made")
	}
}

// That somebody was here is written down once they have their answer, also when they have gone meanwhile.
func TestSeen(t *testing.T) {
	t.Parallel()
	var told []string
	w := httptest.NewRecorder()
	var leave context.CancelFunc
	k := newKit(t, Config{
		Session: func(_ context.Context, _ time.Time, token string) (Visitor, error) {
			return Visitor{Session: token, Unseen: token == "old"}, nil
		},
		Seen: func(ctx context.Context, now time.Time, who Visitor) error {
			told = append(told, who.Session)
			if w.Body.Len() == 0 || !now.Equal(noon) {
				t.Errorf("%s was seen at %s before the answer", who.Session, now)
			}
			return ctx.Err()
		},
	})
	h := k.Private(func(v *Visit) error {
		_, err := v.W.Write([]byte("x"))
		leave()
		return err
	})
	for _, token := range []string{"new", "old"} {
		ctx, gone := context.WithCancel(t.Context())
		leave = gone
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "tocsin", Value: token})
		h.ServeHTTP(w, r)
	}
	if len(told) != 1 || told[0] != "old" {
		t.Errorf("seen: %v", told)
	}
}

type lookKey struct{}

// What a page reads in its turn is of one state of the database, which is let go before the answer begins; a form and what
// asks another server look at things as they are.
func TestLooks(t *testing.T) {
	t.Parallel()
	var begun, ended int
	k := newKit(t, Config{Snapshot: func(ctx context.Context) (context.Context, func()) {
		begun++
		return context.WithValue(ctx, lookKey{}, true), func() { ended++ }
	}})
	var held bool
	var before, after int
	mux := http.NewServeMux()
	look := func(v *Visit) error {
		held, before = v.R.Context().Value(lookKey{}) != nil, ended
		_, err := v.W.Write([]byte("x"))
		after = ended
		return err
	}
	k.Mount(mux, []Route{
		{Pattern: "GET /page", Door: ForAll, Handle: look},
		{Pattern: "POST /form", Door: ForHolder, Handle: look},
		{Pattern: "GET /asks", Door: ForHolder, Handle: look, Waits: true},
		{Pattern: "GET /shown", Door: ForAll, Handle: func(v *Visit) error {
			held, before = v.R.Context().Value(lookKey{}) != nil, ended
			err := v.render(io.Discard, template.Must(template.New("").Parse("")), nil)
			after = ended
			return err
		}},
		{Pattern: "GET /fails", Door: ForAll, Handle: func(v *Visit) error {
			held, before, after = v.R.Context().Value(lookKey{}) != nil, ended, 1
			return errors.New("broken")
		}},
	})
	for _, c := range []struct {
		method, path string
		looks        int
	}{{"GET", "/page", 1}, {"POST", "/form", 0}, {"GET", "/asks", 0}, {"GET", "/shown", 1}, {"GET", "/fails", 1}} {
		begun, ended = 0, 0
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil))
		if held != (c.looks == 1) || begun != c.looks || before != 0 || after != c.looks || ended != c.looks {
			t.Errorf("%s %s: held %t; begun %d times; ended %d times when it began to answer, %d then, %d in all; want %d", c.method, c.path, held, begun, before, after, ended, c.looks)
		}
	}
}
