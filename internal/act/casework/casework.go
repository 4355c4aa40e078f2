// Package casework owns the operations on reports: taking one in and giving its sender a signed receipt, acknowledging it
// by mail, taking and closing it at the desk, telling what became of it to whoever holds the receipt.
//
// Each operation is one act: it changes the store and appends exactly one ledger entry in the same transaction. Nothing
// here learns who reports or from where, and of the time only the hour is kept.
package casework

import (
	"context"
	"time"

	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// Settings are the choices of the installation that operations need.
type Settings struct {
	Key        []byte         // 32 bytes: hashes codes and seals addresses
	Sender     notice.Sender  // who acknowledges
	MailDomain string         // right side of Message-IDs
	Zone       *time.Location // of the working week and of times in mails; nil is UTC
}

// Notary signs receipts with the ledger's key and tells which texts it signed: *record.Log.
type Notary interface {
	SignPaper(ctx context.Context, title string, write func(origin string) string) (string, error)
	OpenPaper(ctx context.Context, title, signed string) (string, error)
}

// Mailer hands mails to a mail server. An error that is a *notice.SendError tells whether trying again makes sense; any
// other counts as temporary.
type Mailer interface {
	Send(ctx context.Context, e notice.Envelope) error
}

// Config is everything a Casework is made of.
type Config struct {
	Store    *store.Store
	Notary   Notary
	Mailer   Mailer // nil: acknowledgements wait
	Settings Settings
}

// Casework carries out the operations. It is safe for use by many goroutines.
type Casework struct {
	store  *store.Store
	notary Notary
	mailer Mailer
	set    Settings
}

// New makes a Casework.
func New(c Config) *Casework {
	if c.Settings.Zone == nil {
		c.Settings.Zone = time.UTC
	}
	return &Casework{store: c.Store, notary: c.Notary, mailer: c.Mailer, set: c.Settings}
}
