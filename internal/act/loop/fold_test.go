package loop

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/archive"
	"tocsin/internal/asset"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// sampled is after the instants that the samples of signals have.
var sampled = noon.AddDate(0, 0, 4)

// newLoop makes a Loop on a store and an archive of the test's own, with the shipped packs and one Shadowserver feed.
func newLoop(t testing.TB, s *store.Store, set Settings) *Loop {
	t.Helper()
	p, err := feed.ReadPacks(packs.Feeds())
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
	set.Key = make([]byte, 32)
	testkit.ReleaseMail(t, s)
	l := New(Config{Store: s, Archive: a, Packs: p, Library: lib, Settings: set})
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, id := range []string{"shadowserver", "recheck"} {
		if err := l.PutFeed(t.Context(), noon, testCommand, FeedSettings{ID: ident.Feed(id), Pack: id}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// die forgets everything in memory, as a killed process does.
func (l *Loop) die(t testing.TB) {
	t.Helper()
	l.fold.putAway()
	l.fold.idx = nil
	if l.fold.unlock != nil {
		if err := l.fold.unlock(); err != nil {
			t.Fatal(err)
		}
		l.fold.unlock = nil
	}
}

func take(t testing.TB, l *Loop, now time.Time, id ident.Feed, name, body string) ident.Signal {
	t.Helper()
	r, err := l.Accept(t.Context(), now, AcceptRequest{Feed: id, Name: name, Body: strings.NewReader(body), By: testCommand})
	if err != nil {
		t.Fatal(err)
	}
	return r.Signal
}

func foldAll(t testing.TB, l *Loop, now time.Time) {
	t.Helper()
	for {
		_, worked, err := l.FoldNext(t.Context(), now, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !worked {
			return
		}
	}
}

const telnetHeader = `"timestamp","ip","protocol","port","hostname","tag","asn","geo","region","city","naics","sector","banner","severity"` + "\n"

// seenOn is one line of a Telnet report.
type seenOn struct {
	host, port int
	at         time.Time
}

func (s seenOn) line() string {
	return fmt.Sprintf(`"%s","198.51.100.%d","tcp","%d","","telnet","64496","ZZ","","","0","","login: ","high"`+"\n",
		s.at.Format(time.DateTime), s.host, s.port)
}

func (s seenOn) key() finding.Key {
	return finding.Identity{
		Asset: asset.Asset{Kind: asset.IP, Value: fmt.Sprintf("198.51.100.%d", s.host)}, Port: uint16(s.port), Transport: "tcp",
		Type: telnetType, Identifier: "open-telnet",
	}.Key()
}

// telnetType is the class that the published schema gives scan_telnet.
const telnetType = "vulnerable-system"

// tally is what the naive model keeps of a finding.
type tally struct {
	First, Last, Count int64
	Days               map[int64]bool
}

// model folds the naive way: a map and nothing else.
func model(rows []seenOn) map[finding.Key]tally {
	m := map[finding.Key]tally{}
	for _, r := range rows {
		at := r.at.UnixMicro()
		t, ok := m[r.key()]
		if !ok {
			t = tally{First: at, Last: at, Days: map[int64]bool{}}
		}
		t.First, t.Last = min(t.First, at), max(t.Last, at)
		t.Count++
		t.Days[at/dayMicros] = true
		m[r.key()] = t
	}
	return m
}

// stored reads what the fold made of the rows.
func stored(t testing.TB, s *store.Store) map[finding.Key]tally {
	t.Helper()
	m := map[finding.Key]tally{}
	err := s.View(t.Context(), func(tx *store.Tx) error {
		keys := map[ident.Finding]finding.Key{}
		if err := tx.EachKnown(t.Context(), func(k store.Known) error {
			keys[k.ID] = k.Key
			return nil
		}); err != nil {
			return err
		}
		return tx.EachSighting(t.Context(), func(g store.Sighting) error {
			was, ok := m[keys[g.Finding]] // by another stream
			if !ok {
				was = tally{g.First, g.Last, 0, map[int64]bool{}}
			}
			for d := g.Days; d != 0; d &= d - 1 {
				was.Days[g.LastDay-int64(bits.TrailingZeros64(d))] = true
			}
			m[keys[g.Finding]] = tally{min(was.First, g.First), max(was.Last, g.Last), was.Count + g.Count, was.Days}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFoldIsOrderFree folds random rows in random order, cut into random files with duplicates, with crashes between
// chunks, and compares with the model.
func TestFoldIsOrderFree(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		l := newLoop(t, s, Settings{ChunkRows: 1 + r.IntN(64), WriteBackRow: 1 + r.IntN(500), PlainFold: r.IntN(4) == 0})
		var rows []seenOn
		for range 2000 {
			rows = append(rows, seenOn{r.IntN(20), 23 + r.IntN(3), noon.Add(-time.Duration(r.IntN(50*86400)) * time.Second)})
		}
		for i, rest := 0, rows; len(rest) > 0; i++ {
			n := min(1+r.IntN(400), len(rest))
			body := telnetHeader
			for _, row := range rest[:n] {
				body += row.line()
			}
			rest = rest[n:]
			take(t, l, noon, "shadowserver", fmt.Sprintf("2026-11-20-scan_telnet-%d.csv", i), body)
			take(t, l, noon, "shadowserver", "again.csv", body) // the same bytes are the same signal
			if r.IntN(2) == 0 {
				crash(t, l, r)
			}
		}
		foldAll(t, l, noon)
		if err := l.WriteBack(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(model(rows), stored(t, s)); diff != "" {
			t.Errorf("seed %d: model against store:\n%s", seed, diff)
		}
		checkTotals(t, s)
	})
}

// crash folds until a random chunk has been committed, then forgets the memory.
func crash(t testing.TB, l *Loop, r *rand.Rand) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	left := r.IntN(20)
	_, _, err := l.FoldNext(ctx, noon, func(store.Signal) {
		if left--; left < 0 {
			stop()
		}
	})
	stop()
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	l.die(t)
}

// checkTotals compares every signal's counts with each other.
func checkTotals(t testing.TB, s *store.Store) {
	t.Helper()
	err := s.View(t.Context(), func(tx *store.Tx) error {
		signals, err := tx.ListSignals(t.Context(), "", 0, 10_000, access.Always)
		for _, g := range signals {
			c := g.Counts
			if c.Rows != c.Events+c.Rejected+c.Refused || c.Events != c.Found+c.Seen || g.State != "folded" {
				t.Errorf("signal %d, %s: %+v", g.ID, g.State, c)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPackSights(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, unit := range []int64{1, 1_000_000} {
		var ss []sight
		for range 1000 {
			ss = append(ss, sight{finding: 1 + r.Uint32N(1e6), line: r.Uint32(), at: r.Int64N(4e9) * unit})
		}
		part, got, err := unpackSights(packSights(nil, 7, ss))
		if err != nil || part != 7 || !slices.Equal(got, ss) {
			t.Errorf("unit %d: came back different: %v", unit, err)
		}
	}
	for _, bad := range []string{"", "\x09", "\x01", "\x01\x00\xff"} {
		if _, _, err := unpackSights([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func FuzzUnpackSights(f *testing.F) {
	f.Add(packSights(nil, 0, []sight{{1, 2, 3}, {2, 3, 4_000_000}}))
	f.Add(packSights(nil, 3, []sight{{9, 1, 5_000_000}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		part, ss, err := unpackSights(b)
		if err != nil {
			return
		}
		if _, again, err := unpackSights(packSights(nil, part, ss)); err != nil || !slices.Equal(again, ss) {
			t.Errorf("not stable: %v, %v", ss, err)
		}
	})
}

// A signal whose bytes or pack are gone ends with the reason; the next one is folded.
func TestFoldGoesOn(t *testing.T) {
	t.Parallel()
	l := newLoop(t, testkit.SQLite(t), Settings{})
	gone := take(t, l, noon, "shadowserver", "2026-11-20-scan_telnet-a.csv", telnetHeader+seenOn{1, 23, noon}.line())
	next := take(t, l, noon, "shadowserver", "2026-11-20-scan_telnet-b.csv", telnetHeader+seenOn{2, 23, noon}.line())
	archived := l.archive
	empty, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	l.archive = empty
	if _, _, err := l.FoldNext(t.Context(), noon, nil); err != nil {
		t.Fatal(err)
	}
	l.archive = archived
	foldAll(t, l, noon)
	for id, want := range map[ident.Signal]string{gone: "refused", next: "folded"} {
		if s, err := l.Signal(t.Context(), id); err != nil || s.State != want || (s.Error == "") == (want == "refused") {
			t.Errorf("signal %d is %s (%q), want %s; %v", id, s.State, s.Error, want, err)
		}
	}
}

// An urgent signal overtakes a bulk one, which then goes on where it stood.
func TestUrgentOvertakes(t *testing.T) {
	t.Parallel()
	s := testkit.SQLite(t)
	l := newLoop(t, s, Settings{ChunkRows: 10})
	if err := l.PutFeed(t.Context(), noon, testCommand, FeedSettings{ID: "alarm", Pack: "shadowserver", Urgent: true}); err != nil {
		t.Fatal(err)
	}
	var rows []seenOn
	var bulk strings.Builder
	bulk.WriteString(telnetHeader)
	for i := range 34 * batchRows {
		row := seenOn{i % 200, 23, noon.Add(-time.Duration(i%86400) * time.Second)}
		rows = append(rows, row)
		bulk.WriteString(row.line())
	}
	big := take(t, l, noon, "shadowserver", "2026-11-20-scan_telnet-a.csv", bulk.String())
	var order []ident.Signal
	for sent := false; ; {
		id, worked, err := l.FoldNext(t.Context(), noon, func(store.Signal) {
			if !sent {
				sent = true
				urgent := seenOn{250, 23, noon}
				rows = append(rows, urgent)
				take(t, l, noon, "alarm", "2026-11-20-scan_telnet-b.csv", telnetHeader+urgent.line())
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !worked {
			break
		}
		order = append(order, id)
	}
	if want := []ident.Signal{big, big + 1, big}; !slices.Equal(order, want) {
		t.Errorf("folded in the order %v, want %v", order, want)
	}
	if err := l.WriteBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(model(rows), stored(t, s)); diff != "" {
		t.Error(diff)
	}
	checkTotals(t, s)
}
