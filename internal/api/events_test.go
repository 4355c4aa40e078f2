package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/gate"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// events reads a stream of one look at the log.
func (w *world) events(token string, header ...string) []api.Event {
	w.t.Helper()
	got := w.do("GET", "/api/v1/events?limit=1", nil, append([]string{"Authorization", "Bearer " + token}, header...)...)
	if kind := got.Header().Get("Content-Type"); got.Code != 200 || !strings.HasPrefix(kind, "text/event-stream") {
		w.t.Fatalf("%d %s %s", got.Code, kind, got.Body)
	}
	var out []api.Event
	for block := range strings.SplitSeq(strings.TrimSpace(got.Body.String()), "\n\n") {
		if block == "" {
			continue
		}
		lines := strings.Split(block, "\n")
		var e api.Event
		if len(lines) != 3 || json.Unmarshal([]byte(strings.TrimPrefix(lines[2], "data: ")), &e) != nil ||
			lines[0] != "id: "+strconv.FormatInt(e.Seq, 10) || lines[1] != "event: "+e.Act {
			w.t.Fatalf("%q", block)
		}
		out = append(out, e)
	}
	return out
}

// A stream goes on behind the last event that a client saw: cut anywhere, the parts are the whole.
func TestEventsResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.events(w.desk, "Last-Event-ID", "0")
	if len(all) < 5 {
		t.Fatalf("%+v", all)
	}
	for i, e := range all {
		rest := w.events(w.desk, "Last-Event-ID", fmt.Sprint(e.Seq))
		if !slices.Equal(rest, all[i+1:]) {
			t.Errorf("behind %d: %d events, want %d", e.Seq, len(rest), len(all)-i-1)
		}
	}
	if now := w.events(w.desk); len(now) != 0 {
		t.Errorf("a new stream tells of old events: %+v", now)
	}
}

// Members are told of their own party's things only; whoever may not read the whole ledger is told of no sign-in.
func TestEventsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.events(w.hospital, "Last-Event-ID", "0")
	if len(mine) == 0 {
		t.Fatal("nothing")
	}
	for _, e := range mine {
		if e.Party != "hospital" {
			t.Errorf("%+v", e)
		}
	}
	for _, e := range w.events(w.person(ident.Authority, people.Read), "Last-Event-ID", "0") {
		if group, _, _ := strings.Cut(e.Act, "."); !slices.Contains([]string{"finding", "notice", "signal", "feed", "party"}, group) {
			t.Errorf("%+v", e)
		}
	}
	whole := w.events(w.desk, "Last-Event-ID", "0")
	if !slices.ContainsFunc(whole, func(e api.Event) bool { return e.Act == "token.make" }) {
		t.Error("who reads the whole ledger is not told of all of it")
	}
}

// A stream ends when the server stops, and an account has so many at most.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := make(chan struct{})
	w.config.Streams, w.config.LookEvery = gate.NewStreams(10, 1, stop), time.Hour
	w.h = api.New(w.config)
	done := make(chan int)
	began := make(chan struct{})
	go func() {
		close(began)
		code := http.StatusTooManyRequests
		for code == http.StatusTooManyRequests { // the second was quicker
			code = w.do("GET", "/api/v1/events", nil, "Authorization", "Bearer "+w.desk).Code
		}
		done <- code
	}()
	<-began
	for w.do("GET", "/api/v1/events?limit=1", nil, "Authorization", "Bearer "+w.desk).Code != 429 { // until the other has its place
		select {
		case <-t.Context().Done():
			t.Fatal("the second stream is let in")
		default:
		}
	}
	close(stop)
	if code := <-done; code != 200 {
		t.Errorf("%d", code)
	}
}
