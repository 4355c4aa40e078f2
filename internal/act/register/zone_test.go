package register_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/register"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/testkit"

	"tocsin/internal/store"
)

// A mail that has an end says it in the installation's zone, which is UTC where none is set.
func TestZones(t *testing.T) {
	t.Parallel()
	for want, zone := range map[string]*time.Location{"2026-11-30 20:00 CST": time.FixedZone("CST", 8*3600), "2026-11-30 12:00 UTC": nil} {
		s := testkit.SQLite(t)
		post := &postbag{}
		reg := register.New(s, register.Settings{
			Sender: notice.Sender{Name: "CSIRT", Mail: "csirt@anhe.example"}, BaseURL: "https://tocsin.example", MailDomain: "anhe.example", Key: key, Zone: zone,
		}, post)
		err := s.Keep(t.Context(), func(tx *store.Tx) error { return tx.PutParty(t.Context(), noon, registered("clinic")) })
		if err == nil {
			_, err = reg.AddContact(t.Context(), noon, nurse, register.Contact{Role: party.Abuse, Mail: "night@clinic.example"})
		}
		if err == nil {
			_, err = reg.Send(t.Context(), noon)
		}
		if err != nil || len(post.mails) != 1 {
			t.Fatal(len(post.mails), err)
		}
		m, err := notice.Open(post.mails[0].Message)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(m.Text, want) {
			t.Errorf("no %s in %s", want, m.Text)
		}
	}
}
