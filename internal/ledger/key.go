package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/fault"
)

// Algorithms of keys (C2SP signed-note, section "Signature types").
const (
	algorithmEd25519     = 0x01
	algorithmCosignature = 0x04 // timestamped Ed25519 cosignature of a witness
)

// Keys are whose signatures on a checkpoint count.
type Keys struct {
	Log       []note.Verifier // of the log: any of them is enough
	Witnesses []note.Verifier
	Lenient   bool // signatures by other keys are reported instead of refused
}

// GenerateKey makes an Ed25519 key for the log of a name: a signer key to keep secret and a verifier key to publish.
func GenerateKey(random io.Reader, origin string) (signer, verifier string, err error) {
	if !validName(origin) {
		return "", "", fault.New(fault.Invalid, "origin: %q must not be empty nor have spaces or a plus", origin)
	}
	if signer, verifier, err = note.GenerateKey(random, origin); err != nil {
		return "", "", fmt.Errorf("generate a key: %w", err)
	}
	return signer, verifier, nil
}

// Signer reads a signer key; fault.Invalid, without the key in its text, where it is none.
func Signer(key string) (note.Signer, error) {
	s, err := note.NewSigner(strings.TrimSpace(key))
	if err != nil {
		return nil, fault.New(fault.Invalid, "this is no signer key of a ledger")
	}
	return s, nil
}

// VerifierKey returns the verifier key that belongs to a signer key.
func VerifierKey(signer string) (string, error) {
	s, err := Signer(signer)
	if err != nil {
		return "", err
	}
	signer = strings.TrimSpace(signer)
	_, name, _ := strings.Cut(signer, "PRIVATE+KEY+"+s.Name()+"+")
	_, seed64, _ := strings.Cut(name, "+")
	seed, err := base64.StdEncoding.DecodeString(seed64)
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return "", fault.New(fault.Invalid, "this is no signer key of a ledger")
	}
	public := ed25519.NewKeyFromSeed(seed[1:])[ed25519.SeedSize:]
	return verifierKey(s.Name(), algorithmEd25519, public), nil
}

func verifierKey(name string, algorithm byte, public []byte) string {
	key := append([]byte{algorithm}, public...)
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, key), base64.StdEncoding.EncodeToString(key))
}

// keyHash is the identity of a key (C2SP signed-note): the first 32 bits of SHA-256 over name, newline and typed key.
func keyHash(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

// KeyID names a verifier key as Signed does: name+hash.
func KeyID(v note.Verifier) string { return keyID(v.Name(), v.KeyHash()) }

func keyID(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

func find(vs []note.Verifier, sig note.Signature) note.Verifier {
	for _, v := range vs {
		if v.Name() == sig.Name && v.KeyHash() == sig.Hash {
			return v
		}
	}
	return nil
}

// validName reports whether a name can stand in a key and a signature line.
func validName(name string) bool {
	return name != "" && len(name) <= 255 && len(strings.Fields(name)) == 1 && strings.TrimSpace(name) == name && !strings.Contains(name, "+")
}

// ReadKeys reads verifier keys, one a line; empty lines and those that begin with # are left out. A key of the
// cosignature type is a witness's. fault.Invalid names the line.
func ReadKeys(text string) (Keys, error) {
	var k Keys
	i := 0
	for line := range strings.Lines(text) {
		i++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		v, witness, err := readKey(line)
		switch {
		case err != nil:
			return Keys{}, fault.New(fault.Invalid, "line %d: %v", i, err)
		case witness:
			k.Witnesses = append(k.Witnesses, v)
		default:
			k.Log = append(k.Log, v)
		}
	}
	return k, nil
}

func readKey(line string) (v note.Verifier, witness bool, err error) {
	bad := fault.New(fault.Invalid, "%.80q is no verifier key (name+hash+key)", line)
	name, rest, _ := strings.Cut(line, "+")
	hash16, key64, _ := strings.Cut(rest, "+")
	hash, err1 := strconv.ParseUint(hash16, 16, 32)
	key, err2 := base64.StdEncoding.Strict().DecodeString(key64)
	if err1 != nil || err2 != nil || len(key) != 1+ed25519.PublicKeySize || !validName(name) ||
		uint32(hash) != keyHash(name, key) || verifierKey(name, key[0], key[1:]) != line {
		return nil, false, bad
	}
	switch key[0] {
	case algorithmEd25519:
		if v, err = note.NewVerifier(line); err != nil {
			return nil, false, bad
		}
		return v, false, nil
	case algorithmCosignature:
		return witnessKey{name: name, hash: uint32(hash), public: key[1:]}, true, nil
	}
	return nil, false, fault.New(fault.Invalid, "%.80q: keys of type %d are not known here", line, key[0])
}

// cosigned is the message under a cosignature/v1.
func cosigned(at int64, msg []byte) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatInt(at, 10)+"\n"), msg...)
}

// witnessKey verifies cosignatures (C2SP tlog-cosignature): 8 bytes of seconds, then 64 of Ed25519.
type witnessKey struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

func (k witnessKey) Name() string    { return k.name }
func (k witnessKey) KeyHash() uint32 { return k.hash }

func (k witnessKey) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return at < 1<<62 && ed25519.Verify(k.public, cosigned(int64(at), msg), sig[8:])
}

// Cosigner is a witness's key.
type Cosigner struct {
	name    string
	private ed25519.PrivateKey
	at      time.Time
}

// NewCosigner makes a witness's key of a seed of 32 bytes, which cosigns as of an instant, and its verifier key.
func NewCosigner(name string, seed []byte, at time.Time) (*Cosigner, string, error) {
	if len(seed) != ed25519.SeedSize || !validName(name) {
		return nil, "", fault.New(fault.Invalid, "a witness has a name without spaces and a seed of %d bytes", ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	return &Cosigner{name: name, private: private, at: at}, verifierKey(name, algorithmCosignature, private[ed25519.SeedSize:]), nil
}

// Name returns the witness's name.
func (c *Cosigner) Name() string { return c.name }

// KeyHash returns the identity of its key.
func (c *Cosigner) KeyHash() uint32 {
	return keyHash(c.name, append([]byte{algorithmCosignature}, c.private[ed25519.SeedSize:]...))
}

// Sign returns a cosignature/v1 on a checkpoint's text.
func (c *Cosigner) Sign(msg []byte) ([]byte, error) {
	sig := binary.BigEndian.AppendUint64(nil, uint64(c.at.Unix()))
	return append(sig, ed25519.Sign(c.private, cosigned(c.at.Unix(), msg))...), nil
}
