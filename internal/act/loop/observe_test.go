package loop

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"

	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// files returns the attachments of a mail by name.
func files(t *testing.T, raw []byte) map[string][]byte {
	t.Helper()
	r, err := mail.CreateReader(bytes.NewReader(raw))
	must(t, err)
	out := map[string][]byte{}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		must(t, err)
		if h, ok := p.Header.(*mail.AttachmentHeader); ok {
			name, err := h.Filename()
			must(t, err)
			out[name], err = io.ReadAll(p.Body)
			must(t, err)
		}
	}
}

// provider makes an installation in which a provider behind carrier NAT is told of the sinkhole report.
func provider(t *testing.T, s *store.Store) (*office, time.Time) {
	t.Helper()
	l := newLoop(t, s, Settings{Sender: notice.Sender{Name: "CSIRT", Mail: "csirt@anhe.example"}, BaseURL: "https://tocsin.example", MailDomain: "tocsin.example"})
	o := &office{Loop: l, t: t, post: &postman{}}
	l.mailer = o.post
	now := time.Date(2026, 12, 1, 6, 0, 0, 0, time.UTC)
	in, err := party.Read(party.YAML, strings.NewReader("parties:\n  - {id: beta, name: Beta ISP, contacts: [{role: abuse, mail: noc@beta.example}], resources: [198.51.100.0/24]}\n"), party.Options{})
	must(t, err)
	_, err = l.ImportParties(t.Context(), now, testCommand, in.Parties, nil)
	must(t, err)
	take(t, l, now, "shadowserver", "2026-11-30-event_sinkhole-example.csv", readCase(t, "cgnat-detail/2026-11-30-event_sinkhole-example.csv"))
	foldAll(t, l, now)
	must(t, l.WriteBack(t.Context()))
	return o, now
}

// A provider behind carrier NAT finds its customers with the mail alone: time, source port and destination of each sighting
// are in the table, in the IntelMQ events and in the XARF reports.
func TestCustomerBehindNAT(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o, now := provider(t, s)
		now = now.AddDate(0, 0, 1)
		o.plan(now)
		o.deliver(now)
		same(t, "mails", 1, len(o.post.mails))
		at := files(t, o.post.mails[0].Message)
		// What the provider's NAT translated: time, source port, destination, and whose it was.
		nat := map[string]string{
			"2026-11-30T20:01:11 40111 203.0.113.80 443": "ann",
			"2026-11-30T20:07:45 51777 203.0.113.81 80":  "bo",
			"2026-11-30T21:15:02 1025 203.0.113.80 443":  "cai",
			"2026-11-30T20:01:11 40112 203.0.113.80 443": "nobody",
		}
		want := []string{"ann", "bo", "cai"}
		match := func(way, when string, port, to, toPort any) string {
			return nat[fmt.Sprintf("%.19s %v %v %v", when, port, to, toPort)]
		}
		var found []string
		rows, err := csv.NewReader(bytes.NewReader(at["sightings.csv"][3:])).ReadAll()
		must(t, err)
		for _, r := range rows[1:] {
			found = append(found, match("csv", r[1], r[3], r[4], r[5]))
		}
		slices.Sort(found)
		same(t, "by the table", want, found)

		found = nil
		for line := range bytes.Lines(at["events.jsonl"]) {
			var e map[string]any
			must(t, json.Unmarshal(line, &e))
			if e["source.ip"] != "198.51.100.9" || e["protocol.transport"] != "tcp" {
				t.Errorf("an event of another host: %s", line)
			}
			found = append(found, match("events", e["time.source"].(string), e["source.port"], e["destination.ip"], e["destination.port"]))
		}
		slices.Sort(found)
		same(t, "by the events", want, found)

		found = nil
		var reports []map[string]any
		must(t, json.Unmarshal(at["xarf.json"], &reports))
		ids := map[any]bool{}
		for _, r := range reports {
			ids[r["report_id"]] = true
			found = append(found, match("xarf", r["timestamp"].(string), r["source_port"], r["destination_ip"], r["destination_port"]))
		}
		slices.Sort(found)
		same(t, "by the reports", want, found)
		same(t, "reports with an id of their own", 3, len(ids))

		page, err := o.NoticeByToken(t.Context(), now, token(t, o.post.mails[0].Message))
		must(t, err)
		d, err := o.FindingByID(t.Context(), now, memberOf("beta"), 1)
		must(t, err)
		for way, rows := range map[string][]notice.Sighting{"page of the link": page.Single[1].Rows, "page of the finding": d.Single.Rows} {
			found = nil
			for _, s := range rows {
				found = append(found, match(way, s.Time(), s.Fields["source.port"], s.Fields["destination.ip"], s.Fields["destination.port"]))
			}
			slices.Sort(found)
			same(t, way, want, found)
		}
	})
}

