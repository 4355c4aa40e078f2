package notice_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	nethtml "golang.org/x/net/html"

	"tocsin/internal/asset"
	"tocsin/internal/notice"
)

// What people read, word for word, in both languages.
func TestBodies(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "zh"} {
		for _, kind := range []notice.Kind{notice.Urgent, notice.Digest, notice.Reminder, notice.Escalation} {
			l := letter(t, kind, language)
			text, html, err := l.Bodies("findings.csv", "events.jsonl", "xarf.json")
			if err != nil {
				t.Fatal(err)
			}
			name := "mail/" + string(kind) + "." + language
			golden(t, name+".txt", "Subject: "+l.Notice.Subject+"\n\n"+text)
			golden(t, name+".html", html)
		}
		l := letter(t, notice.Urgent, language)
		l.Problem = "expired"
		text, _, err := l.Bodies()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "mail/sealed."+language+".txt", text)
	}
}

// The HTML loads nothing, runs nothing and takes no name for markup.
func TestHTMLIsInert(t *testing.T) {
	t.Parallel()
	l := letter(t, notice.Digest, "en")
	l.Party.Name = `<script>alert(1)</script>`
	l.Items[0].Identity.Identifier = `"><img src=https://evil.example/x.png>`
	_, html, err := l.Bodies()
	if err != nil {
		t.Fatal(err)
	}
	allowed := strings.Fields("html head meta title body p a h2 h3 strong ol ul li table thead tbody tr th td br")
	for z := nethtml.NewTokenizer(strings.NewReader(html)); z.Next() != nethtml.ErrorToken; {
		tok := z.Token()
		if tok.Type != nethtml.StartTagToken && tok.Type != nethtml.SelfClosingTagToken {
			continue
		}
		if !slices.Contains(allowed, tok.Data) {
			t.Errorf("<%s> is in the HTML", tok.Data)
		}
		for _, a := range tok.Attr {
			if a.Key == "src" || strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "url(") {
				t.Errorf("<%s %s=%q> is in the HTML", tok.Data, a.Key, a.Val)
			}
		}
	}
}

