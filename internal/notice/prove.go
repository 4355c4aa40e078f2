package notice

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// ProofLife is how long the link works by which somebody shows that mail to a contact is read.
const ProofLife = 7 * 24 * time.Hour

const (
	proofDomain   = "tocsin contact link 1\n"
	mailDigest    = 16 // bytes kept of the SHA-256 of the address
	contactPrefix = "con_"
)

// ProofLink returns the token that is mailed to a contact: whoever has it has read mail to that address. The URL's path
// is "/c/" + token.
func ProofLink(key []byte, contact, mail string, until time.Time) string {
	payload := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	payload = append(payload, digestOf(mail)...)
	payload = append(payload, contact...)
	return base64.RawURLEncoding.EncodeToString(append(payload, domainSum(key, proofDomain, payload)...))
}

// Proof is what a token of ProofLink shows.
type Proof struct {
	Contact string
	Until   time.Time
	mail    []byte
}

// Of reports whether the proof is about this address: a contact whose mail was changed since needs another. The time it
// takes says nothing.
func (p Proof) Of(mail string) bool { return hmac.Equal(p.mail, digestOf(mail)) }

// OpenProof reads a token of ProofLink; fault.Denied where it was not signed with key, fault.Expired after its time.
func OpenProof(key []byte, token string, now time.Time) (Proof, error) {
	denied := fault.New(fault.Denied, "this link is not valid; use the newest mail, or have another one sent")
	if len(token) > maxToken || len(key) == 0 {
		return Proof{}, denied
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= 8+mailDigest+linkMAC {
		return Proof{}, denied
	}
	payload, sum := raw[:len(raw)-linkMAC], raw[len(raw)-linkMAC:]
	if !hmac.Equal(sum, domainSum(key, proofDomain, payload)) {
		return Proof{}, denied
	}
	p := Proof{Contact: string(payload[8+mailDigest:]), mail: payload[8 : 8+mailDigest]}
	if !strings.HasPrefix(p.Contact, contactPrefix) {
		return Proof{}, denied
	}
	if p.Until = time.Unix(int64(binary.BigEndian.Uint64(payload)), 0).UTC(); !now.Before(p.Until) {
		return Proof{}, fault.New(fault.Expired, "this link has expired; have another one sent")
	}
	return p, nil
}

func digestOf(mail string) []byte {
	sum := sha256.Sum256([]byte(strings.ToLower(mail)))
	return sum[:mailDigest]
}