// A reminder tells what came in since as well, and the archive is read only for that. Where a blob is gone the mail goes
// out all the same, says how many sightings are missing, and the desk learns of it.
func TestSightingsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	o, now := provider(t, testkit.SQLite(t))
	var blob string
	o.update(func(ctx context.Context, tx *store.Tx) error {
		s, err := tx.SignalByID(ctx, 1)
		blob = s.Blob
		return err
	})
	path, f, err := o.archive.Stored(blob)
	must(t, err)
	name := f.Name()
	must(t, f.Close())
	must(t, os.Rename(name, name+".away"))
	now = now.AddDate(0, 0, 1)
	o.plan(now)
	o.deliver(now)
	same(t, "mails", 1, len(o.post.mails))
	text := string(o.post.mails[0].Message)
	if at := files(t, o.post.mails[0].Message); at["sightings.csv"] != nil || len(at["events.jsonl"]) == 0 {
		t.Errorf("attachments without %s: %v", path, at)
	}
	if !strings.Contains(strings.ReplaceAll(text, "=\r\n", ""), "details of 3 sightings could not be read") {
		t.Errorf("the mail does not say that something is missing:\n%s", text)
	}
	if q := o.queue(); !slices.Contains(q, "signal.lost signal:1 signal:1") {
		t.Errorf("queue: %q", q)
	}
	// A failure that passes loses nothing: the next look reads them.
	must(t, os.Rename(name+".away", name))
	must(t, o.observe(t.Context(), now, []ident.Finding{1}))
	d, err := o.FindingByID(t.Context(), now, testCommand, 1)
	must(t, err)
	if len(d.Single.Rows) != 3 || d.Single.Lost != 0 {
		t.Errorf("%d sightings were read afterwards, %d lost", len(d.Single.Rows), d.Single.Lost)
	}
}

// The newest thousand of a finding are kept and told, the rest are counted; sightings that came in since the last look are
// added without reading the others again.
func TestSightingsAreBounded(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		rows := func(day, from, n int) string {
			var b strings.Builder
			b.WriteString(telnetHeader)
			for i := range n {
				b.WriteString(seenOn{7, 23, noon.AddDate(0, 0, day).Add(time.Duration(from+i) * time.Second)}.line())
			}
			return b.String()
		}
		take(t, l, noon, "shadowserver", "2026-11-20-scan_telnet-a.csv", rows(-1, 0, 1500))
		foldAll(t, l, noon)
		must(t, l.WriteBack(t.Context()))
		look := func() (out Sightings) {
			t.Helper()
			must(t, l.observe(t.Context(), noon, []ident.Finding{1}))
			must(t, s.View(t.Context(), func(tx *store.Tx) error {
				f, err := tx.FindingByID(t.Context(), 1)
				if err != nil {
					return err
				}
				all, err := sightingsOf(t.Context(), tx, []notice.Item{l.item(&f)}, observedKept)
				out = all[1]
				return err
			}))
			return out
		}
		got := look()
		if len(got.Rows) != observedKept || got.All != 1500 || got.More() != 500 || got.Lost != 0 {
			t.Fatalf("%d rows of %d, %d lost", len(got.Rows), got.All, got.Lost)
		}
		if first, want := got.Rows[0].At, noon.AddDate(0, 0, -1).Add(1499*time.Second); !first.Equal(want) {
			t.Errorf("the newest is of %s, want %s", first, want)
		}
		take(t, l, noon, "shadowserver", "2026-11-20-scan_telnet-b.csv", rows(0, 0, 2))
		foldAll(t, l, noon)
		must(t, l.WriteBack(t.Context()))
		got = look()
		if len(got.Rows) != observedKept || got.All != 1502 || !got.Rows[0].At.Equal(noon.Add(time.Second)) || !got.Rows[2].At.Before(noon) {
			t.Errorf("%d rows of %d, the newest of %s", len(got.Rows), got.All, got.Rows[0].At)
		}
		if again := look(); len(again.Rows) != len(got.Rows) || again.Lost != 0 {
			t.Errorf("a third look: %d rows, %d lost", len(again.Rows), again.Lost)
		}
	})
}
