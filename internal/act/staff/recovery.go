package staff

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// recoveryCodes is how many a person has.
const recoveryCodes = 10

// NewRecovery makes ten codes that each stand in for the authenticator app once. Those from before end. They are shown
// now and never again.
func (s *Staff) NewRecovery(ctx context.Context, now time.Time, v Visitor) ([]string, error) {
	if err := fresh(v, now); err != nil {
		return nil, err
	}
	codes := make([]string, recoveryCodes)
	for i := range codes {
		text := ident.Secret()[:16] // 80 random bits
		codes[i] = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		person := ident.Person(v.ID)
		have, err := tx.CredentialsOf(ctx, person)
		if err != nil {
			return err
		}
		if err := unclaimed(v, have); err != nil {
			return err
		}
		for _, c := range have {
			if c.Kind != store.Recovery {
				continue
			}
			if err := tx.EndCredential(ctx, person, c.ID, now); err != nil {
				return err
			}
		}
		for _, code := range codes {
			id := ident.New("crd")
			err := tx.InsertCredential(ctx, store.Credential{
				ID: id, Person: person, Kind: store.Recovery, Handle: id, Secret: recoveryHash(person, code), Created: now,
			})
			if err != nil {
				return err
			}
		}
		return added(ctx, tx, now, v, "recovery", "")
	})
	return codes, err
}

// recoveryHash is what is kept of a code. It needs no slow hash: codes are random.
func recoveryHash(person ident.Person, code string) []byte {
	code = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
	sum := sha256.Sum256([]byte("recovery " + string(person) + " " + code))
	return sum[:]
}
