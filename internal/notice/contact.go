package notice

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-message"

	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// ContactKind says why a contact is written to beside notices.
type ContactKind string

// Kinds of letters to contacts.
const (
	ProveMail ContactKind = "prove" // has the link that shows that mail to it is read
	TestMail  ContactKind = "test"  // shows that notices would arrive, and says nothing of substance
)

// ContactLetter is a mail to one contact that tells nothing about findings.
type ContactLetter struct {
	ID        string // "ltr_" and 26 characters
	Kind      ContactKind
	Party     *party.Party
	Contact   *party.Contact
	Sender    Sender
	Language  string
	MessageID string
	Link      string    // of ProveMail
	Until     time.Time // when the link ends
	Zone      *time.Location
	Now       time.Time
}

// Compose builds the mail. A test goes out as a notice would: encrypted where the contact has a key, and in clear with a
// word about the key where it cannot be used. A proof goes in clear, for its link says nothing and must be readable.
func (c *ContactLetter) Compose(signer *SigningKey) (Mail, error) {
	n := &Notice{ID: ident.Notice(c.ID), Language: c.Language, MessageID: c.MessageID, Rendition: 1}
	l := &Letter{Notice: n, Party: c.Party, Contact: c.Contact, Sender: c.Sender, Zone: c.Zone, Now: c.Now}
	subject := say(c.Language, "contact."+string(c.Kind)+".subject", c.Sender.Named(c.Language))
	if c.Kind == TestMail && c.Contact.PGPKey != "" {
		key, problem := readKey(c.Contact.PGPKey, c.Now)
		if problem == "" {
			inner, err := c.entity(message.Header{}, "")
			if err != nil {
				return Mail{}, err
			}
			return l.wrapped(inner, subject, key, signer)
		}
		l.Problem = problem
	}
	m := Mail{Subject: subject, Problem: l.Problem}
	if signer == nil {
		var err error
		m.Message, err = c.entity(l.head(subject), l.Problem)
		return m, err
	}
	inner, err := c.entity(message.Header{}, l.Problem)
	if err != nil {
		return Mail{}, err
	}
	m.Message, err = l.signed(inner, l.head(subject), signer)
	return m, err
}

// entity writes the text below the header h.
func (c *ContactLetter) entity(h message.Header, problem string) ([]byte, error) {
	lines := []string{say(c.Language, "greeting", c.Party.Name), ""}
	if c.Kind == ProveMail {
		lines = append(lines, say(c.Language, "contact.prove", c.Sender.Named(c.Language), c.Party.Name), "", c.Link, "",
			say(c.Language, "contact.prove.until", day(c.Until, c.Zone)))
	} else {
		lines = append(lines, say(c.Language, "contact.test", c.Sender.Named(c.Language)))
	}
	if problem != "" {
		lines = append(lines, "", say(c.Language, "contact.key", say(c.Language, "key."+problem)))
	}
	lines = append(lines, "", say(c.Language, "reach"), c.Sender.Named(c.Language), c.Sender.Mail)
	if c.Sender.Phone != "" {
		lines = append(lines, c.Sender.Phone)
	}
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	var b bytes.Buffer
	w, err := message.CreateWriter(&b, h)
	if err == nil {
		_, err = w.Write([]byte(strings.Join(lines, "\r\n") + "\r\n"))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("write the letter: %w", err)
	}
	return b.Bytes(), nil
}

func day(t time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format("2006-01-02 15:04 MST")
}
