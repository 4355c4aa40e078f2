package notice_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/notice"
	"tocsin/packs"
)

func TestClass(t *testing.T) {
	t.Parallel()
	l := library(t)
	for _, c := range []struct{ identifier, report, typ, want string }{
		{"dns-open-resolver", "", "", "open-dns-resolver"},
		{"DNS-Open-Resolver", "", "infected-system", "open-dns-resolver"},
		{"other", "scan_dns", "infected-system", "open-dns-resolver"},
		{"other", "other", "infected-system", "infected-host"},
		{"other", "other", "other", notice.Unclassified},
		{"", "", "", notice.Unclassified},
	} {
		if have := l.Class(c.identifier, c.report, c.typ).Class; have != c.want {
			t.Errorf("%q %q %q: %s, want %s", c.identifier, c.report, c.typ, have, c.want)
		}
	}
	if l.Named("gone").Class != notice.Unclassified || l.Named("infected-host").Level() != event.High {
		t.Error("Named")
	}
}

// What is wrong with a file is said with file, class and key.
func TestLibraryIsStrict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, now, want string }{
		{"severity: medium", "severity: grave", `severity "grave"`},
		{"absence_cycles: 3", "absense_cycles: 3", "absense_cycles"},
		{"absence_cycles: 3", "absence_cycles: -1", "absence_cycles"},
		{"type: open}", "type: hate_speech}", "hate_speech"},
		{"category: vulnerability", "category: copyright", "copyright"},
		{"zh: 开放的 DNS 解析器", "zh: ''", "title"},
		{"[Answer only addresses of your own network., ", "[", "same number"},
		{"https://example.org/dns", "javascript:alert(1)", "not a web address"},
		{"class: infected-host", "class: open-dns-resolver", "twice"},
		{"class: infected-host", "class: Infected Host", "slug"},
		{"type: [infected-system]", "type: [ddos-amplifier]", "both match"},
		{"version: 1", "version: 2", "version"},
	} {
		text := strings.Replace(classFile, c.old, c.now, 1)
		if text == classFile {
			t.Fatalf("%q is not in the file", c.old)
		}
		_, err := notice.LoadLibrary(fstest.MapFS{"bad.yaml": {Data: []byte(text)}})
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bad.yaml") {
			t.Errorf("%q: %v", c.now, err)
		}
	}
	_, err := notice.LoadLibrary(fstest.MapFS{"bad.yaml": {Data: []byte(classFile + "---\nversion: 1\n")}})
	if !errors.Is(err, fault.Invalid) {
		t.Errorf("two documents: %v", err)
	}
}

// The library that ships covers what the loop promises.
func TestShippedLibrary(t *testing.T) {
	t.Parallel()
	l, err := notice.LoadLibrary(packs.Classes())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(l.Classes()); n < 40 {
		t.Errorf("%d classes, at least 40 were promised", n)
	}
	for _, typ := range event.Types() {
		if l.Class("", "", typ).Class == notice.Unclassified && typ != "other" && typ != "undetermined" && typ != "test" {
			t.Logf("type %s has no class of its own", typ)
		}
	}
}

func FuzzClassLibrary(f *testing.F) {
	f.Add([]byte(classFile))
	f.Add([]byte("version: 1\nclasses: []\n"))
	f.Add([]byte("version: 1\nclasses: [{class: a}]\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := notice.LoadLibrary(fstest.MapFS{"x.yaml": {Data: raw}})
		if err != nil {
			return
		}
		for _, c := range l.Classes() {
			if c.Title.In("en") == "" || c.Title.In("zh") == "" || len(c.Fix.In("zh")) == 0 || c.Level() == event.Unknown {
				t.Errorf("class %q is not whole", c.Class)
			}
		}
		if l.Class("x", "y", "z") == nil || l.Named("") == nil {
			t.Error("nil class")
		}
	})
}
