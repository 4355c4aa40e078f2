package ledger_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

func TestSignedText(t *testing.T) {
	t.Parallel()
	secret, verifier, err := ledger.GenerateKey(rand.Reader, "tocsin.example/log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.Signer(secret)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ledger.ReadKeys(verifier)
	if err != nil {
		t.Fatal(err)
	}
	const text = "tocsin.example/log/paper\nfirst\nsecond\n"
	msg, err := ledger.SignText(text, "/paper", signer)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ledger.OpenText(msg, "/paper", keys); err != nil || got != text {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := ledger.OpenCheckpoint(msg, keys); !errors.Is(err, fault.Invalid) {
		t.Errorf("a signed text passes for a checkpoint: %v", err)
	}
	if _, err := ledger.OpenText(msg, "/other", keys); !errors.Is(err, fault.Invalid) {
		t.Errorf("a text passes under another title: %v", err)
	}
	for i := range msg { // a flipped bit anywhere
		broken := append([]byte(nil), msg...)
		broken[i] ^= 1
		if _, err := ledger.OpenText(broken, "/paper", keys); !errors.Is(err, fault.Invalid) {
			t.Errorf("byte %d was changed: %v", i, err)
		}
	}
	for _, bad := range []string{"tocsin.example/log\n1\nx\n", "other/log/paper\n", "tocsin.example/log/paperx\n", ""} {
		if _, err := ledger.SignText(bad, "/paper", signer); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q was signed: %v", bad, err)
		}
	}
	other, _, err := ledger.GenerateKey(rand.Reader, "tocsin.example/log")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ledger.Signer(other)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := ledger.SignText(text, "/paper", stranger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.OpenText(forged, "/paper", keys); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "no key that is trusted") {
		t.Errorf("a stranger's signature: %v", err)
	}
}
