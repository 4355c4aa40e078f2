package client_test

import (
	"errors"
	"testing"
	"time"

	"tocsin/client"
	"tocsin/internal/webhook"
)

// What the installation signs, the client believes; anything else it does not.
func TestVerify(t *testing.T) {
	t.Parallel()
	at := time.Unix(1700000000, 0)
	body := []byte(`{"delivery":"dlv_1","events":[]}`)
	signed := webhook.Signature(at, body, []byte("tcw_new"), []byte("tcw_old"))
	for name, c := range map[string]struct {
		header, secret string
		body           []byte
		now            time.Time
		want           error
	}{
		"new secret":       {signed, "tcw_new", body, at, nil},
		"old secret":       {signed, "tcw_old", body, at.Add(client.ReplayWindow), nil},
		"spaces":           {" " + signed, "tcw_new", body, at, nil},
		"another secret":   {signed, "tcw_other", body, at, client.ErrSignature},
		"another body":     {signed, "tcw_new", append([]byte(" "), body...), at, client.ErrSignature},
		"another instant":  {"t=1700000001" + signed[len("t=1700000000"):], "tcw_new", body, at, client.ErrSignature},
		"replayed":         {signed, "tcw_new", body, at.Add(client.ReplayWindow + time.Second), client.ErrOld},
		"from the future":  {signed, "tcw_new", body, at.Add(-client.ReplayWindow - time.Second), client.ErrOld},
		"nothing":          {"", "tcw_new", body, at, client.ErrSignature},
		"no sum":           {"t=1700000000", "tcw_new", body, at, client.ErrSignature},
		"no time":          {webhook.Signature(at, body, []byte("tcw_new"))[len("t=1700000000,"):], "tcw_new", body, at, client.ErrSignature},
		"empty sum":        {"t=1700000000,v1=", "tcw_new", body, at, client.ErrSignature},
		"another version":  {"t=1700000000,v0=00", "tcw_new", body, at, client.ErrSignature},
		"sum is no number": {"t=1700000000,v1=zz", "tcw_new", body, at, client.ErrSignature},
	} {
		if err := client.Verify(c.header, c.body, c.secret, c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
