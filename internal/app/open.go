package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/casework"
	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/mailing"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/program"
	"tocsin/internal/act/record"
	"tocsin/internal/act/register"
	"tocsin/internal/act/rule"
	"tocsin/internal/act/staff"
	"tocsin/internal/act/triage"
	"tocsin/internal/app/backup"
	"tocsin/internal/archive"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/feed/shadowserver"
	"tocsin/internal/notice"
	"tocsin/internal/outside"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/packs"
)

// installation is everything of one data folder, open.
type installation struct {
	store    *store.Store
	archive  *archive.Archive
	loop     *loop.Loop
	staff    *staff.Staff
	log      *record.Log
	work     *casework.Casework
	picture  *picture.Picture
	triage   *triage.Desk
	exposure *exposure.Exposure
	register *register.Register
	programs *program.Programs
	rules    *rule.Desk
	mailing  *mailing.Desk
	library  *notice.Library
	locate   party.Locate
	clock    func() time.Time
	packs    *feed.Packs
	key      []byte
}

// operator is whoever runs a command on the data folder.
var operator = access.ForSoftware("command")

// BuiltIn returns the start of a Loop's configuration: the packs and the class library inside the binary. Packs in
// further folders go before those built in.
func BuiltIn(more ...fs.FS) (loop.Config, error) {
	p, err := feed.ReadPacks(append([]fs.FS{packs.Feeds()}, more...)...)
	if err != nil {
		return loop.Config{}, err
	}
	l, err := notice.LoadLibrary(packs.Classes())
	return loop.Config{Packs: p, Library: l}, err
}

// brokenUpload is how old a file of an upload is that goes on no more: longer than any may take.
const brokenUpload = 24 * time.Hour

// open opens the data folder that the configuration names, creating it at the first start.
func (r *running) open(ctx context.Context, mailer loop.Mailer) (*installation, error) {
	cfg := r.cfg
	if err := backup.Unfinished(cfg.Data); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	if err := mendModes(r.log, cfg.Data); err != nil {
		return nil, err
	}
	key, err := installationKey(filepath.Join(cfg.Data, "key"))
	if err != nil {
		return nil, err
	}
	c, err := r.builtIn()
	if err != nil {
		return nil, err
	}
	dsn := cfg.Database
	if dsn == "" {
		dsn = filepath.Join(cfg.Data, "tocsin.db")
	}
	if c.Store, err = store.Open(ctx, dsn); err != nil {
		return nil, err
	}
	if err := c.Store.CoverFound(ctx, r.clock()); err != nil {
		return nil, errors.Join(err, c.Store.Close())
	}
	if c.Archive, err = archive.Open(filepath.Join(cfg.Data, "archive")); err != nil {
		return nil, errors.Join(err, c.Store.Close())
	}
	if n, err := c.Archive.Sweep(r.clock().Add(-brokenUpload)); err != nil {
		return nil, errors.Join(err, c.Archive.Close(), c.Store.Close())
	} else if n > 0 {
		r.log.WarnContext(ctx, "files of uploads that broke off were removed", "files", n)
	}
	c.Mailer, c.Secret = mailer, secrets{filepath.Join(cfg.Data, "secrets")}.read
	c.Settings, err = r.loopSettings(key)
	if err != nil {
		return nil, errors.Join(err, c.Store.Close())
	}
	set, err := r.staffSettings(key)
	if err != nil {
		return nil, errors.Join(err, c.Archive.Close(), c.Store.Close())
	}
	of, err := r.recordSettings()
	if err != nil {
		return nil, errors.Join(err, c.Archive.Close(), c.Store.Close())
	}
	told, err := r.programSettings(key)
	if err != nil {
		return nil, errors.Join(err, c.Archive.Close(), c.Store.Close())
	}
	in := &installation{
		programs: program.New(c.Store, told),
		log:      record.New(c.Store, of), clock: r.clock, picture: picture.New(c.Store),
		store: c.Store, archive: c.Archive, loop: loop.New(c), packs: c.Packs, key: key,
		staff: staff.New(c.Store, set),
	}
	in.exposure = exposure.New(c.Store, c.Library)
	in.register = register.New(c.Store, register.Settings{
		Sender: c.Settings.Sender, Zone: c.Settings.Zone, BaseURL: c.Settings.BaseURL, MailDomain: c.Settings.MailDomain, Key: key,
		SigningKey: c.Settings.SigningKey, Server: cfg.SMTPHost, Rules: cfg.rhythm(),
	}, mailer)
	in.library, in.locate = c.Library, c.Locate
	in.mailing = mailing.New(c.Store, c.Settings.Sender, mailSender(mailer))
	in.rules = r.newRules(in)
	in.triage = triage.New(c.Store, in.loop, r.cfg.zone())
	in.work = casework.New(casework.Config{Store: c.Store, Notary: in.log, Mailer: mailer, Settings: casework.Settings{
		Key: key, Sender: c.Settings.Sender, MailDomain: c.Settings.MailDomain, Zone: c.Settings.Zone,
	}})
	in.staff.Execute("ledger.rotate", checkRotate, in.rotate)
	in.staff.Execute("finding.lower", checkLower, in.lower)
	in.staff.Execute("party.end", checkEnding, in.endParty)
	return in, nil
}

