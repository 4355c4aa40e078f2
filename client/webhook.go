package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader carries the signature of a webhook's delivery.
const SignatureHeader = "Tocsin-Signature"

// ReplayWindow is how old a signature may be: longer than clocks differ, shorter than it takes to use a stolen delivery.
const ReplayWindow = 5 * time.Minute

// Why a delivery is not to be believed.
var (
	ErrSignature = errors.New("the signature is not one of this secret over this body")
	ErrOld       = errors.New("the signature is too old, or from the future")
)

// Message is what a webhook's delivery says. A receiver keeps Delivery and takes one that it has already as done: after a
// lost answer the same one comes again.
type Message struct {
	Delivery string    `json:"delivery"`
	Webhook  string    `json:"webhook"`
	Created  time.Time `json:"created"`
	Test     bool      `json:"test"`
	Events   []Event   `json:"events"`
	Withheld int       `json:"withheld"` // events that are marked too strictly for a webhook
}

// Verify checks the signature of a delivery: header is SignatureHeader's value, body the bytes as they came, secret the
// webhook's (tcw_…), now the instant of arrival. nil where it is to be believed.
func Verify(header string, body []byte, secret string, now time.Time) error {
	var at string
	var sums []string
	for part := range strings.SplitSeq(header, ",") {
		switch key, value, _ := strings.Cut(strings.TrimSpace(part), "="); key {
		case "t":
			at = value
		case "v1":
			sums = append(sums, value)
		}
	}
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(at + "."))
	m.Write(body)
	want := m.Sum(nil)
	good := false
	for _, s := range sums {
		got, err := hex.DecodeString(s)
		good = good || err == nil && hmac.Equal(got, want)
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	switch age := now.Sub(time.Unix(seconds, 0)); {
	case !good || err != nil:
		return ErrSignature
	case age > ReplayWindow || age < -ReplayWindow:
		return ErrOld
	}
	return nil
}
