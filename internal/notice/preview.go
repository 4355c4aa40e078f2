package notice

import (
	"github.com/ProtonMail/go-crypto/openpgp"

	"tocsin/internal/marking"
)

// Way is how a mail carries what it tells.
type Way string

// Ways of a mail. The last two have the link only.
const (
	Clear     Way = "clear"
	Encrypted Way = "encrypted"
	LinkOnly  Way = "link"       // the mark lets nothing of the findings out by this mail
	KeyBroken Way = "key_broken" // the contact's key cannot be used
)

// Ways lists every way.
var Ways = []Way{Clear, Encrypted, LinkOnly, KeyBroken}

// fit returns the letter as it may go out, the key to encrypt it by, and its way.
func (l *Letter) fit() (*Letter, *openpgp.Entity, Way) {
	way := marking.MailPGP
	if l.Contact.PGPKey == "" {
		way = marking.MailClear
	}
	if marking.Leave(way, marking.Mark{TLP: l.Mark()}, true) != nil {
		closed := *l
		closed.Closed = true
		return &closed, nil, LinkOnly
	}
	if l.Contact.PGPKey == "" {
		return l, nil, Clear
	}
	key, problem := readKey(l.Contact.PGPKey, l.Now)
	if problem != "" {
		sealed := *l
		sealed.Problem = problem
		return &sealed, nil, KeyBroken
	}
	return l, key, Encrypted
}

// Preview is what the receiver of a letter gets to read.
type Preview struct {
	Way     Way
	Subject string
	Mail    Opened // taken apart; of an encrypted mail what the receiver reads after opening it
}

// Preview composes the mail as Compose does, without encryption and signature, and takes it apart.
func (l *Letter) Preview() (Preview, error) {
	fit, _, way := l.fit()
	m, err := fit.plain(nil)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Way: way, Subject: m.Subject}
	p.Mail, err = Open(m.Message)
	return p, err
}