// close writes back what is in memory, completes the ledger and closes everything.
func (i *installation) close(ctx context.Context) error {
	return errors.Join(i.loop.Close(ctx), i.complete(ctx), i.store.Close(), i.archive.Close())
}

// loopSettings turns the configuration into what the operations need.
func (r *running) loopSettings(key []byte) (loop.Settings, error) {
	cfg := r.cfg
	_, domain, _ := strings.Cut(cfg.Mail, "@")
	urgent, _ := event.ParseSeverity(cfg.UrgentFrom) // kong has checked the word
	s := loop.Settings{
		Sender: notice.Sender{Name: cfg.Name, NameZH: cfg.NameZH, Mail: cfg.Mail, URL: cfg.base(), Phone: cfg.Phone},
		Zone:   cfg.zone(), BaseURL: cfg.base(), MailDomain: domain, Key: key,
		NoticesADay: cfg.NoticesADay, DigestHour: cfg.DigestHour, UrgentFrom: int(urgent), FadeAfter: cfg.FadeAfter,
	}
	if cfg.PGPKey != "" {
		armoured, err := os.ReadFile(cfg.PGPKey)
		if err != nil {
			return s, fmt.Errorf("read pgp-key: %w", err)
		}
		s.SigningKey = string(armoured)
		if _, err := notice.ReadSigningKey(s.SigningKey); err != nil {
			return s, fmt.Errorf("pgp-key: %w", err)
		}
	}
	return s, nil
}

// rhythm is what notices keep to, as pages explain it.
func (c *Config) rhythm() notice.Rules {
	urgent, _ := event.ParseSeverity(c.UrgentFrom) // kong has checked the word
	return notice.Rules{UrgentFrom: urgent, PerDay: c.NoticesADay, Hour: c.DigestHour, Zone: c.zone()}
}

// builtIn is BuiltIn with what the operator adds: packs, tables of addresses, the fetcher.
func (r *running) builtIn() (loop.Config, error) {
	cfg := r.cfg
	var more []fs.FS
	if cfg.Packs != "" {
		more = append(more, os.DirFS(cfg.Packs))
	}
	c, err := BuiltIn(more...)
	if err != nil {
		return c, err
	}
	if cfg.Schema != "" {
		if err := useSchema(cfg.Schema); err != nil {
			return c, err
		}
	}
	var tables []*party.Table
	for _, path := range []string{cfg.ASN, cfg.Country} {
		if path == "" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return c, fmt.Errorf("read table of addresses: %w", err)
		}
		t, err := party.OpenTable(data, path)
		if err != nil {
			return c, err
		}
		r.log.Info("table of addresses", "table", t.String())
		tables = append(tables, t)
	}
	c.Locate = party.LocateAll(tables...)
	var o outside.FetchOptions
	for _, text := range cfg.FetchAllowed {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return c, fault.New(fault.Invalid, "fetch-allowed: %q is not a prefix in CIDR notation", text)
		}
		o.Allow = append(o.Allow, p)
	}
	c.Fetcher = outside.NewFetcher(o)
	return c, nil
}

// useSchema reads a newer Shadowserver schema than the one built in.
func useSchema(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	s, err := shadowserver.ReadSchema(data, nil)
	if err != nil {
		return err
	}
	shadowserver.Use(s)
	return nil
}

// mailer returns the way to the mail server, or nil where none is configured.
func (r *running) mailer() (loop.Mailer, error) {
	cfg := r.cfg
	if cfg.SMTPHost == "" {
		return nil, nil
	}
	_, domain, _ := strings.Cut(cfg.Mail, "@")
	return outside.NewSMTP(outside.MailConfig{
		Addr: cfg.SMTPHost, TLS: outside.TLSPolicy(cfg.SMTPTLS), User: cfg.SMTPUser, Password: cfg.SMTPPassword, Hello: domain,
	})
}

// mailSender is the way to the mail server as package mailing asks for it; nil where there is none.
func mailSender(m loop.Mailer) mailing.Sender {
	if m == nil {
		return nil
	}
	return m.Send
}

// installationKey reads the 32 bytes that seal values and sign links, and makes them at the first start.
func installationKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		key = make([]byte, 32)
		rand.Read(key)
		err := writeKey(path, key)
		if errors.Is(err, fs.ErrExist) { // another process started at the same time and was first
			return installationKey(path)
		}
		return key, err
	case err != nil:
		return nil, fmt.Errorf("read installation key: %w", err)
	case len(key) != 32:
		return nil, fault.New(fault.Invalid, "%s: expected 32 bytes, found %d", path, len(key))
	}
	return key, nil
}

// writeKey writes the key so that a crash leaves either no key or all of it.
func writeKey(path string, key []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "key-*")
	if err != nil {
		return fmt.Errorf("write installation key: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has its second name by then
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write installation key: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return fmt.Errorf("write installation key: %w", err)
	}
	return nil
}
