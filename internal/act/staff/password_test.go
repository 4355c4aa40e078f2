package staff

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the format of the list
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
)

func TestPHC(t *testing.T) {
	t.Parallel()
	good := usualCost.String()
	p, err := parsePHC(good)
	if err != nil || p.String() != good || p.memory != argonMemory || p.time != argonTime || p.threads != argonThreads {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, bad := range []string{
		"", "$", "argon2id", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=65536", "m=99999999", 1), strings.Replace(good, "t=3", "t=0", 1), strings.Replace(good, "p=4", "p=-1", 1),
		strings.Replace(good, "m=65536,", "", 1), good + "$", good[:len(good)-30], strings.Replace(good, "t=3", "x=3", 1), good + "!",
	} {
		if _, err := parsePHC(bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add(usualCost.String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePHC(text)
		if err != nil {
			return
		}
		if p.memory > 4*argonMemory || p.time > 4*argonTime || p.threads == 0 || len(p.key) < 16 {
			t.Fatalf("%+v", p)
		}
		again, err := parsePHC(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q became %q: %v", text, p, err)
		}
	})
}

func TestWeigh(t *testing.T) {
	t.Parallel()
	s := New(nil, Settings{Breached: breached(t, "glacier tulip violin sock")})
	for password, want := range map[string]Weakness{
		"short":                             TooShort,
		"elevenchars":                       TooShort,
		"十一个字符不够长的密码":                       TooShort,
		strings.Repeat("ab cd ", 200):       TooLong,
		"broken \xff bytes here":            TooLong,
		"Password2026!":                     Common,
		"P@ssw0rd1234":                      Common,
		"qwertyuiop123":                     Common,
		"Welcome1Welcome1":                  Common,
		"aaaaaaaaaaaaaaaa":                  Common,
		"123456789012345":                   Common,
		"iloveyouiloveyou":                  Common,
		"adminadmin2026":                    Common,
		"1qaz2wsx3edc4rfv":                  Common,
		"Summer2026Summer":                  Common,
		"letmeinletmein99":                  Common,
		"woaini1314520":                     Common,
		"AdaLovelace12":                     Personal,
		"ada.lovelace!!":                    Personal,
		"glacier tulip violin sock":         Breached,
		"glacier tulip violin shoe":         "",
		"Ich mag 3 kleine Esel am Hang":     "",
		"山里的老猫昨晚偷吃了三条鱼":                     "",
		"vX9#kTq2!mLw":                      "",
		strings.Repeat("long enough! ", 70): "",
	} {
		err := s.weigh(password, "Ada Lovelace", "ada.lovelace@anhe.example")
		if weak, ok := errors.AsType[*ErrWeak](err); ok {
			if weak.Why != want || !errors.Is(err, fault.Invalid) {
				t.Errorf("%q: %q, want %q", password, weak.Why, want)
			}
		} else if want != "" || err != nil {
			t.Errorf("%q: %v, want %q", password, err, want)
		}
	}
	if n := len(commonWords()); n < 500 {
		t.Errorf("%d common parts", n)
	}
}

// breached is a list that holds some passwords among a thousand others.
func breached(t *testing.T, passwords ...string) *BreachedList {
	t.Helper()
	var lines []string
	add := func(p string, n int) {
		sum := sha1.Sum([]byte(p)) //nolint:gosec // the format of the list
		lines = append(lines, strings.ToUpper(hex.EncodeToString(sum[:]))+":"+fmt.Sprint(n)+"\r\n")
	}
	for i := range 1000 {
		add(fmt.Sprintf("other %d", i), i*i+1)
	}
	for _, p := range passwords {
		add(p, 7)
	}
	slices.Sort(lines)
	text := strings.Join(lines, "")
	b, err := NewBreachedList(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBreachedList(t *testing.T) {
	t.Parallel()
	b := breached(t, "hunter2", "correct horse")
	for i := range 1000 {
		if ok, err := b.Holds(fmt.Sprintf("other %d", i)); !ok || err != nil {
			t.Fatalf("%d: %v, %v", i, ok, err)
		}
	}
	for p, want := range map[string]bool{"hunter2": true, "correct horse": true, "": false, "none of them": false} {
		if ok, err := b.Holds(p); ok != want || err != nil {
			t.Errorf("%q: %v, %v", p, ok, err)
		}
	}
	for _, text := range []string{"", "hello\n", strings.Repeat("x", 500), "0123:4\n"} {
		if _, err := NewBreachedList(strings.NewReader(text), int64(len(text))); !errors.Is(err, fault.Invalid) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	sum := sha1.Sum([]byte("only")) //nolint:gosec // the format of the list
	one := hex.EncodeToString(sum[:])
	if b, err := NewBreachedList(strings.NewReader(one), int64(len(one))); err != nil {
		t.Error(err)
	} else if ok, err := b.Holds("only"); !ok || err != nil {
		t.Error("a list of one line, without count and end")
	}
	torn := one + ":1\nnonsense\n" + one + ":3\n"
	list, err := NewBreachedList(strings.NewReader(torn), int64(len(torn)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list.Holds("a"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a torn list: %v", err)
	}
}

func FuzzBreachedLine(f *testing.F) {
	f.Add([]byte("0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n"))
	f.Add([]byte("000000005AD76BD555C1D6D771DE417A4B87E4B4:10\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sum, ok := breachedLine(data)
		if ok && !bytes.EqualFold([]byte(hex.EncodeToString(sum[:])), data[:40]) {
			t.Fatalf("%q is %x", data, sum)
		}
		b, err := NewBreachedList(bytes.NewReader(data), int64(len(data)))
		if err == nil {
			_, _ = b.Holds("anything") // it ends, and it does not panic
		}
	})
}

func TestWaitAfter(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]time.Duration{
		0: 0, 4: 0, 5: 30 * time.Second, 6: time.Minute, 7: 2 * time.Minute, 11: 32 * time.Minute, 12: time.Hour, 13: time.Hour, 1 << 40: time.Hour,
	} {
		for kind, more := range map[string]int64{"device:x": 0, "pair:x": 0, "network:x": 45} {
			if got := ruleOf(kind).wait(n + more); got != want {
				t.Errorf("after %d under %s: %s, want %s", n+more, kind, got, want)
			}
		}
	}
	for n, want := range map[int64]time.Duration{99: 0, 100: 30 * time.Second, 101: 30 * time.Second, 1 << 40: 30 * time.Second} {
		if got := ruleOf("account:x").wait(n); got != want {
			t.Errorf("after %d for an account: %s, want %s", n, got, want)
		}
	}
}

func TestNeighbourhood(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.77:4711": "192.0.2.0/24", "192.0.2.1": "192.0.2.0/24", "[2001:db8:1:2::3]:443": "2001:db8:1::/48",
		"2001:db8:1:2::3": "2001:db8:1::/48", "::ffff:192.0.2.9": "192.0.2.0/24", "fe80::1%eth0": "fe80::/48", "": "", "somewhere": "",
	} {
		if got := neighbourhood(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestClaimPosts(t *testing.T) {
	t.Parallel()
	rules, err := ParseClaimPosts([]string{"csirt=handler", "cn=heads,dc=anhe=approver", "csirt=auditor"})
	if err != nil || len(rules) != 3 || rules[1].Value != "cn=heads,dc=anhe" {
		t.Fatalf("%v, %v", rules, err)
	}
	if got := fmt.Sprint(postsOf(rules, []string{"csirt", "csirt", "other"})); got != "[handler auditor]" {
		t.Error(got)
	}
	for _, bad := range []string{"", "=", "x=", "=handler", "handler", "a=B C"} {
		if _, err := ParseClaimPosts([]string{bad}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseClaimPosts(f *testing.F) {
	f.Add("csirt=handler", "csirt")
	f.Add("cn=x,dc=y=approver", "cn=x,dc=y")
	f.Fuzz(func(t *testing.T, rule, value string) {
		rules, err := ParseClaimPosts([]string{rule})
		if err != nil {
			return
		}
		if got := postsOf(rules, []string{value}); (len(got) == 1) != (value == rules[0].Value) {
			t.Fatalf("%q for %q gives %v", rule, value, got)
		}
	})
}