// A class with very many findings is cut in the text and whole in the attachments.
func TestManyRows(t *testing.T) {
	t.Parallel()
	l := letter(t, notice.Urgent, "en")
	for len(l.Items) < 120 {
		it := l.Items[0]
		it.ID += 1000 + it.ID
		l.Items = append(l.Items, it)
	}
	text, html, err := l.Bodies()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{text, html} {
		if !strings.Contains(b, "and 70 more") || strings.Count(b, "2001:db8::7") != 50 {
			t.Error("50 rows and the number of the rest were expected")
		}
	}
	table, err := l.Table()
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(table, []byte("\r\n")); n != 121 {
		t.Errorf("findings.csv has %d lines, want 121", n)
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind     notice.Kind
		language string
		want     string
	}{
		{notice.Urgent, "en", "Infected computer: 1 finding at City Hospital [ntc_0123456789abcdefghjkmnpqrs]"},
		{notice.Digest, "en", "Daily digest: 2 findings at City Hospital [ntc_0123456789abcdefghjkmnpqrs]"},
		{notice.Reminder, "en", "Reminder: 2 kinds of problem, 2 findings at City Hospital [ntc_0123456789abcdefghjkmnpqrs]"},
		{notice.Urgent, "zh", "受感染的计算机：市第一人民医院，1 项发现 [ntc_0123456789abcdefghjkmnpqrs]"},
		{notice.Digest, "zh", "每日通报：市第一人民医院，2 项发现 [ntc_0123456789abcdefghjkmnpqrs]"},
		{notice.Reminder, "zh", "提醒：2 类问题，市第一人民医院，2 项发现 [ntc_0123456789abcdefghjkmnpqrs]"},
	} {
		if have := letter(t, c.kind, c.language).Notice.Subject; have != c.want {
			t.Errorf("%s %s: %s", c.kind, c.language, cmp.Diff(c.want, have))
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	l := letter(t, notice.Digest, "zh")
	l.Items[1].Identity.Malware = `=HYPERLINK("https://evil.example")`
	table, err := l.Table()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(table, []byte("\ufeff")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"finding", "class", "severity", "asset_kind", "asset", "port", "transport", "type", "identifier", "malware", "first_seen_utc", "last_seen_utc", "count", "state", "tlp"},
		{"12", "open-dns-resolver", "medium", "ip", "192.0.2.53", "53", "udp", "ddos-amplifier", "dns-open-resolver", "", "2026-11-20T04:00:00Z", "2026-11-23T02:00:00Z", "3", "open", "TLP:CLEAR"},
		{"13", "infected-host", "high", "ip", "2001:db8::7", "", "", "infected-system", "", `'=HYPERLINK("https://evil.example")`, "2026-11-21T22:00:00Z", "2026-11-23T01:00:00Z", "41", "open", "TLP:GREEN"},
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	for cell, want := range map[string]string{"": "", "a=b": "a=b", "-1": "'-1", "+1": "'+1", "@x": "'@x", "\tx": "'\tx"} {
		if have := notice.Neutral(cell); have != want {
			t.Errorf("Neutral(%q) = %q, want %q", cell, have, want)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	l := letter(t, notice.Digest, "en")
	l.Items[0].Identity.Asset = asset.Asset{Kind: asset.URL, Value: "https://www.example.org/a"}
	events, err := l.Events()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "events.jsonl", string(events))
}

// Every report has what the core schema of XARF 4 requires, in the form it requires.
func TestXARF(t *testing.T) {
	t.Parallel()
	l := letter(t, notice.Digest, "en")
	raw, err := l.XARF()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "xarf.json", string(raw)+"\n")
	var reports []map[string]any
	if err := json.Unmarshal(raw, &reports); err != nil {
		t.Fatal(err)
	}
	if len(reports) != 2 {
		t.Fatalf("%d reports, want 2", len(reports))
	}
	for _, r := range reports {
		for field, pattern := range map[string]string{
			"xarf_version": `^4\.[0-9]+\.[0-9]+$`, "report_id": `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
			"source_identifier": `.`, "category": `^(vulnerability|infrastructure)$`, "type": `^(open|botnet)$`,
		} {
			if s, _ := r[field].(string); !regexp.MustCompile(pattern).MatchString(s) {
				t.Errorf("%s is %q", field, s)
			}
		}
		if _, err := time.Parse(time.RFC3339, r["timestamp"].(string)); err != nil {
			t.Error(err)
		}
		for _, who := range []string{"reporter", "sender"} {
			want := map[string]any{"org": sender.Name, "contact": sender.Mail, "domain": "anhe.example"}
			if d := cmp.Diff(want, r[who]); d != "" {
				t.Error(d)
			}
		}
	}
	again, err := l.XARF()
	if err != nil || !bytes.Equal(raw, again) {
		t.Error("a second rendering differs")
	}
}

// A report that would break the schema of its type is of another type.
func TestXARFTypes(t *testing.T) {
	t.Parallel()
	l := letter(t, notice.Urgent, "en")
	class := *l.Items[0].Class
	class.XARF = notice.XARFType{Category: "vulnerability", Type: "cve"}
	l.Items[0].Class = &class
	for identifier, want := range map[string]string{"cve-2021-44228": "cve", "log4shell": "misconfiguration"} {
		l.Items[0].Identity.Identifier, l.Items[0].Identity.Port = identifier, 443
		raw, err := l.XARF()
		if err != nil {
			t.Fatal(err)
		}
		var reports []struct {
			Type string `json:"type"`
			CVE  string `json:"cve_id"`
		}
		if err := json.Unmarshal(raw, &reports); err != nil {
			t.Fatal(err)
		}
		if r := reports[0]; r.Type != want || (r.CVE != "") != (want == "cve") {
			t.Errorf("%s: %+v", identifier, r)
		}
	}
}
