package notice

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// LinkLife is how long a notice's link works unless the installation says otherwise.
const LinkLife = 30 * 24 * time.Hour

const (
	linkMAC    = 16 // bytes kept of the HMAC-SHA-256
	linkDomain = "tocsin notice link 1\n"
	maxToken   = 200
)

const noticePrefix = "ntc_"

// Link returns the token that stands for notice id until an instant (kept to the second). It names one notice, hence
// one party; who holds it may answer for that notice's findings and nothing else. The URL's path is "/n/" + token.
func Link(key []byte, id ident.Notice, until time.Time) string {
	payload := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	payload = append(payload, id...)
	return base64.RawURLEncoding.EncodeToString(append(payload, linkSum(key, payload)...))
}

// OpenLink returns the notice that token stands for and when the link ends; fault.Denied where it was not signed with key, fault.Expired
// after its time.
func OpenLink(key []byte, token string, now time.Time) (id ident.Notice, until time.Time, err error) {
	denied := fault.New(fault.Denied, "this link is not valid; use the newest mail or write to us")
	if len(token) > maxToken || len(key) == 0 {
		return "", time.Time{}, denied
	}
	raw, fail := base64.RawURLEncoding.Strict().DecodeString(token)
	if fail != nil || len(raw) <= 8+linkMAC {
		return "", time.Time{}, denied
	}
	payload, sum := raw[:len(raw)-linkMAC], raw[len(raw)-linkMAC:]
	if !hmac.Equal(sum, linkSum(key, payload)) {
		return "", time.Time{}, denied
	}
	id = ident.Notice(payload[8:])
	if !strings.HasPrefix(string(id), noticePrefix) {
		return "", time.Time{}, denied
	}
	if until = time.Unix(int64(binary.BigEndian.Uint64(payload)), 0).UTC(); !now.Before(until) {
		return "", time.Time{}, fault.New(fault.Expired, "this link has expired; the newest mail has one that works, or write to us")
	}
	return id, until, nil
}

func linkSum(key, payload []byte) []byte { return domainSum(key, linkDomain, payload) }

// domainSum keeps links of one kind from passing for another's.
func domainSum(key []byte, domain string, payload []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(domain))
	m.Write(payload)
	return m.Sum(nil)[:linkMAC]
}
