package lang

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every message is there in both languages, with the same places for arguments. A plural has "other" everywhere and
// "one" in English alone: Chinese does not count that way.
func TestLanguagesAgree(t *testing.T) {
	t.Parallel()
	places := regexp.MustCompile(`\{\d\}`)
	find := func(l Language, key string) []string {
		got := places.FindAllString(catalogue()[l][key], -1)
		slices.Sort(got)
		return slices.Compact(got)
	}
	for _, key := range Keys(English) {
		if base, ok := strings.CutSuffix(key, ".one"); ok {
			if !English.Has(base + ".other") {
				t.Errorf("en: %s has one but no other", base)
			}
			continue
		}
		if !Chinese.Has(key) {
			t.Errorf("zh lacks %s", key)
		} else if d := cmp.Diff(find(English, key), find(Chinese, key)); d != "" {
			t.Errorf("%s: places differ: %s", key, d)
		}
	}
	for _, key := range Keys(Chinese) {
		if !English.Has(key) {
			t.Errorf("en lacks %s", key)
		}
		if catalogue()[Chinese][key] == "" || catalogue()[English][key] == "" {
			t.Errorf("%s is empty", key)
		}
	}
}

// open lists the prefixes whose last part is a word of the domain, not of a page.
var open = []string{
	"state", "severity", "trigger", "actor", "software", "basis", "rule", "source", "asset_kind", "resource_kind", "party_kind", "sector", "role",
	"signal_state", "notice_kind", "notice_state", "notice_why", "delivery", "queue", "queue_more", "answer_kind",
	"answer_hint", "work_kind", "work_act", "work_reason", "work_change", "hit", "filter", "stage", "situation.change", "situation.figure", "situation.hint", "situation.nothing", "silence", "recheck", "answered", "account.weak", "account.method", "done", "error.status", "language_of", "power", "hold", "person_state", "proposal_state", "proposal_act", "ledger.act", "ledger.object_of", "ledger.group_of", "ledger.page.who_of", "tlp", "look_reason", "member.change.add", "member.change.put", "member.change.end", "weekday", "preview.take", "answer_undo", "letter_kind", "letter_state", "change_state", "report_kind", "report_hint", "report_state", "report_outcome", "report_mail", "report.mistake", "report.field", "harm_class", "promise", "public_trend", "method", "statistics.ranked", "statistics.compared", "wait_kind", "harm_type", "office", "verify_paper", "verify_verdict", "verify_check", "theme", "rules.field", "rules.hint", "rules.problem", "rules.is", "rules.deed", "rules.kind", "rules.new", "rules.lead_of", "rules.state", "rules.outcome", "system.todo", "system.duty", "system.fact", "notice_way", "notice_way_hint", "feeds.convert", "feeds.field", "feeds.hint", "webhook.state", "webhook.act", "reference.place", "stream_health", "held_why",
}

// Every key that a template or program names is there, and every message is named somewhere.
func TestKeysAreUsed(t *testing.T) {
	t.Parallel()
	used := usedKeys(t)
	for key := range used {
		if !English.Has(key) && !English.Has(key+".other") && !slices.Contains(open, key) {
			t.Errorf("%s is used and not there", key)
		}
	}
	for _, key := range Keys(English) {
		base := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if used[key] || used[base] || slices.ContainsFunc(open, func(p string) bool { return strings.HasPrefix(key, p+".") }) {
			continue
		}
		t.Errorf("%s is never used", key)
	}
}

// usedKeys collects the keys in templates ({{t "key"}}, {{n "key"}}, {{word "prefix"}}) and programs (T("key"), N("key"), Word("prefix")).
func usedKeys(t *testing.T) map[string]bool {
	t.Helper()
	inTemplate := regexp.MustCompile(`\b(?:t|n|word) "([a-z0-9_.]+)"`)
	inProgram := regexp.MustCompile(`\.(?:T|N|Word|Has)\("([a-z0-9_.]+?)\.?"`)
	used := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		var re *regexp.Regexp
		switch filepath.Ext(path) {
		case ".html":
			re = inTemplate
		case ".go":
			re = inProgram
		default:
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, m := range re.FindAllSubmatch(raw, -1) {
			used[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
}

func TestWords(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	cst := time.FixedZone("UTC+8", 8*3600)
	for _, c := range []struct{ name, got, want string }{
		{"one", English.N("findings", 1), "1 finding"},
		{"many", English.N("findings", 12345), "12,345 findings"},
		{"none", English.N("findings", 0), "0 findings"},
		{"chinese one", Chinese.N("findings", 1), "1 项发现"},
		{"negative", Number(-1234567), "−1,234,567"},
		{"small number", Number(999), "999"},
		{"bytes", Bytes(1023), "1,023 B"},
		{"kibibytes", Bytes(1536), "1.5 KiB"},
		{"mebibytes", Bytes(5 << 20), "5.0 MiB"},
		{"missing", English.T("no.such"), "⟦no.such⟧"},
		{"open word", English.Word("sector", "beekeeping"), "beekeeping"},
		{"argument with braces", English.T("layout.as_of", "{0}"), "as of {0}"},
		{"ago", English.Ago(noon.Add(-90*time.Minute), noon), "90 minutes ago"},
		{"ago in days", Chinese.Ago(noon.Add(-72*time.Hour), noon), "3 天前"},
		{"in the future", English.Ago(noon.Add(time.Hour), noon), "just now"},
		{"never", English.Ago(time.Time{}, noon), "never"},
		{"stamp in zone", Stamp(noon.Add(7*time.Hour), cst), "2026-11-24 03:00"},
		{"date", English.Date(noon, time.UTC), "23 November 2026"},
		{"chinese date in zone", Chinese.Date(noon.Add(13*time.Hour), cst), "2026年11月24日"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Language{
		"":                             English,
		"de":                           English,
		"zh":                           Chinese,
		"zh-CN,zh;q=0.9,en;q=0.8":      Chinese,
		"en-GB,zh;q=0.9":               English,
		"fr, zh-Hant;q=0.5, en;q=0.4":  Chinese,
		"en;q=0.1, ZH-hans-CN ; q=0.7": Chinese,
		"zh;q=0, en;q=0.2":             English,
		"zh;q=x":                       English,
		";;;,,,q=":                     English,
	} {
		if got := Accepted(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func FuzzAccepted(f *testing.F) {
	f.Add("zh-CN,zh;q=0.9,en;q=0.8")
	f.Add(";q=,")
	f.Fuzz(func(t *testing.T, header string) {
		if l := Accepted(header); !slices.Contains(Languages, l) {
			t.Errorf("%q: %q is no language", header, l)
		}
	})
}
