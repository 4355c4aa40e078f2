package loop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/archive"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

// delivery is what one feed says about one day.
type delivery struct {
	feed ident.Feed
	day  int
	body string
}

// deliveries makes 30 days of two feeds that see 20 addresses with a regularity of each address's own, until it is gone.
func deliveries(r *rand.Rand) []delivery {
	var out []delivery
	type habit struct{ gone, often int }
	var habits [2][20]habit
	for f := range habits {
		for i := range habits[f] {
			habits[f][i] = habit{gone: r.IntN(36), often: 30 + r.IntN(70)}
		}
	}
	for day := range 30 {
		for f := range habits {
			if r.IntN(10) == 0 {
				continue // nothing came that day
			}
			var b strings.Builder
			for i, h := range habits[f] {
				if day <= h.gone && r.IntN(100) < h.often {
					line(&b, day, i)
				}
			}
			for i := range 30 { // the rest of the feed, which stays
				line(&b, day, 100+i)
			}
			out = append(out, delivery{ident.Feed([]string{"one", "two"}[f]), day, b.String()})
		}
	}
	return out
}

func line(b *strings.Builder, day, host int) {
	fmt.Fprintf(b, `{"classification.type":"vulnerable-system","source.ip":"192.0.2.%d","time.source":%q}`+"\n",
		host, at(day, 1).Format(time.RFC3339))
}

// outcome takes the deliveries in, in their order, verifying after each if asked to, and at last. It returns the
// addresses that are closed.
func outcome(t *testing.T, s *store.Store, ds []delivery, always bool) []string {
	t.Helper()
	p, err := feed.ReadPacks(fstest.MapFS{"events.yaml": {Data: []byte("name: events\nversion: 1\ntitle: Events\nformat: intelmq\n")}})
	if err != nil {
		t.Fatal(err)
	}
	lib, err := notice.LoadLibrary(packs.Classes())
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	l := New(Config{Store: s, Archive: a, Packs: p, Library: lib, Settings: Settings{Key: make([]byte, 32)}})
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	for _, id := range []ident.Feed{"one", "two"} {
		if err := l.PutFeed(t.Context(), at(0, 0), testCommand, FeedSettings{ID: id, Pack: "events"}); err != nil {
			t.Fatal(err)
		}
	}
	w := ward{l, t}
	now := at(31, 0)
	for _, d := range ds {
		take(t, l, now, d.feed, fmt.Sprintf("%s-%d.json", d.feed, d.day), d.body)
		if always {
			now = now.Add(time.Second)
			foldAll(t, l, now)
			w.verify(now)
		}
	}
	now = now.Add(time.Minute)
	foldAll(t, l, now)
	w.verify(now)
	var out []string
	w.update(func(ctx context.Context, tx *store.Tx) error {
		page, err := tx.ListFindings(ctx, store.FindingFilter{States: []finding.State{finding.VerifiedClosed}, May: access.Always}, 0, 1000)
		for _, f := range page.Findings {
			out = append(out, f.Identity.Asset.Value)
			if f.Last.After(at(28, 0)) {
				t.Errorf("%s is closed and was seen at %s", f.Identity.Asset.Value, f.Last)
			}
		}
		return err
	})
	slices.Sort(out)
	return out
}

// However signals are ordered, the same findings are shown to be gone. Looking after each of them may believe a gap that
// later signals explain, but never keeps open what the whole shows to be gone, nor closes what was seen at the end.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			ds := deliveries(r)
			want := outcome(t, testkit.SQLite(t), ds, false)
			if len(want) == 0 {
				t.Fatal("nothing was shown to be gone: the test proves nothing")
			}
			r.Shuffle(len(ds), func(i, j int) { ds[i], ds[j] = ds[j], ds[i] })
			if diff := cmp.Diff(want, outcome(t, testkit.SQLite(t), ds, false)); diff != "" {
				t.Errorf("another order:\n%s", diff)
			}
			got := outcome(t, testkit.SQLite(t), ds, true)
			for _, host := range want {
				if !slices.Contains(got, host) {
					t.Errorf("verified on the way: %s is not closed", host)
				}
			}
		})
	}
}
