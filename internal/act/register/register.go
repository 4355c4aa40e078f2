// Package register owns what a party's own people say of their party: changes to its systems and resources, which the
// desk confirms; its contacts and the proof that mail to them is read; how it wants to be told.
//
// Each operation is one act: it changes the store and appends exactly one ledger entry in the same transaction. What
// others say of a party (imports, the desk) is package act/loop's.
package register

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Mailer hands mails to a mail server; see act/loop.
type Mailer interface {
	Send(ctx context.Context, e notice.Envelope) error
}

// Settings are the choices of the installation that operations need.
type Settings struct {
	Sender     notice.Sender
	Zone       *time.Location // of times in mails; nil is UTC
	BaseURL    string         // of the pages, without a slash at the end
	MailDomain string         // right side of Message-IDs
	Key        []byte         // 32 bytes: signs links
	SigningKey string         // ASCII-armoured private key that signs mail; may be empty
	Server     string         // the mail server, as pages name it; may be empty
	Rules      notice.Rules   // the rhythm of the installation
}

// Register carries out the operations. It is safe for use by many goroutines.
type Register struct {
	store  *store.Store
	set    Settings
	mailer Mailer
}

// New makes a Register; without a mailer nothing is sent, and no contact can be proved.
func New(s *store.Store, set Settings, m Mailer) *Register {
	if set.Zone == nil {
		set.Zone = time.UTC
	}
	return &Register{s, set, m}
}

// Sends reports whether the installation sends mail.
func (r *Register) Sends() bool { return r.mailer != nil }

// Rules is the rhythm of the installation, which a party may change for itself.
func (r *Register) Rules() notice.Rules { return notice.Rulebook(r.set.Rules) }

// own returns the party that a member speaks for; fault.NotFound where by is nobody's member or may not read it.
func own(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor) (party.Party, error) {
	if !by.Member() {
		return party.Party{}, access.Missing(access.Parties, string(by.Party))
	}
	return readable(ctx, tx, now, by, by.Party)
}

// readable returns a party that by may see the requests and contacts of: its own, or any at the desk. What is open to
// observers of a party is not open here.
func readable(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, id ident.Party) (party.Party, error) {
	missing := access.Missing(access.Parties, string(id))
	reader, err := tx.Reader(ctx, by, now)
	if err != nil {
		return party.Party{}, err
	}
	thing := access.Thing{Kind: access.Parties, ID: string(id), Party: id, Mark: marking.Mark{TLP: marking.Green}}
	if by.Party != id && !by.Desk() || !access.Can(reader, thing, now, by.Why()) {
		return party.Party{}, missing
	}
	p, err := tx.PartyByID(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return p, missing
	}
	return p, err
}
