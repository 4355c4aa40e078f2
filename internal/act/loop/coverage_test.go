package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// file is one signal of a case.
type file struct{ name, body string }

// sameAsScript compares what a test wrote with what the script of the case writes, where both it and Python are there.
func sameAsScript(t *testing.T, script string, files []file) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../../../shared/data/cases", script))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		return
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), python, path, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range files {
		if got, err := os.ReadFile(filepath.Join(dir, f.name)); err != nil || string(got) != f.body {
			t.Fatalf("%s differs from what %s writes: %v", f.name, script, err)
		}
	}
}

// november returns the instant hour hours into a day of November 2026, 31 being the first of December.
func november(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// openItems returns the open items of the queue as "kind object", but for those about columns.
func openItems(t testing.TB, s *store.Store) (out []string) {
	t.Helper()
	err := s.View(t.Context(), func(tx *store.Tx) error {
		items, err := tx.QueueOpen(t.Context(), 1000)
		for _, q := range items {
			if q.Kind != "feed.drift" {
				out = append(out, q.Kind+" "+q.Object)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// statesOf returns the state of every finding by the address of its asset.
func statesOf(t testing.TB, s *store.Store) map[string]finding.State {
	t.Helper()
	out := map[string]finding.State{}
	err := s.View(t.Context(), func(tx *store.Tx) error {
		last, err := tx.LastFinding(t.Context())
		if err != nil {
			return err
		}
		var ids []ident.Finding
		for id := ident.Finding(1); id <= last; id++ {
			ids = append(ids, id)
		}
		all, err := tx.FindingsByID(t.Context(), ids)
		for _, f := range all {
			out[f.Identity.Asset.Value] = f.State
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Source A of a mixture stops after twelve days. That proves nothing about its host, however often B delivers; a host of
// B that is gone closes.
func TestMixedSources(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		must(t, l.PutFeed(t.Context(), november(1, 0), testCommand, FeedSettings{ID: "intelmq", Pack: "intelmq"}))
		const bot = `{"feed.name": "B", "classification.type": "infected-system", "malware.name": "mirai", "source.ip": "198.51.100.%d", "time.source": "%s"}` + "\n"
		var files []file
		for day := 8; day <= 30; day++ {
			var b strings.Builder
			if day < 20 {
				fmt.Fprintf(&b, `{"feed.name": "A", "classification.type": "vulnerable-system", "classification.identifier": "open-telnet", `+
					`"source.ip": "192.0.2.77", "source.port": 23, "protocol.transport": "tcp", "time.source": "2026-11-%02dT03:00:00+00:00"}`+"\n", day)
			}
			for h := 1; h < 60; h++ {
				fmt.Fprintf(&b, bot, h, fmt.Sprintf("2026-11-%02dT04:00:00+00:00", day))
			}
			files = append(files, file{fmt.Sprintf("2026-11-%02d.json", day), b.String()})
		}
		sameAsScript(t, "mixed-sources.py", files)
		silent := false
		for day := 8; day <= 60; day++ {
			body := ""
			if day <= 30 {
				body = files[day-8].body
			} else { // B goes on, but for one host
				for h := 2; h < 60; h++ {
					body += fmt.Sprintf(bot, h, november(day, 4).Format(time.RFC3339))
				}
			}
			now := november(day+1, 3)
			take(t, l, now, "intelmq", fmt.Sprintf("%d.json", day), body)
			foldAll(t, l, now)
			_, err := l.Verify(t.Context(), now)
			must(t, err)
			_, err = l.WatchFeeds(t.Context(), now)
			must(t, err)
			if got := statesOf(t, s)["192.0.2.77"]; got != finding.Open {
				t.Fatalf("day %d: the host of A is %s", day, got)
			}
			silent = silent || strings.Contains(strings.Join(openItems(t, s), "\n"), "feed.silent stream:intelmq/A")
		}
		if got := statesOf(t, s)["198.51.100.1"]; got != finding.VerifiedClosed {
			t.Errorf("the host of B that was gone for a month is %s", got)
		}
		if !silent {
			t.Errorf("nobody was told that A fell silent: %q", openItems(t, s))
		}
	})
}

// One of two parts of a report stops. Its four hosts are not closed, and the desk learns of it; a host of the other part
// that is gone closes.
func TestSplitReport(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		part := func(day int, name string, from, to int) file {
			body := "timestamp,ip,protocol,port,hostname,tag,asn,geo\n"
			for h := from; h < to; h++ {
				body += fmt.Sprintf("%s 05:12:%02d,192.0.2.%d,tcp,23,h%d.example,telnet,64500,XX\n", november(day, 0).Format(time.DateOnly), h%60, h, h)
			}
			return file{november(day, 0).Format(time.DateOnly) + "-scan_telnet-" + name + ".csv", body}
		}
		var all []file
		for day := 1; day <= 45; day++ {
			from := 1
			if day > 30 {
				from = 2
			}
			files := []file{part(day, "net1", from, 7)}
			if day <= 20 {
				files = append(files, part(day, "net2", 201, 205))
			}
			if day <= 30 {
				all = append(all, files...)
			}
			now := november(day+1, 3)
			for _, f := range files {
				take(t, l, now, "shadowserver", f.name, f.body)
			}
			foldAll(t, l, now)
			_, err := l.Verify(t.Context(), now)
			must(t, err)
			_, err = l.WatchFeeds(t.Context(), now)
			must(t, err)
		}
		sameAsScript(t, "split-report.py", all)
		want := map[string]finding.State{"192.0.2.1": finding.VerifiedClosed}
		for _, h := range []int{2, 3, 4, 5, 6, 201, 202, 203, 204} {
			want[fmt.Sprintf("192.0.2.%d", h)] = finding.Open
		}
		if diff := cmp.Diff(want, statesOf(t, s)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"feed.silent stream:shadowserver/scan_telnet net2"}, openItems(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

// Two files a day that no name tells apart are one stream; a day on which one of them is missing is not whole, even
// though the other has most of the rows. The finding that only the missing one could show stays open, and the desk is
// told once; when both come again, the item is settled.
func TestPartWithoutName(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		rows := func(day, from, to int) string {
			body := telnetHeader
			for h := from; h < to; h++ {
				body += seenOn{h, 23, november(day, 5)}.line()
			}
			return body
		}
		told := 0
		for day := 1; day <= 25; day++ {
			now := november(day+1, 3)
			name := november(day, 0).Format(time.DateOnly) + "-scan_telnet.csv"
			take(t, l, now, "shadowserver", name, rows(day, 1, 9))
			if day <= 10 || day > 20 {
				take(t, l, now, "shadowserver", name, rows(day, 9, 11))
			}
			foldAll(t, l, now)
			_, err := l.Verify(t.Context(), now)
			must(t, err)
			n, err := l.WatchFeeds(t.Context(), now)
			must(t, err)
			told += n
			if states := statesOf(t, s); states["198.51.100.9"] != finding.Open {
				t.Fatalf("day %d: %v", day, states)
			}
			if got := len(openItems(t, s)); (got == 1) != (day >= 12 && day <= 20) {
				t.Errorf("day %d: queue %q", day, openItems(t, s))
			}
		}
		if told != 1 {
			t.Errorf("the desk was told %d times", told)
		}
	})
}

// A report that falls to 40 % and stays there closes nothing until a person confirms it, and what it no longer covers is
// not closed by the confirmation either.
func TestConfirmLevel(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWard(t, s)
		w.cycles(0, 10)
		w.find(9, finding.Open, 1, 2)
		w.update(func(ctx context.Context, tx *store.Tx) error {
			var errs []error
			for n := 10; n < 60; n++ {
				errs = append(errs, w.neighbours(ctx, tx, n),
					tx.AddCycle(ctx, 1, store.Delivered{Day: firstDay + finding.Day(n), Rows: 40, At: at(n+1, 3), File: int64(n + 1)}))
			}
			return errors.Join(errs...)
		})
		with := func(p people.Power) access.Actor {
			seat := access.Seat{Post: "pos_1", Party: ident.Authority, Powers: []people.Power{p}}
			return access.Actor{Kind: access.Person, ID: "per_1", Party: ident.Authority, Seats: []access.Seat{seat}}
		}
		ann, bob := with(people.Feeds), with(people.Read)
		confirm := func(by access.Actor, stream int64, reason string) error {
			return w.ConfirmLevel(t.Context(), at(40, 9), by, "scan", stream, reason)
		}
		if v := w.verify(at(40, 8)); v != (Verified{}) {
			t.Errorf("at the lower level: %+v", v)
		}
		if n, err := w.WatchFeeds(t.Context(), at(40, 8)); n != 1 || err != nil {
			t.Errorf("%d told, %v", n, err)
		}
		if diff := cmp.Diff([]string{"feed.weak stream:scan/scan_http"}, openItems(t, s)); diff != "" {
			t.Error(diff)
		}
		for err, kind := range map[error]error{
			confirm(bob, 1, "the range was sold"): fault.Denied, confirm(ann, 1, "  "): fault.Invalid, confirm(ann, 7, "x"): fault.NotFound,
		} {
			if !errors.Is(err, kind) {
				t.Errorf("%v, want %v", err, kind)
			}
		}
		must(t, confirm(ann, 1, "the range was sold"))
		if err := confirm(ann, 1, "again"); !errors.Is(err, fault.Conflict) {
			t.Errorf("confirmed twice: %v", err)
		}
		if items := openItems(t, s); len(items) != 0 {
			t.Errorf("queue %q", items)
		}
		for day := 41; day < 60; day++ {
			if v := w.verify(at(day, 8)); v.Closed != 0 {
				t.Errorf("day %d: %+v", day, v)
			}
		}
		h, err := w.FeedHealth(t.Context(), at(59, 9))
		if err != nil || h[0].Streams[0].Weak != "" || h[0].Streams[0].Median != 40 {
			t.Errorf("%+v %v", h[0].Streams, err)
		}
		if got := w.acts()["feed.level"]; got != 1 {
			t.Errorf("%d entries", got)
		}
	})
}

// All four assets of a /24 vanish in one cycle: it takes six cycles and not three, the desk is told once, and the
// evidence says why. Three are enough for one that its party says is fixed.
func TestTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		one     finding.State // of the first of them
		last    int           // day on which the first of them was seen last
		closed  map[int]int   // by day: how many close
		told    int
		ofParty bool
	}{
		{"a network", finding.Open, 9, map[int]int{16: 4}, 1, false},
		{"a party", finding.Open, 9, map[int]int{16: 4}, 1, true},
		{"one claimed", finding.ClaimedFixed, 9, map[int]int{13: 1, 16: 3}, 1, false},
		{"one missed just before", finding.Open, 8, map[int]int{16: 4}, 1, false},
		{"one gone long before", finding.Open, 4, map[int]int{8: 1, 16: 3}, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
				w := newWard(t, s)
				w.update(func(ctx context.Context, tx *store.Tx) error {
					var errs []error
					for i := range 4 {
						id, last, state := ident.Finding(i+1), 9, finding.Open
						if i == 0 {
							last, state = c.last, c.one
						}
						address, party := fmt.Sprintf("192.0.2.%d", id), ident.Party("")
						if c.ofParty {
							address, party = fmt.Sprintf("192.0.%d.1", id), "pty_1"
						}
						what := finding.Identity{Asset: asset.Asset{Kind: asset.IP, Value: address}, Type: "vulnerable-system"}
						errs = append(errs, tx.InsertFindings(ctx, []store.Finding{{
							ID: id, Key: what.Key(), Identity: what, Stream: 1, First: at(0, 1), Created: at(1, 3), State: state, StateAt: at(9, 5), Party: party,
						}}), tx.PutSightings(ctx, []store.Sighting{{
							Finding: id, Stream: 1, First: store.Micros(at(0, 1)), Last: store.Micros(at(last, 1)), Count: int64(last + 1),
							Days: 1<<(last+1) - 1, LastDay: int64(firstDay) + int64(last), Signal: 1, Line: 2,
						}}))
					}
					return errors.Join(errs...)
				})
				closed := map[int]int{}
				for day := 1; day <= 20; day++ {
					w.cycles(day-1, day)
					if day < c.last+1 {
						continue // the ward knows of later sightings already
					}
					if v := w.verify(at(day, 8)); v.Closed > 0 {
						closed[day] = v.Closed
					}
				}
				told := w.acts()["feed.together"]
				if diff := cmp.Diff(c.closed, closed); diff != "" || told != c.told {
					t.Errorf("told %d times, closed by day:\n%s", told, diff)
				}
				h := w.history(3)
				e, err := finding.ReadEvidence(h[len(h)-1].Evidence)
				if err != nil || (e.Streams[0].Together != nil) != (c.told > 0) {
					t.Fatalf("%+v %v", e, err)
				}
				if en, zh := e.Text("en"), e.Text("zh"); c.told > 0 && (!strings.Contains(en, "firewall") || !strings.Contains(zh, "防火墙")) {
					t.Errorf("%s\n%s", en, zh)
				}
				if items := openItems(t, s); len(items) != 0 {
					t.Errorf("queue %q", items)
				}
			})
		})
	}
}
