package notice

import (
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"tocsin/internal/fault"
)

// KeyInfo is what a public key says of itself.
type KeyInfo struct {
	Fingerprint string   // hexadecimal, in groups of four
	Names       []string // user ids, as the key states them
	Created     time.Time
	Expires     time.Time // zero: never
	Problem     string    // why nothing can be encrypted to it at the instant asked: "expired"; empty where it can
}

// Problems of a pasted key. Pages have a sentence for each.
var (
	ErrKeyPrivate = fault.New(fault.Invalid, "key: this is a private key; export the public one (gpg --armor --export)")
	ErrKeyBroken  = fault.New(fault.Invalid, "key: this is not an ASCII-armoured OpenPGP public key")
)

// ReadKey reads an ASCII-armoured public key; ErrKeyPrivate or ErrKeyBroken where it is none.
func ReadKey(armoured string, now time.Time) (KeyInfo, error) {
	if strings.Contains(armoured, "PRIVATE KEY") {
		return KeyInfo{}, ErrKeyPrivate
	}
	if len(armoured) > maxKey {
		return KeyInfo{}, ErrKeyBroken
	}
	ring, err := openpgp.ReadArmoredKeyRing(strings.NewReader(armoured))
	if err != nil || len(ring) == 0 {
		return KeyInfo{}, ErrKeyBroken
	}
	key, problem := readKey(armoured, now)
	if key == nil {
		key = ring[0]
	}
	if key.PrivateKey != nil {
		return KeyInfo{}, ErrKeyPrivate
	}
	k := KeyInfo{Fingerprint: grouped(key.PrimaryKey.Fingerprint), Created: key.PrimaryKey.CreationTime.UTC(), Problem: problem}
	for _, id := range key.Identities {
		k.Names = append(k.Names, clipRunes(oneLine(id.Name), 200))
	}
	slices.Sort(k.Names)
	if self, _ := key.PrimarySelfSignature(); self != nil && self.KeyLifetimeSecs != nil && *self.KeyLifetimeSecs != 0 {
		k.Expires = k.Created.Add(time.Duration(*self.KeyLifetimeSecs) * time.Second)
	}
	return k, nil
}

const hexDigits = "0123456789ABCDEF"

func grouped(fingerprint []byte) string {
	var b strings.Builder
	for i, x := range fingerprint {
		if i > 0 && i%2 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(hexDigits[x>>4])
		b.WriteByte(hexDigits[x&15])
	}
	return b.String()
}
