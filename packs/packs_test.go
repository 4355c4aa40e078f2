package packs_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/feed"
	"tocsin/internal/feed/format"
	"tocsin/internal/finding"
	"tocsin/packs"
)

var update = flag.Bool("update", false, "write testdata and the table in docs/operator/feeds.md anew")

func read(t *testing.T) []*feed.Pack {
	t.Helper()
	p, err := feed.ReadPacks(packs.Feeds())
	if err != nil {
		t.Fatal(err)
	}
	return p.All()
}

// result is what a sample gives.
type result struct {
	events         []string
	rejects, omits int
	rows, more     int // records, and events of records that name several assets beyond the first
	stream         string
}

func parse(t *testing.T, p *feed.Pack) result {
	t.Helper()
	f, err := packs.Feeds().Open("samples/" + p.Sample)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var res result
	err = feed.Unwrap(p.Sample, f, feed.Limits{}, func(name string, r io.Reader) error {
		part, err := format.Open(p, name, r, feed.Options{})
		if err != nil {
			return err
		}
		res.stream = part.Stream
		for {
			b, err := part.Next(100)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			for _, bad := range b.Bad {
				res.rejects++
				res.rows++
				t.Errorf("line %d: %v", bad.Line, bad.Reject)
			}
			for _, rec := range b.Records {
				res.rows++
				assets, err := part.Assets(rec)
				if err != nil {
					t.Errorf("line %d: %v", rec.Line, err)
				}
				events := len(res.events)
				for _, one := range assets {
					res.record(t, p, part.Decoder, one)
				}
				res.more += max(len(res.events)-events-1, 0)
			}
			b.Release()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (res *result) record(t *testing.T, p *feed.Pack, d feed.Decoder, rec feed.Record) {
	t.Helper()
	row, rowErr := d.Row(rec, &feed.Scratch{})
	e, err := d.Event(rec)
	var left *feed.LeftOut
	switch {
	case (err == nil) != (rowErr == nil):
		t.Errorf("line %d: Event says %v, Row %v", rec.Line, err, rowErr)
	case errors.As(err, &left):
		res.omits++
		return
	case err != nil:
		res.rejects++
		t.Errorf("line %d: %v", rec.Line, err)
		return
	}
	if want, err := feed.RowOf(e, p.Recheck, p.StreamBy); err != nil || want != row {
		t.Errorf("line %d: row %+v, of the event %+v (%v)", rec.Line, row, want, err)
	}
	for _, n := range e.Notes {
		if n.Reason != "the source gives the day only" && n.Field != "raw" {
			t.Errorf("line %d: note on %s: %q %s", rec.Line, n.Field, n.Raw, n.Reason)
		}
	}
	out, err := e.Encode(nil)
	if err != nil {
		t.Error(err)
	}
	res.events = append(res.events, string(out))
}

// TestSamples reads every sample without a reject and compares its events (of lists the first and the last) with
// testdata/events.txt.
func TestSamples(t *testing.T) {
	var b strings.Builder
	for _, p := range read(t) {
		t.Run(p.Name, func(t *testing.T) {
			if p.Sample == "" {
				t.Fatal("has no sample")
			}
			res := parse(t, p)
			if len(res.events) < 3 || len(res.events) > 15 || res.rejects > 0 {
				t.Errorf("%d events, %d rejects", len(res.events), res.rejects)
			}
			if got := len(res.events) - res.more + res.rejects + res.omits; got != res.rows || got == 0 {
				t.Errorf("%d events, %d of them further assets, %d rejects and %d left out do not make %d rows", len(res.events), res.more, res.rejects, res.omits, res.rows)
			}
			n := len(res.events)
			if p.Format == "list" && n > 2 {
				res.events = []string{res.events[0], res.events[n-1]}
			}
			fmt.Fprintf(&b, "%s: stream %s, %d rows, %d events, %d left out\n%s\n\n", p.Name, res.stream, res.rows, n, res.omits,
				strings.Join(res.events, "\n"))
		})
	}
	golden(t, "testdata/events.txt", b.String())
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (go test ./packs -update writes it anew):\n%s", file, d)
	}
}

// TestPacksAreComplete holds what every shipped pack must say.
func TestPacksAreComplete(t *testing.T) {
	all := read(t)
	if len(all) < 28 {
		t.Errorf("%d packs", len(all))
	}
	for _, p := range all {
		for what, text := range map[string]string{"title": p.Title, "provider": p.Provider, "note": p.Note, "terms": p.Terms, "url": p.URL} {
			if text == "" || strings.Contains(text, "\n") {
				t.Errorf("%s: %s is %q", p.Name, what, text)
			}
		}
		if p.Poll != nil && p.Poll.Every < 15*60*1e9 {
			t.Errorf("%s: polls every %s", p.Name, p.Poll.Every)
		}
		if typ := p.Default["classification.type"]; typ != "" && event.Taxonomy(typ) == "" {
			t.Errorf("%s: %q is not RSIT's spelling", p.Name, typ)
		}
	}
	samples, err := fs.ReadDir(packs.Feeds(), "samples")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if !slices.ContainsFunc(all, func(p *feed.Pack) bool { return p.Sample == s.Name() }) {
			t.Errorf("no pack uses samples/%s", s.Name())
		}
	}
}

var (
	addresses = regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
	mails     = regexp.MustCompile(`[\w.]+@([\w.-]+)`)
	documents = []netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"),
	}
)

// TestSamplesNameNobody keeps real addresses and names out of the samples.
func TestSamplesNameNobody(t *testing.T) {
	for _, p := range read(t) {
		b, err := fs.ReadFile(packs.Feeds(), path.Join("samples", p.Sample))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range addresses.FindAllString(string(b), -1) {
			a, err := netip.ParseAddr(s)
			if err == nil && s != "0.0.0.0" && !slices.ContainsFunc(documents, func(d netip.Prefix) bool { return d.Contains(a) }) {
				t.Errorf("%s: %s is no documentation address", p.Name, s)
			}
		}
		for _, m := range mails.FindAllStringSubmatch(string(b), -1) {
			if !strings.HasSuffix(m[1], ".example") {
				t.Errorf("%s: mail address at %s", p.Name, m[1])
			}
		}
		for _, line := range parse(t, p).events {
			e, err := event.Decode([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			host := e.Text("source.fqdn")
			if host != "" && !strings.HasSuffix(host, ".example") {
				t.Errorf("%s: %s is no documentation name", p.Name, host)
			}
			if n := e.Int("source.asn"); n != 0 && (n < 64496 || n > 64511) {
				t.Errorf("%s: AS%d is not for documentation", p.Name, n)
			}
			if _, err := finding.Identify(e); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
	}
}

const (
	tableStart = "<!-- packs: written by go test ./packs -update -->\n"
	tableEnd   = "<!-- end of packs -->\n"
)

// TestDocs keeps the table of packs in the operator's guide true.
func TestDocs(t *testing.T) {
	const file = "../docs/operator/feeds.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(b), tableStart)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks the marks of the table", file)
	}
	for i, block := range strings.Split(before, "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		if _, err := feed.ParsePack(fmt.Sprintf("example %d", i+1), []byte(example)); err != nil {
			t.Error(err)
		}
	}
	golden(t, file, before+tableStart+table(read(t))+tableEnd+after)
}

func table(all []*feed.Pack) string {
	var b strings.Builder
	b.WriteString("| pack | feed | class | poll | absence | what a row shows |\n|---|---|---|---|---|---|\n")
	for _, p := range all {
		class := p.Default["classification.type"]
		if class == "" {
			class = "by row"
		}
		poll, absence := "sent to us", "class's"
		if p.Poll != nil {
			poll = "every " + strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(p.Poll.Every.String())
		}
		switch {
		case p.AbsenceCycles < 0:
			absence = "proves nothing"
		case p.AbsenceCycles > 0:
			absence = fmt.Sprintf("%d cycles", p.AbsenceCycles)
		}
		if p.Recheck {
			absence += ", offline closes"
		}
		if p.Urgent {
			class += ", urgent"
		}
		fmt.Fprintf(&b, "| `%s` | [%s](%s), %s | %s | %s | %s | %s Terms: %s. |\n", p.Name, p.Title, p.URL, p.Provider, class, poll,
			absence, p.Note, p.Terms)
	}
	return b.String()
}
