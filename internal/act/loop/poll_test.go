package loop

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// site is a server on the far side: what it answers next, and what it was asked.
type site struct {
	answer FetchResponse
	err    error
	asked  []FetchRequest
}

func (s *site) Fetch(_ context.Context, q FetchRequest) (FetchResponse, error) {
	s.asked = append(s.asked, q)
	return s.answer, s.err
}

func (s *site) says(body, etag string) {
	s.answer, s.err = FetchResponse{ETag: etag}, nil
	if body != "" {
		s.answer.Body = io.NopCloser(strings.NewReader(body))
	}
}

// intakeLoop makes a Loop that takes signals in, with a pack called "addresses".
func intakeLoop(t *testing.T, s *store.Store, far *site) *Loop {
	t.Helper()
	p, err := feed.ReadPacks(fstest.MapFS{"addresses.yaml": {Data: []byte(
		"name: addresses\nversion: 1\ntitle: Addresses\nformat: list\nlist: {kind: ip}\ndefault: {classification.type: blacklist}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	c := Config{Store: s, Archive: a, Packs: p}
	if far != nil {
		c.Fetcher = far
	}
	return New(c)
}

func putFeed(t *testing.T, l *Loop, now time.Time, s FeedSettings) {
	t.Helper()
	s.Pack = "addresses"
	if err := l.PutFeed(t.Context(), now, testCommand, s); err != nil {
		t.Fatal(err)
	}
}

func pollOf(t *testing.T, l *Loop, id ident.Feed) (p store.Poll) {
	t.Helper()
	err := l.store.View(t.Context(), func(tx *store.Tx) error {
		f, err := tx.FeedByID(t.Context(), id)
		p = f.Poll
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func poll(t *testing.T, l *Loop, now time.Time) Polled {
	t.Helper()
	p, err := l.PollNext(t.Context(), now, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPoll(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		far := &site{}
		l := intakeLoop(t, s, far)
		now := at(0, 0)
		putFeed(t, l, now, FeedSettings{ID: "bad", PollURL: "https://feed.example/lists/bad.txt?days=7", PollEvery: time.Hour})

		far.says("192.0.2.1\n", `"1"`)
		p := poll(t, l, now)
		if p.Feed != "bad" || p.Receipt.Signal != 1 || p.Receipt.Bytes != 10 || p.Failed != "" || !p.Next.Equal(now.Add(63*time.Minute)) {
			t.Fatalf("first: %+v", p)
		}
		sig, err := l.Signal(t.Context(), 1)
		if err != nil || sig.Name != "bad.txt" || sig.Feed != "bad" {
			t.Errorf("signal %+v, %v", sig, err)
		}
		if p := poll(t, l, now.Add(time.Hour)); p.Feed != "" {
			t.Errorf("before it is due: %+v", p)
		}

		now = now.Add(63 * time.Minute)
		far.says("", `"1"`)
		if p := poll(t, l, now); p.Feed != "bad" || p.Receipt != (Receipt{}) || p.Failed != "" {
			t.Errorf("unchanged: %+v", p)
		}
		if last := far.asked[len(far.asked)-1]; last.ETag != `"1"` {
			t.Errorf("asked %+v", last)
		}
		if h, err := l.FeedHealth(t.Context(), now); err != nil || len(h) != 1 || h[0].Last.ID != 1 || h[0].Waiting != 1 {
			t.Errorf("health %+v, %v", h, err)
		}
	})
}

func TestPollFails(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		far := &site{}
		l := intakeLoop(t, s, far)
		now := at(0, 0)
		putFeed(t, l, now, FeedSettings{ID: "bad", PollURL: "https://feed.example/bad.txt"})
		far.err = fault.New(fault.Unavailable, "the server answers 502")
		var waits []time.Duration
		for range 9 {
			p := poll(t, l, now)
			if p.Failed != "the server answers 502" {
				t.Fatalf("%+v", p)
			}
			waits = append(waits, p.Next.Sub(now))
			now = p.Next
		}
		m := time.Minute
		if diff := cmp.Diff([]time.Duration{5 * m, 10 * m, 20 * m, 40 * m, 80 * m, 160 * m, 320 * m, 360 * m, 360 * m}, waits); diff != "" {
			t.Error(diff)
		}
		queue := func() (kinds []string) {
			err := s.View(t.Context(), func(tx *store.Tx) error {
				items, err := tx.QueueOpen(t.Context(), 10)
				for _, i := range items {
					kinds = append(kinds, i.Kind+" "+i.Object)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return kinds
		}
		if diff := cmp.Diff([]string{"feed.unreachable feed:bad"}, queue()); diff != "" {
			t.Error(diff)
		}

		far.answer.Wait = 20 * time.Hour
		if p := poll(t, l, now); p.Next.Sub(now) != 20*time.Hour {
			t.Errorf("the server asked for 20 h: %s", p.Next.Sub(now))
		}
		now = now.Add(20 * time.Hour)
		far.says("192.0.2.1\n", "")
		if p := poll(t, l, now); p.Receipt.Signal != 1 || pollOf(t, l, "bad").Failures != 0 || pollOf(t, l, "bad").Error != "" {
			t.Errorf("recovered: %+v %+v", p, pollOf(t, l, "bad"))
		}
		if got := queue(); got != nil {
			t.Errorf("queue after recovery: %v", got)
		}
		w := ward{l, t}
		if diff := cmp.Diff(map[string]int{"feed.put": 1, "feed.fail": 1, "feed.recover": 1, "signal.accept": 1}, w.acts()); diff != "" {
			t.Error(diff)
		}
	})
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) {
	return 0, fault.New(fault.TooLarge, "the file is larger than what is taken")
}

// A body that breaks off leaves no signal and no ETag, so the next fetch asks for all of it.
func TestPollBreaksOff(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		far := &site{}
		l := intakeLoop(t, s, far)
		putFeed(t, l, at(0, 0), FeedSettings{ID: "bad", PollURL: "https://feed.example/bad.txt"})
		far.answer = FetchResponse{ETag: `"1"`, Body: io.NopCloser(io.MultiReader(strings.NewReader("192.0.2.1\n"), brokenBody{}))}
		if p := poll(t, l, at(0, 0)); p.Failed != "the file is larger than what is taken" {
			t.Errorf("%+v", p)
		}
		if p := pollOf(t, l, "bad"); p.ETag != "" || p.Failures != 1 {
			t.Errorf("%+v", p)
		}
		if _, err := l.Signal(t.Context(), 1); !errors.Is(err, fault.NotFound) {
			t.Errorf("a signal of half a body: %v", err)
		}
	})
}

// A fetch that dies with the process is tried again when its lease ends; a new address starts afresh.
func TestPollLease(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		far := &site{}
		l := intakeLoop(t, s, far)
		putFeed(t, l, at(0, 0), FeedSettings{ID: "bad", PollURL: "https://feed.example/bad.txt"})
		if f, err := l.claimPoll(t.Context(), at(0, 0)); err != nil || f.ID != "bad" {
			t.Fatal(f, err)
		}
		if p := poll(t, l, at(0, 0).Add(pollLease-time.Second)); p.Feed != "" {
			t.Errorf("within the lease: %+v", p)
		}
		far.says("192.0.2.1\n", `"1"`)
		if p := poll(t, l, at(0, 0).Add(pollLease)); p.Receipt.Signal != 1 {
			t.Errorf("after the lease: %+v", p)
		}
		putFeed(t, l, at(0, 1), FeedSettings{ID: "bad", PollURL: "https://feed.example/worse.txt"})
		if p := pollOf(t, l, "bad"); !p.Next.IsZero() || p.ETag != "" {
			t.Errorf("new address: %+v", p)
		}
	})
}

func TestPutFeed(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := intakeLoop(t, s, nil)
		good := FeedSettings{ID: "a", Pack: "addresses"}
		for name, spoil := range map[string]func(*FeedSettings){
			"id":    func(f *FeedSettings) { f.ID = "A b" },
			"pack":  func(f *FeedSettings) { f.Pack = "nope" },
			"token": func(f *FeedSettings) { f.Token = "short" },
			"quota": func(f *FeedSettings) { f.QuotaRows = -1 },
			"poll":  func(f *FeedSettings) { f.PollURL = "ftp://feed.example/" },
			"title": func(f *FeedSettings) { f.Title = strings.Repeat("x", 201) },
		} {
			bad := good
			spoil(&bad)
			err := l.PutFeed(t.Context(), at(0, 0), testCommand, bad)
			if text, _ := fault.Message(err); !errors.Is(err, fault.Invalid) || !strings.HasPrefix(text, name+":") {
				t.Errorf("bad %s: %v", name, err)
			}
		}
		token := NewFeedToken()
		with := func(change func(*FeedSettings)) {
			f := FeedSettings{ID: "a"}
			change(&f)
			putFeed(t, l, at(0, 0), f)
		}
		with(func(f *FeedSettings) { f.Token = token })
		with(func(f *FeedSettings) { f.Urgent = true }) // keeps the token
		if id, err := l.FeedByToken(t.Context(), token); err != nil || id != "a" {
			t.Errorf("by token: %q %v", id, err)
		}
		with(func(f *FeedSettings) { f.Disabled = true })
		if _, err := l.FeedByToken(t.Context(), token); !errors.Is(err, fault.Denied) {
			t.Errorf("disabled feed: %v", err)
		}
		with(func(f *FeedSettings) { f.NoToken = true })
		for _, bad := range []string{token, "", NewFeedToken()} {
			if _, err := l.FeedByToken(t.Context(), bad); !errors.Is(err, fault.Denied) {
				t.Errorf("token %q: %v", bad, err)
			}
		}
		if diff := cmp.Diff(map[string]int{"feed.put": 4}, ward{l, t}.acts()); diff != "" {
			t.Error(diff)
		}
	})
}
