// Package loop holds the operations of the main job: a signal is taken in, folded into findings, attributed,
// told to the party that answers, chased, answered, and closed on evidence.
//
// Each operation is one act: it changes the store and appends exactly one ledger entry in the same transaction.
// The package decides order and transactions; the rules themselves live in the domain packages. It knows no HTTP and
// dials nowhere: mail and fetch come in through the small interfaces declared here.
package loop

import (
	"context"
	"time"

	"tocsin/internal/archive"
	"tocsin/internal/feed"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// Settings are the choices of the installation that operations need. The zero value of each member is safe.
type Settings struct {
	Sender       notice.Sender  // who writes notices
	Zone         *time.Location // of times shown to people; nil is UTC
	BaseURL      string         // of the pages, without a slash at the end: "https://tocsin.example"
	MailDomain   string         // right side of Message-IDs
	Key          []byte         // 32 bytes: seals values and signs links
	SigningKey   string         // ASCII-armoured private key that signs mail; may be empty
	NoticesADay  int            // most notices to one party a day; 0 is 6
	DigestHour   int            // local hour of the daily digest; 0 is 8
	UrgentFrom   int            // event.Severity from which a notice goes out at once; 0 is high
	FadeAfter    time.Duration  // without a sighting until a finding is stale; 0 is 90 days
	ChunkRows    int            // rows a fold commits at once; 0 is 16,384
	FoldWorkers  int            // goroutines that parse; 0 is the number of CPUs
	Expansion    int64          // most bytes a packed signal may expand to; 0 is 8 GiB
	PlainFold    bool           // write counters with every chunk instead of journalling them: slower, simpler, the oracle of the other way
	WriteBackRow int            // journalled rows after which counters are written back; 0 is 10,000,000
}

// Config is everything a Loop is made of.
type Config struct {
	Store    *store.Store
	Archive  *archive.Archive
	Packs    *feed.Packs
	Library  *notice.Library
	Settings Settings
	Mailer   Mailer  // nil: notices stay planned
	Fetcher  Fetcher // nil: nothing is polled
	Locate   Locate  // nil: no table of AS numbers and countries
	Secret   Secret  // nil: there are none
}

// Loop carries out the operations. It is safe for use by many goroutines.
type Loop struct {
	store    *store.Store
	archive  *archive.Archive
	packs    *feed.Packs
	library  *notice.Library
	set      Settings
	mailer   Mailer
	fetcher  Fetcher
	locate   Locate
	secret   Secret
	fold     folder
	register registerCache
}

// New makes a Loop.
func New(c Config) *Loop {
	if c.Settings.Zone == nil {
		c.Settings.Zone = time.UTC
	}
	return &Loop{
		store: c.Store, archive: c.Archive, packs: c.Packs, library: c.Library, set: c.Settings,
		mailer: c.Mailer, fetcher: c.Fetcher, locate: c.Locate, secret: c.Secret,
	}
}

// Close writes back the counters that the fold holds in memory.
func (l *Loop) Close(ctx context.Context) error { return l.fold.close(ctx, l.store) }
