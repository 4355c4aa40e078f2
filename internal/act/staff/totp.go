package staff

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// One-time codes are those of RFC 6238 as every authenticator app makes them: SHA-1, six digits, 30 seconds.
const (
	totpPeriod = 30
	totpSecret = 20 // bytes (RFC 4226, section 4, R6)
	totpDrift  = 1  // steps before and after that a code counts in
)

// seal hides a secret of a person under the installation's key; what it is for is bound to it.
func (s *Staff) seal(use string, secret []byte) ([]byte, error) {
	gcm, err := s.gcm()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	return gcm.Seal(nonce, nonce, secret, []byte(use)), nil
}

// unseal is the inverse of seal.
func (s *Staff) unseal(use string, sealed []byte) ([]byte, error) {
	gcm, err := s.gcm()
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errors.New("a sealed secret is cut off")
	}
	return gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], []byte(use))
}

func (s *Staff) gcm() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s.set.Key, nil, "tocsin sign-in secrets", 32)
	if err != nil {
		return nil, fmt.Errorf("key of sign-in secrets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// stepOf returns the time step that a code belongs to, among those around now that come after the last one used.
func stepOf(secret []byte, code string, now time.Time, last int64) (int64, bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	if len(code) != otp.DigitsSix.Length() {
		return 0, false
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	at := now.Unix() / totpPeriod
	for step := at - totpDrift; step <= at+totpDrift; step++ {
		want, err := hotp.GenerateCodeCustom(text, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && step > last && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// TOTPOffer is a new authenticator app that was not confirmed yet.
type TOTPOffer struct {
	ID     string
	Secret string // in groups of four, to type
	URL    string // otpauth://…, to scan
}

// OfferTOTP makes a secret for an authenticator app. It counts once a code of it was shown: see AddTOTP.
func (s *Staff) OfferTOTP(ctx context.Context, now time.Time, v Visitor) (string, error) {
	if err := fresh(v, now); err != nil {
		return "", err
	}
	secret := make([]byte, totpSecret)
	rand.Read(secret)
	c := store.Ceremony{ID: ident.New("cer"), Kind: "totp", Person: ident.Person(v.ID), Expires: now.Add(ceremonyLife)}
	var err error
	if c.Data, err = s.seal("totp "+v.ID, secret); err != nil {
		return "", err
	}
	return c.ID, s.store.Keep(ctx, func(tx *store.Tx) error { return tx.InsertCeremony(ctx, c, now) })
}

// PeekTOTP returns an authenticator app that is being set up, to show it.
func (s *Staff) PeekTOTP(ctx context.Context, now time.Time, v Visitor, id string) (TOTPOffer, error) {
	var secret []byte
	var p store.Ceremony
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if p, err = openCeremony(ctx, tx, now, v, "totp", id, false); err != nil {
			return err
		}
		secret, err = s.unseal("totp "+v.ID, p.Data)
		return err
	})
	if err != nil {
		return TOTPOffer{}, err
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	var groups []string
	for i := 0; i < len(text); i += 4 {
		groups = append(groups, text[i:min(i+4, len(text))])
	}
	return TOTPOffer{ID: id, Secret: strings.Join(groups, " "), URL: otpURL(s.set.name(), v.Name, text)}, nil
}

// AddTOTP confirms an authenticator app by a code of it. An older app of the person ends.
func (s *Staff) AddTOTP(ctx context.Context, now time.Time, v Visitor, id, code string) error {
	if err := fresh(v, now); err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		// A wrong code leaves the offer as it is: its page is shown again. It expires soon.
		p, err := openCeremony(ctx, tx, now, v, "totp", id, false)
		if err != nil {
			return err
		}
		secret, err := s.unseal("totp "+v.ID, p.Data)
		if err != nil {
			return err
		}
		step, ok := stepOf(secret, code, now, 0)
		if !ok {
			return ErrCode
		}
		if _, err := tx.TakeCeremony(ctx, "totp", id); err != nil {
			return err
		}
		is := store.Credential{Kind: store.TOTP, Secret: p.Data, Counter: step}
		return s.add(ctx, tx, now, v, is, true)
	})
}

// ErrCode is a code that does not fit.
var ErrCode = fault.New(fault.Invalid, "this code does not fit")

// useCode uses a one-time code, or a recovery code, of a person up. It returns how the code is called.
func (s *Staff) useCode(ctx context.Context, tx *store.Tx, now time.Time, have []store.Credential, code string) (string, error) {
	for _, c := range have {
		switch c.Kind {
		case store.TOTP:
			secret, err := s.unseal("totp "+string(c.Person), c.Secret)
			if err != nil {
				return "", err
			}
			if step, ok := stepOf(secret, code, now, c.Counter); ok {
				before := c.Counter
				c.Counter = step
				if err := tx.UseCredential(ctx, c, before, now); errors.Is(err, fault.Conflict) {
					return "", ErrCode // used at the same time elsewhere
				} else if err != nil {
					return "", err
				}
				return "password", nil
			}
		case store.Recovery:
			if subtle.ConstantTimeCompare(c.Secret, recoveryHash(c.Person, code)) == 1 {
				return "recovery", tx.EndCredential(ctx, c.Person, c.ID, now)
			}
		case store.Passkey, store.Password, store.OIDC:
		}
	}
	return "", ErrCode
}
