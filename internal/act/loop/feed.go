package loop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/store"
)

// FeedSettings is what an operator says about a feed.
type FeedSettings struct {
	ID        ident.Feed
	Pack      string // name of the pack that reads its signals
	Title     string // empty takes the ID
	Token     string // that pushes must carry, from NewFeedToken; empty keeps the one it has
	NoToken   bool   // takes the token away: pushes are refused
	TLP       string // of what it brings: "TLP:AMBER" or "amber"; empty keeps what it has, GREEN for a new feed
	Urgent    bool   // its signals overtake bulk inventories
	QuotaRows int64  // rows a UTC day before other feeds go first; 0 = unlimited
	Disabled  bool
	PollURL   string        // empty = not fetched
	PollEvery time.Duration // 0 takes an hour; at least a minute
}

const (
	leastPoll = time.Minute
	usualPoll = time.Hour
)

// NewFeedToken returns a token to be shown once and given to PutFeed; only its hash is kept.
func NewFeedToken() string { return "tcn_" + ident.Secret() }

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// PutFeed makes a feed or changes its settings. fault.Invalid names the setting that is wrong. A new address to fetch
// is due at once and forgets what was known of the old one.
func (l *Loop) PutFeed(ctx context.Context, now time.Time, by access.Actor, s FeedSettings) error {
	if err := s.check(); err != nil {
		return err
	}
	if _, ok := l.packs.Pack(s.Pack); !ok {
		return fault.New(fault.Invalid, "pack: no pack is called %q", s.Pack)
	}
	err := l.store.Update(ctx, func(tx *store.Tx) error {
		f, err := tx.FeedByID(ctx, s.ID)
		isNew := errors.Is(err, fault.NotFound)
		if err != nil && !isNew {
			return err
		}
		if isNew {
			f = store.Feed{ID: s.ID, Created: now, TLP: marking.Green}
		}
		if s.TLP != "" {
			if f.TLP, err = marking.ParseTLP(s.TLP); err != nil || f.TLP == marking.Red {
				return errors.Join(err, fault.New(fault.Invalid, "tlp: a feed is CLEAR, GREEN, AMBER or AMBER+STRICT; RED names persons: use it for single findings"))
			}
		}
		s.onto(&f, now)
		if err := tx.PutFeed(ctx, f); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "feed.put", access.On("feed:"+string(s.ID)), "", struct {
			New      bool   `json:"new"`
			Pack     string `json:"pack"`
			TLP      string `json:"tlp"`
			Token    bool   `json:"token"` // pushes are taken
			Urgent   bool   `json:"urgent"`
			Quota    int64  `json:"quota_rows"`
			Disabled bool   `json:"disabled"`
			Poll     bool   `json:"poll"`
		}{isNew, f.Pack, f.TLP.String(), f.TokenHash != nil, f.Urgent, f.QuotaRows, !f.Disabled.IsZero(), f.Poll.URL != ""})
		return err
	})
	if err != nil {
		return fmt.Errorf("put feed %s: %w", s.ID, err)
	}
	return nil
}

func (s *FeedSettings) check() error {
	switch {
	case !ident.Slug(string(s.ID)):
		return fault.New(fault.Invalid, "id: %q is not a slug of at most 64 characters a-z, 0-9, '-', '_', '.'", s.ID)
	case s.Pack == "":
		return fault.New(fault.Invalid, "pack: is missing")
	case len(s.Title) > 200:
		return fault.New(fault.Invalid, "title: has more than 200 bytes")
	case s.Token != "" && len(s.Token) < 20:
		return fault.New(fault.Invalid, "token: is shorter than 20 characters")
	case s.QuotaRows < 0:
		return fault.New(fault.Invalid, "quota: %d rows a day is below zero", s.QuotaRows)
	case s.PollURL == "":
		return nil
	case s.PollEvery != 0 && s.PollEvery < leastPoll:
		return fault.New(fault.Invalid, "poll: every %s is more often than once a minute", s.PollEvery)
	}
	u, err := url.Parse(s.PollURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fault.New(fault.Invalid, "poll: the address must be http://… or https://… with a host")
	}
	return checkSecrets(s.PollURL)
}

// onto writes the settings over a feed.
func (s *FeedSettings) onto(f *store.Feed, now time.Time) {
	f.Pack, f.Title, f.Urgent, f.QuotaRows = s.Pack, s.Title, s.Urgent, s.QuotaRows
	if f.Title == "" {
		f.Title = string(s.ID)
	}
	switch {
	case s.NoToken:
		f.TokenHash = nil
	case s.Token != "":
		f.TokenHash = tokenHash(s.Token)
	}
	switch {
	case !s.Disabled:
		f.Disabled = time.Time{}
	case f.Disabled.IsZero():
		f.Disabled = now
	}
	if f.Poll.URL != s.PollURL {
		f.Poll = store.Poll{URL: s.PollURL}
	}
	f.Poll.Every = s.PollEvery
	if f.Poll.Every == 0 {
		f.Poll.Every = usualPoll
	}
}

// FeedByToken returns the feed that a pushing sender may write to. fault.Denied for a token that no feed in use has.
func (l *Loop) FeedByToken(ctx context.Context, token string) (ident.Feed, error) {
	var f store.Feed
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		f, err = tx.FeedByToken(ctx, tokenHash(token))
		return err
	})
	switch {
	case errors.Is(err, fault.NotFound) || err == nil && !f.Disabled.IsZero():
		return "", fault.New(fault.Denied, "no feed has this token")
	case err != nil:
		return "", err
	}
	return f.ID, nil
}

// FeedByID returns one feed; fault.NotFound where there is none.
func (l *Loop) FeedByID(ctx context.Context, id ident.Feed) (store.Feed, error) {
	var f store.Feed
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		f, err = tx.FeedByID(ctx, id)
		return err
	})
	return f, err
}
