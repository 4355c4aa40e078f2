package staff_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// key is a passkey in a device of the test's own (WebAuthn Level 3, sections 6.1 and 6.5).
type key struct {
	t       testing.TB
	private *ecdsa.PrivateKey
	id      []byte
	user    string // handle that it was made for
	origin  string
	host    string
	flags   byte // 1 user present, 4 user verified
	counter uint32
}

func newKey(t testing.TB) *key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := &key{t: t, private: private, id: make([]byte, 32), origin: "https://csirt.example", host: "csirt.example", flags: 5}
	rand.Read(k.id)
	return k
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// asked is what the device reads of the options.
func (k *key) asked(c staff.Ceremony) (challenge, user string) {
	k.t.Helper()
	var o struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
		Verification string `json:"userVerification"`
		Selection    struct {
			Verification string `json:"userVerification"`
			Resident     string `json:"residentKey"`
		} `json:"authenticatorSelection"`
	}
	if err := json.Unmarshal([]byte(c.Options), &o); err != nil {
		k.t.Fatal(err)
	}
	if o.Verification != "required" && (o.Selection.Verification != "required" || o.Selection.Resident != "required") {
		k.t.Errorf("the user need not be verified: %s", c.Options)
	}
	return o.Challenge, o.User.ID
}

func (k *key) client(kind, challenge string) []byte {
	k.t.Helper()
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": k.origin, "crossOrigin": false})
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

func (k *key) data(flags byte) []byte {
	host := sha256.Sum256([]byte(k.host))
	return binary.BigEndian.AppendUint32(append(host[:], flags), k.counter)
}

// create answers navigator.credentials.create.
func (k *key) create(c staff.Ceremony) []byte {
	k.t.Helper()
	challenge, user := k.asked(c)
	k.user = user
	public, err := k.private.PublicKey.Bytes()
	if err != nil {
		k.t.Fatal(err)
	}
	data := append(k.data(k.flags|0x40), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(k.id))), k.id...)
	data = append(data, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20) // COSE: EC2, ES256, P-256
	data = append(data, public[1:33]...)
	data = append(append(data, 0x22, 0x58, 0x20), public[33:]...)
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(object, 0x67), "attStmt"...)
	object = append(append(object, 0xa0, 0x68), "authData"...)
	object = append(append(object, 0x58, byte(len(data))), data...)
	return k.answer(map[string]any{"clientDataJSON": b64(k.client("webauthn.create", challenge)), "attestationObject": b64(object)})
}

