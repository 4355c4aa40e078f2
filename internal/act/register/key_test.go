package register_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"tocsin/internal/access"
	"tocsin/internal/act/register"
	"tocsin/internal/fault"
	"tocsin/internal/notice"
)

// publicKey makes a key that is valid for a while from an instant on; 0: for good.
func publicKey(t *testing.T, from time.Time, lasts time.Duration) string {
	t.Helper()
	e, err := openpgp.NewEntity("SOC", "", "soc@clinic.example", &packet.Config{Time: func() time.Time { return from }, KeyLifetimeSecs: uint32(lasts.Seconds())})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = errors.Join(e.Serialize(w), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A key is for contacts of one's own party, all that are named and no other, and must be one that can be encrypted to now.
func TestPutKey(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		good, old := publicKey(w.t, noon.Add(-time.Hour), 0), publicKey(w.t, noon.Add(-48*time.Hour), 24*time.Hour)
		for _, c := range []struct {
			name string
			by   access.Actor
			ids  []string
			key  string
			want error
		}{
			{"nobody's contact", nurse, nil, good, fault.NotFound},
			{"another party's contact", nurse, []string{"con_bank"}, good, fault.NotFound},
			{"one's own and another's", nurse, []string{"con_clinic", "con_bank"}, good, fault.NotFound},
			{"a contact that is not there", nurse, []string{"con_none"}, good, fault.NotFound},
			{"one's own two times", nurse, []string{"con_clinic", "con_clinic"}, good, fault.NotFound},
			{"a key that has expired", nurse, []string{"con_clinic"}, old, register.ErrKeyExpired},
			{"no key at all", nurse, []string{"con_clinic"}, "-----BEGIN", notice.ErrKeyBroken},
			{"by whoever only reads", reader, []string{"con_clinic"}, good, fault.Denied},
			{"of the clinic by the desk", desk, []string{"con_clinic"}, good, fault.NotFound},
		} {
			if _, err := w.reg.PutKey(w.t.Context(), noon, c.by, c.ids, c.key); !errors.Is(err, c.want) {
				w.t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		if got := w.entries(); len(got) != 0 || w.party("clinic").Contacts[0].PGPKey != "" || w.party("bank").Contacts[0].PGPKey != "" {
			w.t.Errorf("what was refused left %v and keys %+v", got, w.party("clinic").Contacts)
		}
		for _, key := range []string{good, ""} {
			_, err := w.reg.PutKey(w.t.Context(), noon, nurse, []string{"con_clinic"}, key)
			w.must(err)
			if is := w.party("clinic").Contacts[0].PGPKey; (is != "") != (key != "") || w.party("bank").Contacts[0].PGPKey != "" {
				w.t.Errorf("the key is %.40q after %.40q", is, key)
			}
		}
		if got := w.entries(); len(got) != 2 {
			w.t.Errorf("two changes left %v", got)
		}
	})
}
