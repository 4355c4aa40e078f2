package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

const (
	crashRows = 200_000
	crashBad  = 1_000
)

// TestCrash takes in a report of 200,000 rows once, again, split in two, and killed at random moments, and compares
// every finding and every total.
func TestCrash(t *testing.T) {
	heavy(t)
	dir := t.TempDir()
	whole := writeReport(t, filepath.Join(dir, "2026-11-20-scan_telnet-whole.csv"), 0, crashRows)
	// Two files of one part: names that tell parts apart would make two streams.
	first := writeReport(t, filepath.Join(t.TempDir(), "2026-11-20-scan_telnet-whole.csv"), 0, crashRows/2)
	second := writeReport(t, filepath.Join(t.TempDir(), "2026-11-20-scan_telnet-whole.csv"), crashRows/2, crashRows)

	once := t.TempDir()
	want := ingested(t, once, whole)
	if want.rows != crashRows || want.rejected != crashBad || want.events+want.rejected+want.refused != want.rows {
		t.Fatalf("totals of %d rows, %d of them bad: %+v", crashRows, crashBad, want)
	}
	state := digest(t, once)
	if again := ingested(t, once, whole); again != want || digest(t, once) != state {
		t.Errorf("the same file again: %+v, want %+v", again, want)
	}
	halves := t.TempDir()
	a, b := ingested(t, halves, first), ingested(t, halves, second)
	if sum := a.plus(b); sum != want {
		t.Errorf("in two halves: %+v, want %+v", sum, want)
	}
	if digest(t, halves) != state {
		t.Error("in two halves: other findings")
	}
	killed := killAtRandom(t, whole, want, state)
	if got := ingested(t, killed, whole); got != want {
		t.Errorf("after the kills: %+v, want %+v", got, want)
	}
	if digest(t, killed) != state {
		t.Error("after the kills: other findings")
	}
}

// killAtRandom starts the ingest over and over and kills it at random moments, and returns the folder in which it was
// killed last. A run that ends before its kill must have come to the same result; the next then starts from nothing.
func killAtRandom(t *testing.T, file string, want totals, state string) string {
	t.Helper()
	times, err := strconv.Atoi(os.Getenv("TOCSIN_CRASH_KILLS"))
	if err != nil {
		times = 20
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	dir, runs := t.TempDir(), 1
	for kills := 0; kills < times; {
		p := start(t, dir, nil, "ingest", file)
		select {
		case <-p.done:
		case <-time.After(time.Duration(r.IntN(200)) * time.Millisecond):
		}
		if p.stop(syscall.SIGKILL) == -1 {
			kills++
			continue
		}
		if got := ingested(t, dir, file); got != want || digest(t, dir) != state {
			t.Fatalf("seed %d, after kill %d: %+v and other findings", seed, kills, got)
		}
		dir, runs = t.TempDir(), runs+1
	}
	t.Logf("seed %d: %d kills over %d runs", seed, times, runs)
	return dir
}

// writeReport writes rows from to to of a Telnet report. Each finding has about four rows; one row in 200 is bad.
func writeReport(t *testing.T, path string, from, to int) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,banner")
	for i := from; i < to; i++ {
		ip := fmt.Sprintf("198.18.%d.%d", i*7919%50_000/250, i*7919%250)
		if i%200 == 0 {
			ip = "not an address"
		}
		at := time.Date(2026, 11, 20, 0, 0, i%86_400, 0, time.UTC)
		fmt.Fprintf(w, "%s,high,%s,tcp,23,,telnet,64496,ZZ,,,0,,,\"login: %d\"\n", at.Format(time.DateTime), ip, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// totals are those that the command prints.
type totals struct{ rows, events, rejected, refused, found, seen int64 }

func (a totals) plus(b totals) totals {
	return totals{
		a.rows + b.rows, a.events + b.events, a.rejected + b.rejected, a.refused + b.refused, a.found + b.found, a.seen + b.seen,
	}
}

var (
	rowsLine     = regexp.MustCompile(`rows +(\d+) = (\d+) events \+ (\d+) rejected \+ (\d+) outside`)
	findingsLine = regexp.MustCompile(`findings +(\d+) new, (\d+) events of known`)
)

func ingested(t *testing.T, dir, file string) totals {
	t.Helper()
	out, errOut, code := run(t, dir, nil, "ingest", file)
	if code != 0 {
		t.Fatalf("ingest ended with %d:\n%s%s", code, out, errOut)
	}
	var n []int64
	for _, m := range append(rowsLine.FindStringSubmatch(out)[1:], findingsLine.FindStringSubmatch(out)[1:]...) {
		v, err := strconv.ParseInt(m, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n = append(n, v)
	}
	return totals{n[0], n[1], n[2], n[3], n[4], n[5]}
}

// digest names the state of every finding, whatever numbers they were given.
func digest(t *testing.T, dir string) string {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(dir, "tocsin-data", "tocsin.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var lines []string
	err = s.View(t.Context(), func(tx *store.Tx) error {
		keys := map[ident.Finding]finding.Key{}
		if err := tx.EachKnown(t.Context(), func(k store.Known) error {
			keys[k.ID] = k.Key
			return nil
		}); err != nil {
			return err
		}
		return tx.EachSighting(t.Context(), func(g store.Sighting) error {
			lines = append(lines, fmt.Sprintf("%x %d %d %d %x", keys[g.Finding], g.First, g.Last, g.Count, g.Days))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(strings.Join(sorted(lines), "\n")))
	return hex.EncodeToString(sum[:])
}
