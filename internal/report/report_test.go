package report_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/lang"
	"tocsin/internal/notice"
	"tocsin/internal/report"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	good := report.Form{Kind: report.Phishing, What: "A mail wanted my password.", Language: "en"}
	for _, c := range []struct {
		name   string
		change func(*report.Form)
		want   []report.Mistake
	}{
		{"good", func(*report.Form) {}, nil},
		{"with all", func(f *report.Form) {
			f.Where, f.Day, f.Contact = "http://evil.example/x", "2026-11-22", "me@mail.example"
		}, nil},
		{"no kind", func(f *report.Form) { f.Kind = "opinion" }, []report.Mistake{{Field: "kind", Code: "kind"}}},
		{"nothing", func(f *report.Form) { f.What = " \r\n\u202e\x00 " }, []report.Mistake{{Field: "what", Code: "what"}}},
		{"as long as it may be", func(f *report.Form) { f.What = strings.Repeat("长", report.MaxWhat) }, nil},
		{"too long", func(f *report.Form) { f.What = strings.Repeat("长", report.MaxWhat+1) }, []report.Mistake{{Field: "what", Code: "what_long"}}},
		{"where too long", func(f *report.Form) { f.Where = strings.Repeat("a", report.MaxWhere+1) }, []report.Mistake{{Field: "where", Code: "where_long"}}},
		{"no date", func(f *report.Form) { f.Day = "22.11.2026" }, []report.Mistake{{Field: "when", Code: "when"}}},
		{"tomorrow is today elsewhere", func(f *report.Form) { f.Day = "2026-11-24" }, nil},
		{"later", func(f *report.Form) { f.Day = "2026-11-25" }, []report.Mistake{{Field: "when", Code: "when_future"}}},
		{"no address", func(f *report.Form) { f.Contact = "me at home" }, []report.Mistake{{Field: "contact", Code: "contact"}}},
		{"the address of whom it is about", func(f *report.Form) {
			f.What, f.Contact = "It came from Boss@Bank.example to me", "boss@bank.example"
		}, []report.Mistake{{Field: "contact", Code: "contact_named"}}},
		{"everything", func(f *report.Form) { *f = report.Form{Day: "x", Contact: "x"} }, []report.Mistake{
			{Field: "kind", Code: "kind"}, {Field: "what", Code: "what"}, {Field: "when", Code: "when"}, {Field: "contact", Code: "contact"},
		}},
	} {
		f := good
		c.change(&f)
		if d := cmp.Diff(c.want, f.Check("2026-11-23")); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"me@mail.example": true, "a.b+c@x.co.example": true, "": false, "me": false, "me@localhost": false, "me@mail.example.": false,
		"<me@mail.example>": false, "Me <me@mail.example>": false, "me@mail.example, you@mail.example": false, "me@mail.example\r\nBcc: x@y.example": false,
		"mé@mail.example": false, "\"a b\"@mail.example": false, "me@[192.0.2.1]": false, strings.Repeat("a", 250) + "@mail.example": false,
	} {
		if got := report.Address(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

// Every kind, state and outcome has its words in every language, so that nothing can be chosen that cannot be read.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		for _, k := range report.Kinds {
			if !l.Has("report_kind."+string(k)) || !l.Has("report_hint."+string(k)) {
				t.Errorf("%s has no word for %s", l, k)
			}
		}
		for _, s := range report.States {
			if !l.Has("report_state." + string(s)) {
				t.Errorf("%s has no word for %s", l, s)
			}
		}
		for _, o := range report.Outcomes {
			if !l.Has("report_outcome." + string(o)) {
				t.Errorf("%s has no word for %s", l, o)
			}
		}
		for _, s := range report.MailStates {
			if !l.Has("report_mail." + string(s)) {
				t.Errorf("%s has no word for %s", l, s)
			}
		}
		for _, code := range []string{"kind", "what", "what_long", "where_long", "when", "when_future", "contact", "contact_named"} {
			if !l.Has("report.mistake." + code) {
				t.Errorf("%s has no word for the mistake %s", l, code)
			}
		}
	}
}

