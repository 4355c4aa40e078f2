package format

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
	"tocsin/packs"
)

// TestShippedPacksReadTheirSamples: every pack reads every row of its sample, and Row says of each what Event says.
func TestShippedPacksReadTheirSamples(t *testing.T) {
	t.Parallel()
	all, err := feed.ReadPacks(packs.Feeds())
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range all.All() {
		t.Run(pack.Name, func(t *testing.T) {
			t.Parallel()
			if pack.Sample == "" {
				t.Fatal("a shipped pack needs a sample")
			}
			data, err := fs.ReadFile(packs.Feeds(), "samples/"+pack.Sample)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Open(pack, pack.Sample, bytes.NewReader(data), feed.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Drift.Lost) > 0 && !strings.HasPrefix(pack.Name, "generic-") {
				t.Errorf("the sample lacks columns: %v", p.Drift.Lost)
			}
			if events := readAll(t, p); events == 0 {
				t.Error("the sample holds no event")
			}
		})
	}
}

// readAll reads a part to its end and returns the number of events.
func readAll(t *testing.T, p *feed.Part) int {
	t.Helper()
	var scratch feed.Scratch
	events := 0
	for {
		b, err := p.Next(100)
		if errors.Is(err, io.EOF) {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range b.Bad {
			t.Errorf("line %d: %v", bad.Line, bad.Reject)
		}
		for _, r := range b.Records {
			row, rowErr := p.Decoder.Row(r, &scratch)
			e, err := p.Decoder.Event(r)
			if (err == nil) != (rowErr == nil) {
				t.Fatalf("line %d: Row says %v, Event %v", r.Line, rowErr, err)
			}
			if _, ok := errors.AsType[*feed.LeftOut](err); ok {
				continue
			}
			if err != nil {
				t.Errorf("line %d: %v", r.Line, err)
				continue
			}
			id, err := finding.Identify(e)
			if err != nil || id.Key() != row.Key {
				t.Errorf("line %d: Row's key is not that of %+v (%v)", r.Line, id, err)
			}
			for _, n := range e.Notes {
				t.Errorf("line %d: %+v", r.Line, n)
			}
			events++
		}
		b.Release()
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	_, err := Open(&feed.Pack{Name: "x", Format: "xml"}, "x", strings.NewReader(""), feed.Options{})
	if !errors.Is(err, fault.Invalid) {
		t.Error(err)
	}
}
