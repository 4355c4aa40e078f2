package notice_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
)

var linkKey = []byte("0123456789abcdef0123456789abcdef")

func TestLink(t *testing.T) {
	t.Parallel()
	id := ident.Notice(ident.New("ntc"))
	until := noon.Add(notice.LinkLife)
	token := notice.Link(linkKey, id, until)
	have, ends, err := notice.OpenLink(linkKey, token, until.Add(-time.Second))
	if err != nil || have != id || !ends.Equal(until) {
		t.Errorf("%s until %s: %v", have, ends, err)
	}
	if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" || len(token) > 90 {
		t.Errorf("token %q does not fit into a link", token)
	}
	for name, c := range map[string]struct {
		key   []byte
		token string
		now   time.Time
		want  error
	}{
		"after its time":    {linkKey, token, until, fault.Expired},
		"of another key":    {[]byte("another key of this length......"), token, noon, fault.Denied},
		"without a key":     {nil, token, noon, fault.Denied},
		"empty":             {linkKey, "", noon, fault.Denied},
		"cut":               {linkKey, token[:len(token)-1], noon, fault.Denied},
		"with a tail":       {linkKey, token + "A", noon, fault.Denied},
		"of another notice": {linkKey, notice.Link(linkKey, "ses_0", until), noon, fault.Denied},
	} {
		if _, _, err := notice.OpenLink(c.key, c.token, c.now); !errors.Is(err, c.want) {
			t.Errorf("a link %s: %v, want %v", name, err, c.want)
		}
	}
}

// No change to a token leaves it good: not for a longer time, not for another notice.
func FuzzLink(f *testing.F) {
	good := notice.Link(linkKey, "ntc_0123456789abcdefghjkmnpqrs", noon)
	f.Add(good, 0, byte('A'))
	f.Add("", 0, byte(0))
	f.Add("AAAA", 1, byte('-'))
	f.Fuzz(func(t *testing.T, token string, at int, c byte) {
		if token != good {
			if _, _, err := notice.OpenLink(linkKey, token, noon.Add(-time.Hour)); err == nil {
				t.Errorf("%q is taken for a link", token)
			}
		}
		at = int(uint(at) % uint(len(good)))
		changed := good[:at] + string(rune(c)) + good[at+1:]
		if _, _, err := notice.OpenLink(linkKey, changed, noon.Add(-time.Hour)); err == nil && changed != good {
			t.Errorf("%q is taken for a link", changed)
		}
	})
}