// Kinds and outcomes are closed lists of technical harms: nothing about speech can be said with them.
func TestClosedLists(t *testing.T) {
	t.Parallel()
	kinds := []report.Kind{"phishing", "scam_site", "malware", "vulnerability", "incident", "data_exposed", "question", "complaint"}
	if d := cmp.Diff(kinds, report.Kinds); d != "" {
		t.Errorf("another kind of report is a decision about what this program is for: %s", d)
	}
	outcomes := []report.Outcome{"handled", "passed_on", "answered", "known", "no_harm", "not_ours", "unusable"}
	if d := cmp.Diff(outcomes, report.Outcomes); d != "" {
		t.Errorf("another outcome: %s", d)
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	cst := time.FixedZone("UTC+8", 8*3600)
	at := func(s string) time.Time {
		when, err := time.ParseInLocation("Mon 2006-01-02 15:04", s, cst)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for from, want := range map[string]string{
		"Mon 2026-11-23 15:00": "Tue 2026-11-24 15:00",
		"Thu 2026-11-26 15:00": "Fri 2026-11-27 15:00",
		"Fri 2026-11-27 15:00": "Mon 2026-11-30 15:00",
		"Sat 2026-11-28 03:00": "Tue 2026-12-01 00:00",
		"Sun 2026-11-29 23:00": "Tue 2026-12-01 00:00",
	} {
		if got := report.Due(at(from).UTC(), cst); !got.Equal(at(want)) {
			t.Errorf("%s: %s, want %s", from, got.In(cst).Format("Mon 2006-01-02 15:04"), want)
		}
	}
}

func TestDefang(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://evil.example/a?b=c": "hxxps://evil[.]example/a?b=c", "HTTP://198.51.100.7": "hxxp://198[.]51[.]100[.]7",
		"boss@bank.example": "boss[@]bank[.]example", "+86 10 5550 1234": "+86 10 5550 1234", "": "",
	} {
		if got := report.Defang(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The states of a report and of its acknowledgement are those of the tables that operators read.
func TestStatesAreDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/operator/reports.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range report.Triggers {
		row := "| `" + string(trigger) + "` |"
		for _, s := range report.States {
			cell := " – |"
			if to, err := report.Next(s, trigger); err == nil {
				cell = " " + string(to) + " |"
			}
			row += cell
		}
		if !bytes.Contains(raw, []byte(row)) {
			t.Errorf("docs/operator/reports.md lacks the row %s", row)
		}
	}
}

// Whatever happens to a report, it goes forward only, and nothing happens to one that is closed.
func TestStatesGoForward(t *testing.T) {
	t.Parallel()
	order := map[report.State]int{report.Received: 0, report.Acknowledged: 1, report.Taken: 2, report.Closed: 3}
	rapid.Check(t, func(t *rapid.T) {
		s := report.Received
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			next, err := report.Next(s, rapid.SampledFrom(report.Triggers).Draw(t, "trigger"))
			if err != nil {
				continue
			}
			if order[next] < order[s] {
				t.Fatalf("from %s back to %s", s, next)
			}
			if s = next; s.Waits() != (order[s] < 2) {
				t.Fatalf("%s waits: %v", s, s.Waits())
			}
		}
	})
}

// An acknowledgement goes out at most once on record, and never after it ended.
func TestMailStates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, sent := report.MailWaiting, 0
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			trigger := rapid.SampledFrom(report.MailTriggers).Draw(t, "trigger")
			next, err := report.NextMail(s, trigger)
			if err != nil {
				continue
			}
			if s == report.MailSent || s == report.MailFailed || s == report.MailDropped {
				t.Fatalf("%s takes %s", s, trigger)
			}
			if s = next; s == report.MailSent {
				sent++
			}
		}
		if sent > 1 {
			t.Fatalf("sent %d times", sent)
		}
	})
}

// The mail says that a report is here and repeats nothing of it; its head is one recipient's, whatever the address is.
func TestAcknowledgement(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		a := report.Acknowledgement{
			Number: "R-01234-56789", Language: l, To: "me@mail.example", Domain: "anhe.example", Zone: time.UTC,
			Sender: notice.Sender{Name: "CSIRT Anhe", NameZH: "安河应急中心", Mail: "csirt@anhe.example", URL: "https://tocsin.example", Phone: "+86 10 5550 1234"},
			Due:    time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC), Now: time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC),
		}
		raw, err := a.Compose()
		if err != nil {
			t.Fatal(err)
		}
		m, err := notice.Open(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"R-01234-56789", a.Sender.Named(string(l)), "2026-11-24 15:00", "https://tocsin.example/verify", "+86 10 5550 1234"} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("%s: the mail lacks %q:\n%s", l, want, m.Text)
			}
		}
		if strings.Contains(m.Text, "⟦") || strings.Contains(m.Text, "{0}") {
			t.Errorf("%s: a text is missing:\n%s", l, m.Text)
		}
		for _, head := range []string{"Auto-Submitted: auto-replied", "Message-Id: <r-01234-56789@anhe.example>", "To: <me@mail.example>"} {
			if !strings.Contains(string(raw), head+"\r\n") {
				t.Errorf("%s: the head lacks %q:\n%s", l, head, raw)
			}
		}
	}
}
