package notice

import (
	"bytes"
	"crypto"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/emersion/go-message"

	"tocsin/internal/fault"
)

// SigningKey signs the mails of the installation.
type SigningKey struct{ entity *openpgp.Entity }

// ReadSigningKey reads an ASCII-armoured private key without a passphrase; nil for the empty text.
func ReadSigningKey(armoured string) (*SigningKey, error) {
	if strings.TrimSpace(armoured) == "" {
		return nil, nil
	}
	keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(armoured))
	if err != nil || len(keys) == 0 {
		return nil, fault.New(fault.Invalid, "the signing key is not an ASCII-armoured OpenPGP key")
	}
	k := keys[0]
	if k.PrivateKey == nil || k.PrivateKey.Encrypted {
		return nil, fault.New(fault.Invalid, "the signing key must be a private key without a passphrase")
	}
	return &SigningKey{entity: k}, nil
}

// maxKey bounds the armoured key of a contact, in bytes.
const maxKey = 1 << 20

// readKey returns the public key, or why it cannot be used to encrypt at now: "broken" or "expired".
func readKey(armoured string, now time.Time) (key *openpgp.Entity, problem string) {
	if len(armoured) > maxKey {
		return nil, "broken"
	}
	keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(armoured))
	if err != nil || len(keys) == 0 {
		return nil, "broken"
	}
	for _, k := range keys {
		if _, ok := k.EncryptionKey(now); ok {
			return k, ""
		}
	}
	return nil, "expired"
}

func (l *Letter) pgpConfig() *packet.Config {
	return &packet.Config{DefaultHash: crypto.SHA256, Time: func() time.Time { return l.Now }}
}

// signed wraps a MIME entity into multipart/signed (RFC 3156, section 5).
func (l *Letter) signed(inner []byte, h message.Header, signer *SigningKey) ([]byte, error) {
	var sum bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&sum, signer.entity, bytes.NewReader(inner), l.pgpConfig()); err != nil {
		return nil, fmt.Errorf("sign the message: %w", err)
	}
	boundary := l.boundary("signed")
	h.SetContentType("multipart/signed", map[string]string{
		"boundary": boundary, "micalg": "pgp-sha256", "protocol": "application/pgp-signature",
	})
	var b bytes.Buffer
	if err := writeHead(&b, h); err != nil {
		return nil, err
	}
	// The signed part must go out byte for byte, so the parts are written by hand.
	fmt.Fprintf(&b, "--%s\r\n", boundary)
	b.Write(inner)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n"+
		"Content-Disposition: attachment; filename=\"signature.asc\"\r\n\r\n", boundary)
	b.Write(crlf(sum.Bytes()))
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return b.Bytes(), nil
}

// encrypted wraps the message into multipart/encrypted (RFC 3156, section 4), signed inside when there is a signer.
// The outer subject only has the notice's number; the real one is inside as a protected header.
func (l *Letter) encrypted(to *openpgp.Entity, signer *SigningKey) (Mail, error) {
	var h message.Header
	h.SetContentType("multipart/mixed", map[string]string{"protected-headers": "v1"})
	h.SetText("Subject", oneLine(l.marked(l.Notice.Subject)))
	inner, err := l.entity(h)
	if err != nil {
		return Mail{}, err
	}
	return l.wrapped(inner, l.marked(say(l.Notice.Language, "subject.sealed", l.Notice.ID)), to, signer)
}

// wrapped encrypts a MIME entity into a message with an outer subject of its own.
func (l *Letter) wrapped(inner []byte, subject string, to *openpgp.Entity, signer *SigningKey) (Mail, error) {
	m := Mail{Subject: subject}
	sealed, err := l.encrypt(inner, to, signer)
	if err != nil {
		return Mail{}, fmt.Errorf("encrypt to the key of contact %s: %w", l.Contact.ID, err)
	}
	boundary := l.boundary("encrypted")
	outer := l.head(m.Subject)
	outer.SetContentType("multipart/encrypted", map[string]string{"boundary": boundary, "protocol": "application/pgp-encrypted"})
	var b bytes.Buffer
	if err := writeHead(&b, outer); err != nil {
		return Mail{}, err
	}
	fmt.Fprintf(&b, "--%s\r\nContent-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version identification\r\n\r\n"+
		"Version: 1\r\n\r\n--%s\r\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\r\n"+
		"Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n", boundary, boundary)
	b.Write(crlf(sealed))
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	m.Message = b.Bytes()
	return m, nil
}

func (l *Letter) encrypt(inner []byte, to *openpgp.Entity, signer *SigningKey) ([]byte, error) {
	var own *openpgp.Entity
	if signer != nil {
		own = signer.entity
	}
	var b bytes.Buffer
	a, err := armor.Encode(&b, "PGP MESSAGE", nil)
	if err != nil {
		return nil, err
	}
	w, err := openpgp.Encrypt(a, []*openpgp.Entity{to}, own, &openpgp.FileHints{IsBinary: true}, l.pgpConfig())
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { _, err := w.Write(inner); return err },
		w.Close,
		a.Close,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// writeHead writes a message header for a body that is written by hand.
func writeHead(b *bytes.Buffer, h message.Header) error {
	w, err := message.CreateWriter(b, h)
	if err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	_, err = io.WriteString(w, "")
	return err
}

// crlf turns line feeds into CRLF.
func crlf(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}
