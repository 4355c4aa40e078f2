package loop

import (
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

func TestCredentialsIn(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://feed.example/list.txt":                     "",
		"https://feed.example/list.txt?days=7&format=csv":   "",
		"https://me:pw@feed.example/":                       "password=pw",
		"https://token@feed.example/":                       "password=token",
		"https://me:p%40w@feed.example:8443?x=1":            "password=p@w",
		"https://me:$(a)@feed.example/":                     "",
		"https://$(a)@feed.example/":                        "",
		"https://me:$(a)b@feed.example/":                    "password=$(a)b",
		"https://feed.example/?key=k1&x=2":                  "key=k1",
		"https://feed.example/?x=2;API_KEY=k%201#key=z":     "API_KEY=k 1",
		"https://feed.example/?apikey=&token=$(t)":          "",
		"https://me:a@feed.example/?token=b&auth-key=c":     "password=a token=b auth-key=c",
		"https://feed.example/@home?x=1":                    "",
		"https://feed.example/?to=a@b.example&%6bey=hidden": "key=hidden",
	} {
		var got []string
		for _, c := range credentialsIn(address) {
			got = append(got, c.where+"="+c.value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
		err := checkSecrets(address)
		if (err == nil) != (want == "") || err != nil && (strings.Contains(err.Error(), "k1") || strings.Contains(err.Error(), "pw")) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"https://$(a).example/", "https://feed.example/$(A b)", "https://feed.example/?x=$()"} {
		if err := checkSecrets(address); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func FuzzCredentialsIn(f *testing.F) {
	f.Add("https://me:pw@feed.example/?key=a&token=$(b)#c")
	f.Add("//@?key=%zz;key")
	f.Fuzz(func(t *testing.T, address string) {
		last := 0
		for _, c := range credentialsIn(address) {
			if c.start < last || c.end <= c.start || c.end > len(address) {
				t.Fatalf("%q: %+v after %d", address, c, last)
			}
			last = c.end
		}
	})
}

// The credential of a feed goes to its host, and into nothing that is written down.
func TestPollSecret(t *testing.T) {
	t.Parallel()
	s := testkit.SQLite(t)
	far := &site{}
	l := intakeLoop(t, s, far)
	l.secret = func(name string) ([]byte, fs.FileMode, error) {
		if name != "abuse" {
			return nil, 0, fault.NotFound
		}
		return []byte("feed.example\np&w/ d\n"), 0o600, nil
	}
	now := at(0, 0)
	putFeed(t, l, now, FeedSettings{ID: "bad", PollURL: "https://me:$(abuse)@feed.example/$(abuse)/list.txt?key=$(abuse)"})
	far.says("192.0.2.1\n", "")
	p := poll(t, l, now)
	const want = "https://me:p%26w%2F%20d@feed.example/p%26w%2F%20d/list.txt?key=p%26w%2F%20d"
	if got := far.asked[0]; p.Failed != "" || got.URL != want || len(got.Secrets) != 3 || got.Secrets[0] != "p&w/ d" {
		t.Errorf("%+v, %+v", p, got)
	}
	u, err := url.Parse(far.asked[0].URL)
	if password, _ := u.User.Password(); err != nil || password != "p&w/ d" || u.Query().Get("key") != "p&w/ d" {
		t.Errorf("%v, %v", u, err)
	}
	for _, c := range []struct{ address, want string }{
		{"https://feed.example/?key=$(other)", "secret other: there is no file secrets/other"},
		{"https://elsewhere.example/?key=$(abuse)", "secret abuse is for another host than the feed's"},
	} {
		putFeed(t, l, now, FeedSettings{ID: "bad", PollURL: c.address})
		if p := poll(t, l, now); p.Failed != c.want || len(far.asked) != 1 {
			t.Errorf("%s: %+v, asked %d times", c.address, p, len(far.asked))
		}
	}
}

// Credentials that an older version took into the database are moved out of it, once.
func TestMoveSecrets(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := intakeLoop(t, s, &site{})
		putFeed(t, l, at(0, 0), FeedSettings{ID: "old", PollURL: "https://feed.example/list.txt", Urgent: true, QuotaRows: 7})
		putFeed(t, l, at(0, 0), FeedSettings{ID: "plain", PollURL: "https://feed.example/other.txt"})
		err := s.Keep(t.Context(), func(tx *store.Tx) error {
			f, err := tx.FeedByID(t.Context(), "old")
			if err != nil {
				return err
			}
			f.Poll.URL = "https://me:p%40w@feed.example/list.txt?key=k1&x=2"
			return tx.PutFeed(t.Context(), f)
		})
		if err != nil {
			t.Fatal(err)
		}
		kept := map[string]string{}
		keep := func(name, host, value string) error {
			kept[name] = host + " " + value
			return nil
		}
		moved, err := l.MoveSecrets(t.Context(), at(0, 1), testCommand, keep)
		if err != nil || len(moved) != 1 || moved[0] != "old" {
			t.Fatalf("%v, %v", moved, err)
		}
		if diff := cmp.Diff(map[string]string{"old-1": "feed.example p@w", "old-2": "feed.example k1"}, kept); diff != "" {
			t.Error(diff)
		}
		f, err := l.FeedByID(t.Context(), "old")
		if err != nil || f.Poll.URL != "https://me:$(old-1)@feed.example/list.txt?key=$(old-2)&x=2" || !f.Urgent || f.QuotaRows != 7 {
			t.Errorf("%+v, %v", f, err)
		}
		if moved, err := l.MoveSecrets(t.Context(), at(0, 2), testCommand, keep); err != nil || len(moved) != 0 {
			t.Errorf("a second time: %v, %v", moved, err)
		}
	})
}

// A file of a secret is refused where others may read it or where it does not have two lines.
func TestReadSecret(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"feed.example\nx\n": nil, "feed.example\r\nx\r\n": nil, "feed.example\nx": nil,
		"x\n": fault.Invalid, "feed.example\nx\ny\n": fault.Invalid, "\nx\n": fault.Invalid, "": fault.Invalid, "feed.example\n": fault.Invalid,
	} {
		s := Secret(func(string) ([]byte, fs.FileMode, error) { return []byte(text), 0o600, nil })
		if host, value, err := s.read("a"); !errors.Is(err, want) || err == nil && host+value != "feed.examplex" {
			t.Errorf("%q: %q %q %v", text, host, value, err)
		}
	}
	for mode, want := range map[fs.FileMode]error{0o600: nil, 0o400: nil, 0o640: fault.Denied, 0o604: fault.Denied, 0o620: fault.Denied} {
		s := Secret(func(string) ([]byte, fs.FileMode, error) { return []byte("h\nx\n"), mode, nil })
		if _, _, err := s.read("a"); !errors.Is(err, want) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, _, err := Secret(nil).read("a"); !errors.Is(err, fault.NotFound) {
		t.Error(err)
	}
}
