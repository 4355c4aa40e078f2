package staff

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// DeviceLife is how long a browser stays known to the account that signed in with it.
const DeviceLife = 180 * 24 * time.Hour

// KnowDevice returns what a browser is given after a successful sign-in. It proves nothing about who sits there, and
// opens nothing: it only keeps guesses of others from locking this browser out.
func (s *Staff) KnowDevice(ctx context.Context, now time.Time, v Visitor) (string, error) {
	var mail string
	err := s.store.View(ctx, func(tx *store.Tx) error {
		p, err := tx.PersonByID(ctx, ident.Person(v.ID))
		mail = normalMail(p.Mail)
		return err
	})
	if err != nil {
		return "", err
	}
	id, until := ident.Secret(), strconv.FormatInt(now.Add(DeviceLife).Unix(), 36)
	return id + "." + until + "." + s.deviceSeal(mail, id, until), nil
}

// knownDevice returns the id in what KnowDevice gave, where it was given to this account and is not over.
func (s *Staff) knownDevice(now time.Time, mail, given string) (string, bool) {
	parts := strings.Split(given, ".")
	if len(parts) != 3 || !hmac.Equal([]byte(parts[2]), []byte(s.deviceSeal(mail, parts[0], parts[1]))) {
		return "", false
	}
	until, err := strconv.ParseInt(parts[1], 36, 64)
	return parts[0], err == nil && now.Unix() < until
}

func (s *Staff) deviceSeal(mail, id, until string) string {
	h := hmac.New(sha256.New, s.set.Key)
	fmt.Fprintf(h, "tocsin device\x00%s\x00%s\x00%s", mail, id, until)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
