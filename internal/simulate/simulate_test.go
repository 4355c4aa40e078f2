package simulate_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"tocsin/internal/feed"
	"tocsin/internal/feed/format"
	"tocsin/internal/party"
	"tocsin/internal/simulate"
	"tocsin/packs"
)

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// reserved are the prefixes for documentation and benchmarks (RFC 2544, RFC 5737).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
}

func TestProvince(t *testing.T) {
	t.Parallel()
	p := simulate.NewProvince(today, 90)
	if len(p.Members) != 60 {
		t.Errorf("%d members, want 60", len(p.Members))
	}
	sectors := map[string]bool{}
	for _, m := range p.Members {
		sectors[m.Sector] = true
	}
	if len(sectors) != 8 {
		t.Errorf("%d sectors, want 8", len(sectors))
	}
	if _, err := party.NewRegister(p.Parties(), p.Regions, today); err != nil {
		t.Error(err)
	}
}

// Every signal is in the real format, the same at each run, and names only reserved addresses.
func TestSignals(t *testing.T) {
	t.Parallel()
	known, err := feed.ReadPacks(packs.Feeds())
	if err != nil {
		t.Fatal(err)
	}
	p, again := simulate.NewProvince(today, 90), simulate.NewProvince(today, 90)
	rows, bad := 0, 0
	for d := 1; d <= 90; d++ {
		signals, err := p.Signals(d)
		if err != nil {
			t.Fatal(err)
		}
		same, err := again.Signals(d)
		if err != nil || len(same) != len(signals) {
			t.Fatalf("day %d: %d signals, then %d, %v", d, len(signals), len(same), err)
		}
		for i, s := range signals {
			if !bytes.Equal(s.Body, same[i].Body) {
				t.Fatalf("day %d: %s differs from run to run", d, s.Name)
			}
			pack, _ := known.Pack(string(s.Feed))
			err := feed.Unwrap(s.Name, bytes.NewReader(s.Body), feed.Limits{}, func(name string, r io.Reader) error {
				n, b := read(t, pack, name, r)
				rows, bad = rows+n, bad+b
				return nil
			})
			if err != nil {
				t.Fatalf("day %d, %s: %v", d, s.Name, err)
			}
		}
	}
	if rows < 5000 || bad == 0 || bad > rows/100 {
		t.Errorf("%d rows, %d of them bad", rows, bad)
	}
}

// read counts the rows of a part and those that cannot be read, and looks at the address of each of the others.
func read(t *testing.T, pack *feed.Pack, name string, r io.Reader) (rows, bad int) {
	t.Helper()
	part, err := format.Open(pack, name, r, feed.Options{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for {
		b, err := part.Next(1000)
		if errors.Is(err, io.EOF) {
			return rows, bad
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range b.Records {
			rows++
			ev, err := part.Decoder.Event(rec)
			if err != nil {
				bad++
				continue
			}
			ip, err := netip.ParseAddr(ev.Text("source.ip"))
			inside := false
			for _, p := range reserved {
				inside = inside || p.Contains(ip)
			}
			if err != nil || !inside {
				t.Errorf("%s: address %s is not reserved", name, ev.Text("source.ip"))
			}
		}
		b.Release()
	}
}
