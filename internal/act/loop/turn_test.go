package loop

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

func addFeed(t *testing.T, l *Loop, ids ...ident.Feed) {
	t.Helper()
	for _, id := range ids {
		if err := l.PutFeed(t.Context(), noon, testCommand, FeedSettings{ID: id, Pack: "shadowserver"}); err != nil {
			t.Fatal(err)
		}
	}
}

// report is a Telnet report of n rows about hosts from first on.
func report(first, n int) (string, []seenOn) {
	var b strings.Builder
	var rows []seenOn
	b.WriteString(telnetHeader)
	for i := range n {
		row := seenOn{first + i%20, 23, noon.Add(-time.Duration(i%86400) * time.Second)}
		rows = append(rows, row)
		b.WriteString(row.line())
	}
	return b.String(), rows
}

// badRows is a gzip file of 64 KB that holds 33 million rows that cannot be read.
func badRows(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(z, telnetHeader)
	rows := []byte(strings.Repeat("x\n", 1<<19))
	for range 63 {
		if _, err := z.Write(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil || b.Len() > 80<<10 {
		t.Fatal(b.Len(), err)
	}
	return b.String()
}

// A small file that expands to 33 million rows that cannot be read is given up: the rows that are stored are few, the
// desk is told, and another feed waits for one chunk.
func TestHopelessSignal(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		addFeed(t, l, "other")
		before := databaseSize(t, s)
		bomb := take(t, l, noon, "shadowserver", "2026-11-20-scan_telnet-a.csv.gz", badRows(t))
		body, _ := report(1, 10)
		next := take(t, l, noon, "other", "2026-11-20-scan_telnet-b.csv", body)
		chunks := 0
		for worked := true; worked; {
			var err error
			if _, worked, err = l.FoldNext(t.Context(), noon, func(at store.Signal) {
				if at.ID == bomb {
					chunks++
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := l.Signal(t.Context(), bomb)
		if err != nil || got.State != "folded" || !strings.Contains(got.Error, "given up: 16384 of 16384 rows") || chunks != 1 {
			t.Errorf("%s after %d chunks: %q, %v", got.State, chunks, got.Error, err)
		}
		if other, err := l.Signal(t.Context(), next); err != nil || other.State != "folded" || other.Error != "" || other.Counts.Events != 10 {
			t.Errorf("%+v, %v", other, err)
		}
		var kept store.Kept
		var told bool
		err = s.View(t.Context(), func(tx *store.Tx) (err error) {
			if kept, err = tx.RejectedKept(t.Context(), bomb); err != nil {
				return err
			}
			told, err = tx.QueuedSince(t.Context(), "signal.unread", fmt.Sprintf("signal:%d", bomb), noon.AddDate(0, 0, -1))
			return err
		})
		if err != nil || kept.Rows != maxKept || !told {
			t.Errorf("%+v are stored, the desk is told: %v, %v", kept, told, err)
		}
		if grown := databaseSize(t, s) - before; grown > 50<<20 {
			t.Errorf("the database grew by %d MiB", grown>>20)
		}
	})
}

func databaseSize(t *testing.T, s *store.Store) int64 {
	t.Helper()
	var e store.Engine
	err := s.View(t.Context(), func(tx *store.Tx) (err error) {
		e, err = tx.Engine(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.Bytes
}

// A signal is given up above 1,000 rejected rows that are more than half; at either bound it is read.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rows, rejected int64
		want           bool
	}{{1000, 1000, false}, {1001, 1001, true}, {2002, 1001, false}, {2001, 1001, true}, {1 << 30, 1 << 29, false}} {
		o := &openFold{base: store.Counts{Rows: 5000, Rejected: 5000}}
		o.signal.Counts = store.Counts{Rows: 5000 + c.rows, Rejected: 5000 + c.rejected}
		if got := o.hopeless() != nil; got != c.want {
			t.Errorf("%d of %d rejected: given up is %v", c.rejected, c.rows, got)
		}
	}
}

// Of a signal's rejected rows 10,000 are stored, and 16 MiB of them, whichever comes first.
func TestKeep(t *testing.T) {
	t.Parallel()
	rows := make([]store.Rejected, 300)
	for i := range rows {
		rows[i].Raw = make([]byte, 64<<10)
	}
	o := &openFold{}
	if stored, kept := o.keep(rows); len(stored) != 256 || kept != (store.Kept{Rows: 256, Bytes: 16 << 20}) {
		t.Errorf("%d long rows, %+v", len(stored), kept)
	}
	o.kept.Rows = 9_999
	if stored, _ := o.keep(rows); len(stored) != 1 {
		t.Errorf("%d rows after 9,999", len(stored))
	}
}

// Signals of several feeds take turns by chunk; those of one feed keep their order; what they say is counted once,
// although more are open than stay open.
func TestTurns(t *testing.T) {
	t.Parallel()
	s := testkit.SQLite(t)
	l := newLoop(t, s, Settings{ChunkRows: 10})
	var rows []seenOn
	feeds := []ident.Feed{"a", "b", "c", "d", "e"}
	addFeed(t, l, feeds...)
	last := map[ident.Feed]ident.Signal{}
	for i, id := range feeds {
		for j := range 2 {
			body, more := report(1+20*i, (3-j)*batchRows)
			rows = append(rows, more...)
			last[id] = take(t, l, noon, id, fmt.Sprintf("2026-11-2%d-scan_telnet-%s.csv", j, id), body)
		}
	}
	var order []ident.Feed
	finished := map[ident.Feed]bool{}
	for {
		id, worked, err := l.FoldNext(t.Context(), noon, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !worked {
			break
		}
		g, err := l.Signal(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, g.Feed)
		if id != last[g.Feed] && g.State == "folded" {
			finished[g.Feed] = true
		}
		if id == last[g.Feed] && !finished[g.Feed] {
			t.Errorf("the second signal of %s overtook the first", g.Feed)
		}
		if open := len(l.fold.open); open > maxOpen {
			t.Errorf("%d signals stay open", open)
		}
	}
	for i := range len(order) - 4 {
		window := slices.Clone(order[i : i+5])
		slices.Sort(window)
		if i < 20 && !slices.Equal(window, feeds) {
			t.Fatalf("turns %d to %d are of %v", i+1, i+5, order[i:i+5])
		}
	}
	if err := l.WriteBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(model(rows), stored(t, s)); diff != "" {
		t.Error(diff)
	}
	checkTotals(t, s)
}

// What could not be read of a signal is told at its end, although it had several turns and the process was killed.
func TestProblemOfEarlierTurn(t *testing.T) {
	t.Parallel()
	s := testkit.SQLite(t)
	l := newLoop(t, s, Settings{ChunkRows: 10})
	addFeed(t, l, "other")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	long, _ := report(1, 3*batchRows)
	for _, m := range [][2]string{{"scan_telnet.csv", "<html>\n"}, {"2026-11-20-scan_telnet-b.csv", long}} {
		w, err := z.Create(m[0])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, m[1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	id := take(t, l, noon, "shadowserver", "a.zip", b.String())
	body, _ := report(100, 3*batchRows)
	take(t, l, noon, "other", "2026-11-20-scan_telnet-c.csv", body)
	for range 3 {
		if _, _, err := l.FoldNext(t.Context(), noon, nil); err != nil {
			t.Fatal(err)
		}
	}
	if g, err := l.Signal(t.Context(), id); err != nil || g.State != "received" || g.Counts.Events == 0 {
		t.Fatalf("%+v, %v", g, err)
	}
	l.die(t)
	foldAll(t, l, noon)
	if g, err := l.Signal(t.Context(), id); err != nil || strings.Count(g.Error, "scan_telnet.csv: ") != 1 || g.Counts.Events != 3*batchRows {
		t.Errorf("%+v, %v", g, err)
	}
}

// Who is next: within the quota before over it, urgent before others but not twice running, then the longest wait.
func TestChoose(t *testing.T) {
	t.Parallel()
	w := func(id ident.Signal, f ident.Feed, urgent, over bool) store.WaitingSignal {
		return store.WaitingSignal{Signal: id, Feed: f, Urgent: urgent, OverQuota: over}
	}
	for name, c := range map[string]struct {
		all  []store.WaitingSignal
		want []ident.Signal
	}{
		"one feed":           {[]store.WaitingSignal{w(7, "a", false, false)}, []ident.Signal{7, 7, 7}},
		"oldest first":       {[]store.WaitingSignal{w(9, "a", false, false), w(8, "b", false, false)}, []ident.Signal{8, 9, 8, 9}},
		"urgent first":       {[]store.WaitingSignal{w(1, "a", false, false), w(2, "b", true, false)}, []ident.Signal{2, 1, 2, 1}},
		"two urgent":         {[]store.WaitingSignal{w(1, "a", false, false), w(2, "b", true, false), w(3, "c", true, false)}, []ident.Signal{2, 1, 3, 1, 2}},
		"urgent alone":       {[]store.WaitingSignal{w(2, "b", true, false)}, []ident.Signal{2, 2}},
		"over quota is last": {[]store.WaitingSignal{w(1, "a", true, true), w(2, "b", false, false)}, []ident.Signal{2, 2, 2}},
	} {
		var f folder
		var got []ident.Signal
		for range c.want {
			got = append(got, f.choose(c.all))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
