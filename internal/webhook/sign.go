package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Header carries the signature of a delivery: the instant of sending and, for each secret that is in use, the HMAC-SHA256
// of that instant, a full stop and the body, in hex.
const Header = "Tocsin-Signature"

// Signature signs a body with every secret.
func Signature(at time.Time, body []byte, secrets ...[]byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	var b strings.Builder
	b.WriteString("t=" + t)
	for _, s := range secrets {
		m := hmac.New(sha256.New, s)
		m.Write([]byte(t + "."))
		m.Write(body)
		b.WriteString(",v1=" + hex.EncodeToString(m.Sum(nil)))
	}
	return b.String()
}
