package report_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/fault"
	"tocsin/internal/report"
)

var key = []byte("0123456789abcdef0123456789abcdef")

func aForm() report.Form {
	return report.Form{Key: strings.Repeat("7", 32), Kind: report.Phishing, What: "what", Where: "where", Day: "2026-11-23", Contact: "me@mail.example"}
}

// A code is 120 bits as 24 characters; it is read as people write it, and what is stored of it is a keyed hash.
func TestCode(t *testing.T) {
	t.Parallel()
	f := aForm()
	code := report.CodeOf(key, &f)
	if len(code) != 24 || len(code.Groups()) != 6 || len(code.Grouped()) != 29 {
		t.Fatalf("%s: %s", code, code.Grouped())
	}
	written := strings.NewReplacer("0", "o", "1", "l").Replace(strings.ToLower(strings.ReplaceAll(code.Grouped(), "-", " ")))
	got, err := report.ParseCode(" " + written + "\n")
	if err != nil || got != code {
		t.Errorf("%q: %s, %v", written, got, err)
	}
	for _, bad := range []string{"", "x", string(code) + "0", string(code[1:]), strings.Repeat("U", 24), strings.Repeat("é", 24)} {
		if _, err := report.ParseCode(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	hash := code.Hash(key)
	other := bytes.Clone(key)
	other[0]++
	if bytes.Equal(hash, code.Hash(other)) || bytes.Contains(hash, []byte(code)) {
		t.Error("the hash does not hang on the key, or holds the code")
	}
	if n := report.Number(hash); len(n) != 13 || strings.Contains(n, string(code[:4])) {
		t.Errorf("number %s of %s", n, code)
	}
}

// The same form has the same code, whatever else it is sent with; a form that was changed in any field has another.
func TestCodeIsTheForms(t *testing.T) {
	t.Parallel()
	f := aForm()
	first := report.CodeOf(key, &f)
	again := aForm()
	again.Language = "zh"
	if report.CodeOf(key, &again) != first {
		t.Error("the same form has another code")
	}
	for name, change := range map[string]func(*report.Form){
		"key": func(f *report.Form) { f.Key = strings.Repeat("8", 32) }, "kind": func(f *report.Form) { f.Kind = report.Malware },
		"what": func(f *report.Form) { f.What = "whatw" }, "where": func(f *report.Form) { f.What, f.Where = "wha", "twhere" },
		"day": func(f *report.Form) { f.Day = "" }, "contact": func(f *report.Form) { f.Contact = "" },
	} {
		c := aForm()
		change(&c)
		if report.CodeOf(key, &c) == first || bytes.Equal(report.SaltOf(key, &c), report.SaltOf(key, &f)) {
			t.Errorf("another %s has the same code or salt", name)
		}
	}
	if bytes.HasPrefix(report.SaltOf(key, &f), []byte(first)) || len(report.SaltOf(key, &f)) != 16 {
		t.Error("the salt is no salt")
	}
}

func aReceipt() report.Receipt {
	f := aForm()
	salt := report.SaltOf(key, &f)
	return report.Receipt{
		Origin: "tocsin.example/log", Number: report.Number(report.CodeOf(key, &f).Hash(key)), Kind: f.Kind,
		Received: time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC), Salt: salt, Commitment: report.Commit(salt, f.Kind, f.What, f.Where, f.Day),
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	r := aReceipt()
	got, err := report.ParseReceipt(r.Text())
	if d := cmp.Diff(r, got); d != "" || err != nil {
		t.Fatalf("%v %s", err, d)
	}
	f := aForm()
	if text := r.Text(); strings.Contains(text, string(report.CodeOf(key, &f))) || strings.Contains(text, f.Contact) || strings.Contains(text, f.Key) {
		t.Errorf("the receipt tells a secret:\n%s", text)
	}
	signed := r.Text() + "\n— tocsin.example/log AAAA\n"
	if got, err := report.ParseReceipt(report.Pasted("\r\n" + strings.ReplaceAll(signed, "\n", "  \r\n") + "\r\n\r\n")); err != nil || got.Number != r.Number {
		t.Errorf("pasted: %v", err)
	}
	for name, bad := range map[string]string{
		"empty": "", "a checkpoint": "tocsin.example/log\n1\nAAAA\n", "another title": strings.Replace(r.Text(), report.Title, "/other", 1),
		"another kind": strings.Replace(r.Text(), "phishing", "opinion", 1), "minutes": strings.Replace(r.Text(), "T15Z", "T15:20Z", 1),
		"a short salt": strings.Replace(r.Text(), "salt ", "salt AAAA", 1), "one line more": r.Text() + "more\n", "one less": r.Text()[:40],
		"a small number": strings.Replace(r.Text(), "R-", "r-", 1),
	} {
		if _, err := report.ParseReceipt(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := report.ParseReceipt(strings.Repeat("x", 1<<20)); !errors.Is(err, fault.TooLarge) {
		t.Errorf("a megabyte: %v", err)
	}
}

// Another text has another commitment, and no two splits of one text the same.
func TestCommit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 30, 60)
		draw := func(name string) [3]string {
			return [3]string{text.Draw(t, name+" what"), text.Draw(t, name+" where"), text.Draw(t, name+" day")}
		}
		a, b := draw("a"), draw("b")
		same := bytes.Equal(report.Commit(key[:16], report.Malware, a[0], a[1], a[2]), report.Commit(key[:16], report.Malware, b[0], b[1], b[2]))
		if same != (a == b) {
			t.Fatalf("%q and %q: %v", a, b, same)
		}
	})
}

// Whatever is pasted, it is a receipt byte for byte or none.
func FuzzParseReceipt(f *testing.F) {
	f.Add(aReceipt().Text())
	f.Add(aReceipt().Text() + "\n— tocsin.example/log AAAA\n")
	f.Add("tocsin.example/log/report-receipt\nnumber R-00000-00000\n")
	f.Add("\n\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := report.ParseReceipt(s)
		if err != nil {
			return
		}
		if !strings.HasPrefix(s, r.Text()) {
			t.Fatalf("%q was read as %q", s, r.Text())
		}
		if again, err := report.ParseReceipt(report.Pasted(s)); err != nil || again.Text() != r.Text() {
			t.Fatalf("pasted again it is another: %v", err)
		}
	})
}

func FuzzParseCode(f *testing.F) {
	form := aForm()
	f.Add(report.CodeOf(key, &form).Grouped())
	f.Add("oil")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := report.ParseCode(s)
		if err != nil {
			return
		}
		if again, err := report.ParseCode(c.Grouped()); err != nil || again != c {
			t.Fatalf("%q is %s and then %s: %v", s, c, again, err)
		}
	})
}