// get answers navigator.credentials.get.
func (k *key) get(c staff.Ceremony) []byte {
	k.t.Helper()
	challenge, _ := k.asked(c)
	k.counter++
	client, data := k.client("webauthn.get", challenge), k.data(k.flags)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, sum[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return k.answer(map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": k.user})
}

func (k *key) answer(response map[string]any) []byte {
	k.t.Helper()
	b, err := json.Marshal(map[string]any{"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

func TestPasskeys(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.Store) {
		o, ctx := newOffice(t, db), t.Context()
		o.Staff = staff.New(db, staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef"), BaseURL: "https://csirt.example"})
		v := o.enter(o.hui, store.LinkInvite)
		laptop := newKey(t)
		add := func(k *key, change func()) error {
			c, err := o.OfferPasskey(ctx, o.now, v)
			o.must(err)
			if change != nil {
				change()
			}
			return o.AddPasskey(ctx, o.now, v, c.ID, " laptop ", k.create(c))
		}
		o.want(staff.ErrPasskey, add(laptop, func() { laptop.origin = "https://evil.example" }), "another origin")
		laptop.origin = "https://csirt.example"
		o.want(staff.ErrPasskey, add(laptop, func() { laptop.flags = 1 }), "a user who was not verified")
		laptop.flags = 5
		o.want(staff.ErrPasskey, add(laptop, func() { laptop.host = "evil.example" }), "another site")
		laptop.host = "csirt.example"
		c, err := o.OfferPasskey(ctx, o.now, v)
		o.must(err)
		o.want(staff.ErrCeremony, o.AddPasskey(ctx, o.now.Add(5*time.Minute), v, c.ID, "", laptop.create(c)), "too late")
		o.must(add(laptop, nil))
		a, err := o.Account(ctx, o.now, v)
		o.must(err)
		v.Weak = a.Here.Weak
		o.want(fault.Exists, add(laptop, nil), "the same again")
		if a.Here.Weak || len(a.Passkeys) != 1 || a.Passkeys[0].Label != "laptop" {
			t.Errorf("%+v", a)
		}
		ask := func() staff.Ceremony {
			c, err := o.AskPasskey(ctx, o.now, staff.Visitor{})
			o.must(err)
			return c
		}
		c = ask()
		answer := laptop.get(c)
		_, in, err := o.SignInByPasskey(ctx, o.now, c.ID, "test", answer)
		o.must(err)
		if in.ID != string(o.hui) || in.Weak {
			t.Errorf("%+v", in)
		}
		_, _, err = o.SignInByPasskey(ctx, o.now, c.ID, "test", answer)
		o.want(staff.ErrCeremony, err, "the same answer again")
		_, _, err = o.SignInByPasskey(ctx, o.now, ask().ID, "test", answer)
		o.want(staff.ErrPasskey, err, "an answer to another question")
		laptop.counter = 0
		c = ask()
		_, _, err = o.SignInByPasskey(ctx, o.now, c.ID, "test", laptop.get(c))
		o.want(staff.ErrCopied, err, "a counter that goes back")
		laptop.counter, laptop.flags = 10, 1
		c = ask()
		_, _, err = o.SignInByPasskey(ctx, o.now, c.ID, "test", laptop.get(c))
		o.want(staff.ErrPasskey, err, "nobody verified")
		laptop.flags = 5
		stranger := newKey(t)
		stranger.user, c = laptop.user, ask()
		_, _, err = o.SignInByPasskey(ctx, o.now, c.ID, "test", stranger.get(c))
		o.want(staff.ErrPasskey, err, "a passkey that was never enrolled")
		for _, junk := range []string{"", "{}", "null", `{"id":"x"}`, "[]"} {
			if _, _, err := o.SignInByPasskey(ctx, o.now, ask().ID, "test", []byte(junk)); !errors.Is(err, staff.ErrPasskey) {
				t.Errorf("%q: %v", junk, err)
			}
		}

		stepUp(o, in, laptop)
		o.now = o.now.Add(20 * time.Minute)
		in.Proved = o.now
		o.want(fault.NotFound, o.EndCredential(ctx, o.now, o.enter(o.ada, store.LinkOperator), a.Passkeys[0].ID), "another's passkey")
		o.want(staff.ErrLast, o.EndCredential(ctx, o.now, in, a.Passkeys[0].ID), "the last way to sign in")
		v = in // now a strong session
		o.must(add(newKey(t), nil))
		o.must(o.EndCredential(ctx, o.now, in, a.Passkeys[0].ID))
		c = ask()
		_, _, err = o.SignInByPasskey(ctx, o.now, c.ID, "test", laptop.get(c))
		o.want(staff.ErrPasskey, err, "a passkey that was removed")
	})
}

// stepUp: a passkey proves its own person again, and nobody else.
func stepUp(o *office, in staff.Visitor, laptop *key) {
	o.t.Helper()
	ctx, now := o.t.Context(), o.now.Add(20*time.Minute)
	_, err := o.OfferPasskey(ctx, now, in)
	o.want(access.ErrFresh, err, "an open session")
	ada := o.enter(o.ada, store.LinkOperator)
	ask := func(v staff.Visitor) staff.Ceremony {
		c, err := o.AskPasskey(ctx, now, v)
		o.must(err)
		return c
	}
	c := ask(ada)
	o.want(staff.ErrSignIn, o.ProveByPasskey(ctx, now, ada, c.ID, laptop.get(c)), "another's passkey")
	c = ask(in)
	o.want(staff.ErrCeremony, o.ProveByPasskey(ctx, now, ada, c.ID, laptop.get(c)), "another's ceremony")
	c = ask(in)
	o.must(o.ProveByPasskey(ctx, now, in, c.ID, laptop.get(c)))
}

// A desk on another port of the same host uses the same passkeys; one elsewhere cannot.
func TestPasskeysAtTheDesk(t *testing.T) {
	t.Parallel()
	o, ctx := newOffice(t, testkit.SQLite(t)), t.Context()
	for desk, want := range map[string]error{
		"https://csirt.example:8443": nil, "https://evil.example:8443": staff.ErrPasskey, "http://csirt.example:8443": staff.ErrPasskey, "": staff.ErrPasskey,
	} {
		o.Staff = staff.New(o.db, staff.Settings{Key: []byte("0123456789abcdef0123456789abcdef"), BaseURL: "https://csirt.example", DeskURL: desk})
		v := o.enter(o.ada, store.LinkOperator)
		laptop := newKey(t)
		if laptop.origin = desk; desk == "" {
			laptop.origin = "https://csirt.example:8443"
		}
		c, err := o.OfferPasskey(ctx, o.now, v)
		o.must(err)
		o.want(want, o.AddPasskey(ctx, o.now, v, c.ID, "laptop", laptop.create(c)), desk)
	}
}

func TestPasskeysHere(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://csirt.example": true, "http://localhost:8080": true, "https://csirt.example:8443": true, "http://127.0.0.1:8080": false,
		"http://csirt.example": false, "https://192.0.2.1": false, "https://[2001:db8::1]": false, "": false,
	} {
		if got := staff.New(nil, staff.Settings{BaseURL: address}).PasskeysHere(); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}
