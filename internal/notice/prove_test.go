package notice_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

var proofKey = []byte("0123456789abcdef0123456789abcdef")

// A proof names one contact at one address, ends, and cannot be bent.
func TestProofLink(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	until := now.Add(notice.ProofLife)
	id := ident.New("con")
	token := notice.ProofLink(proofKey, id, "Cert@clinic.example", until)
	p, err := notice.OpenProof(proofKey, token, now)
	if err != nil || p.Contact != id || !p.Until.Equal(until) || !p.Of("cert@clinic.example") || p.Of("other@clinic.example") {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := notice.OpenProof(proofKey, token, until); !errors.Is(err, fault.Expired) {
		t.Errorf("at its end: %v", err)
	}
	for i := range token {
		bent := token[:i] + string(rune('A'+(token[i]+1)%26)) + token[i+1:]
		if bent == token {
			continue
		}
		if _, err := notice.OpenProof(proofKey, bent, now); !errors.Is(err, fault.Denied) {
			t.Fatalf("bent at %d: %v", i, err)
		}
	}
	for name, token := range map[string]string{
		"empty": "", "another key's": notice.ProofLink([]byte("x"), id, "a@b.example", until), "long": strings.Repeat("A", 300),
		"a notice's link": notice.Link(proofKey, "ntc_0123456789abcdefghjkmnpqrs", until), "no contact": notice.ProofLink(proofKey, "x", "a@b.example", until),
	} {
		if _, err := notice.OpenProof(proofKey, token, now); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := notice.OpenLink(proofKey, token, now); !errors.Is(err, fault.Denied) {
		t.Errorf("a proof opens a notice: %v", err)
	}
}

func FuzzOpenProof(f *testing.F) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Add(notice.ProofLink(proofKey, "con_0123456789abcdefghjkmnpqrs", "a@b.example", now.Add(time.Hour)))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := notice.OpenProof(proofKey, token, now)
		if err == nil && notice.ProofLink(proofKey, p.Contact, "a@b.example", p.Until) != token {
			t.Errorf("%q opens and was never made", token)
		}
	})
}

// A letter to a contact says nothing of substance, in both languages, and a proof has its link.
func TestContactLetter(t *testing.T) {
	t.Parallel()
	p := &party.Party{ID: "clinic", Name: "Clinic \u202eדוגמה\u202c"}
	for _, language := range []string{"en", "zh"} {
		for _, kind := range []notice.ContactKind{notice.ProveMail, notice.TestMail} {
			for name, c := range map[string]*party.Contact{"plain": {ID: "con_1", Mail: "cert@clinic.example"}, "with a broken key": {ID: "con_1", Mail: "cert@clinic.example", PGPKey: "x"}} {
				l := notice.ContactLetter{
					ID: ident.New("ltr"), Kind: kind, Party: p, Contact: c, Sender: notice.Sender{Name: "CSIRT", Mail: "csirt@a.example"}, Language: language,
					MessageID: "x@a.example", Link: "https://a.example/c/TOKEN", Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
				}
				m, err := l.Compose(nil)
				if err != nil {
					t.Fatal(err)
				}
				raw, err := notice.Open(m.Message)
				if err != nil {
					t.Fatal(err)
				}
				text := raw.Text
				if strings.Contains(text, "/c/TOKEN") != (kind == notice.ProveMail) || strings.Contains(text, "%!") || m.Subject == "" {
					t.Errorf("%s %s %s:\n%s", language, kind, name, text)
				}
				if strings.Contains(name, "broken") && kind == notice.TestMail && m.Problem != "broken" {
					t.Errorf("%s: the problem of the key is %q", language, m.Problem)
				}
			}
		}
	}
}

// Weekly digests come once a week at the party's hour; critical findings never wait for them.
func TestRhythm(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	base := notice.Rulebook(notice.Rules{})
	for name, c := range map[string]struct {
		h    notice.Rhythm
		want time.Time
	}{
		"as the installation has it": {notice.Rhythm{}, time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)},
		"later today":                {notice.Rhythm{Hour: 17}, time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)},
		"at midnight":                {notice.Rhythm{Hour: 24}, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)},
		"on Mondays":                 {notice.Rhythm{Weekday: 1}, time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)},
		"on Mondays at noon":         {notice.Rhythm{Weekday: 1, Hour: 12}, time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)},
		"on Sundays":                 {notice.Rhythm{Weekday: 7}, time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)},
	} {
		if got := base.For(c.h).DigestHour(monday); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	items := []notice.Item{{Class: &notice.Class{Class: "a"}, Severity: event.Critical, Waiting: monday}, {Class: &notice.Class{Class: "b"}, Severity: event.High, Waiting: monday.Add(-48 * time.Hour)}}
	past := notice.Past{LastDigest: monday.Add(-24 * time.Hour), Rhythm: notice.Rhythm{UrgentFrom: event.Critical, Weekday: 3}}
	drafts, _ := notice.Plan(base, monday, items, past)
	if len(drafts) != 1 || drafts[0].Severity != event.Critical {
		t.Errorf("critical at once, the rest on Wednesdays: %+v", drafts)
	}
	past.Rhythm = notice.Rhythm{}
	if drafts, _ = notice.Plan(base, monday, items, past); len(drafts) != 2 {
		t.Errorf("as the installation has it: %+v", drafts)
	}
	for name, h := range map[string]notice.Rhythm{"hour": {Hour: 25}, "day": {Weekday: 8}, "severity": {UrgentFrom: event.Critical + 1}, "below": {Hour: -1}} {
		if err := h.Check(); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	contact := party.Contact{Role: party.Security, Mail: "a@b.example", Unproved: true}
	if c := notice.Choose(&party.Party{Contacts: []party.Contact{contact}}, "", party.Roles, nil); c != nil {
		t.Errorf("an unproved contact is told: %+v", c)
	}
}

// A pasted key shows what it is, and says clearly why it cannot be used.
func TestReadKey(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	public, private := keyPair(t, "cert@clinic.example", now.Add(-time.Hour), 48*time.Hour)
	old, _ := keyPair(t, "cert@clinic.example", now.Add(-time.Hour*24), time.Hour)
	k, err := notice.ReadKey(public, now)
	if err != nil || k.Problem != "" || len(strings.ReplaceAll(k.Fingerprint, " ", "")) < 40 || len(k.Names) != 1 || !strings.Contains(k.Names[0], "cert@clinic.example") {
		t.Errorf("%+v, %v", k, err)
	}
	if want := now.Add(47 * time.Hour); !k.Expires.Equal(want) {
		t.Errorf("expires %s, want %s", k.Expires, want)
	}
	if k, err := notice.ReadKey(old, now); err != nil || k.Problem != "expired" {
		t.Errorf("an old key: %+v, %v", k, err)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{"a private key": {private, notice.ErrKeyPrivate}, "no key": {"hello", notice.ErrKeyBroken}, "nothing": {"", notice.ErrKeyBroken}, "half a key": {public[:len(public)/2], notice.ErrKeyBroken}} {
		if _, err := notice.ReadKey(c.text, now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
