package loop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// FetchRequest asks for what lies at an address. It is an unnamed type, as is FetchResponse, so that package outside
// can name the same one without knowing this package.
type FetchRequest = struct {
	URL      string
	ETag     string   // of the answer before; empty = send it in any case
	Modified string   // Last-Modified of the answer before
	Limit    int64    // bytes of the body; more is fault.TooLarge while reading
	Secrets  []string // in URL: no other host may get to know them
}

// FetchResponse is the answer. The caller closes Body, which is nil where nothing has changed.
type FetchResponse = struct {
	Body     io.ReadCloser
	ETag     string
	Modified string
	Wait     time.Duration // the server asks to be left alone so long; given with errors too
}

// Fetcher gets what feeds publish. Its errors are fault.Unavailable (try again), fault.NotFound, fault.Denied (the
// server's refusal, or an address that must not be dialled) and fault.TooLarge; their messages hold no address, for
// addresses hold keys.
type Fetcher interface {
	Fetch(ctx context.Context, q FetchRequest) (FetchResponse, error)
}

var poller = access.ForSoftware("poll")

const (
	pollLease    = 20 * time.Minute // after which a fetch that never ended is tried again
	pollLimit    = 4 << 30          // bytes
	pollPatience = 5                // failures in a row before the desk is told
	backOffFirst = 5 * time.Minute
	backOffLast  = 6 * time.Hour
	mostWait     = 48 * time.Hour // that a server may ask for
)

// Polled says what one fetch brought.
type Polled struct {
	Feed    ident.Feed // empty: nothing was due
	Receipt Receipt    // zero where nothing had changed
	Failed  string     // why it failed; empty where it did not
	Next    time.Time
}

// PollNext fetches the feed that has been due longest, if one is, and takes in what comes. jitter, from 0 up to 1,
// spreads the next time so that feeds do not march in step. What a server does not change is not taken in again: it
// counts as a good fetch, and for evidence of absence as nothing. A failed fetch is in the result; the error is
// for failures of our own.
func (l *Loop) PollNext(ctx context.Context, now time.Time, jitter float64) (Polled, error) {
	if l.fetcher == nil {
		return Polled{}, nil
	}
	f, err := l.claimPoll(ctx, now)
	if err != nil || f.ID == "" {
		return Polled{}, err
	}
	p := Polled{Feed: f.ID}
	was := f.Poll
	got, err := l.fetch(ctx, was)
	if err == nil && got.Body != nil {
		p.Receipt, err = l.Accept(ctx, now, AcceptRequest{Feed: f.ID, Name: nameIn(was.URL, f.ID), Body: got.Body, By: poller})
		err = errors.Join(err, got.Body.Close())
	}
	if err != nil && ctx.Err() != nil {
		return p, ctx.Err() // stopping is no fault of the feed; the lease runs out
	}
	is := was
	if err == nil {
		is.ETag, is.Modified, is.Failures, is.Error = got.ETag, got.Modified, 0, ""
		is.Next = now.Add(was.Every + time.Duration(jitter*float64(was.Every)/10))
	} else {
		is.Failures, is.Error = was.Failures+1, failure(err)
		is.Next = now.Add(backOff(is.Failures, was.Every, jitter))
		p.Failed = is.Error
	}
	if asked := now.Add(min(got.Wait, mostWait)); asked.After(is.Next) {
		is.Next = asked
	}
	p.Next = is.Next
	return p, l.recordPoll(ctx, now, f.ID, was, is)
}

// fetch puts the secrets into the address, which stay out of everything that is written down.
func (l *Loop) fetch(ctx context.Context, p store.Poll) (FetchResponse, error) {
	address, secrets, err := l.expand(p.URL)
	if err != nil {
		return FetchResponse{}, err
	}
	return l.fetcher.Fetch(ctx, FetchRequest{URL: address, ETag: p.ETag, Modified: p.Modified, Limit: pollLimit, Secrets: secrets})
}

// claimPoll takes the feed that has been due longest until the lease ends; no ID where none is due.
func (l *Loop) claimPoll(ctx context.Context, now time.Time) (store.Feed, error) {
	var due []store.Feed
	look := func(tx *store.Tx) (err error) {
		due, err = tx.FeedsDue(ctx, now)
		return err
	}
	if err := l.store.View(ctx, look); err != nil || len(due) == 0 {
		return store.Feed{}, err
	}
	err := l.store.Keep(ctx, func(tx *store.Tx) error {
		if err := look(tx); err != nil || len(due) == 0 {
			return err
		}
		claimed := due[0].Poll
		claimed.Next = now.Add(pollLease)
		return tx.SetPoll(ctx, due[0].ID, claimed)
	})
	if err != nil || len(due) == 0 {
		return store.Feed{}, err
	}
	return due[0], nil
}

// recordPoll writes how a fetch went. The schedule is bookkeeping; that a feed cannot be reached any more, or can
// again, is an act.
func (l *Loop) recordPoll(ctx context.Context, now time.Time, id ident.Feed, was, is store.Poll) error {
	object := "feed:" + string(id)
	return l.store.Keep(ctx, func(tx *store.Tx) error {
		f, err := tx.FeedByID(ctx, id)
		if err != nil || f.Poll.URL != was.URL {
			return err // changed under us: what was learned belongs to the old address
		}
		if err := tx.SetPoll(ctx, id, is); err != nil {
			return err
		}
		if is.Failures == pollPatience {
			_, err := tx.Enqueue(ctx, store.QueueItem{
				Kind: "feed.unreachable", Object: object, Code: "feed.unreachable", Args: []string{string(id), is.Error},
				Severity: event.Medium, Created: now,
			})
			if err != nil {
				return err
			}
		}
		switch {
		case was.Failures == 0 && is.Failures > 0:
			_, err = tx.Append(ctx, now, poller, "feed.fail", access.On(object), "the fetch failed", nil)
		case was.Failures > 0 && is.Failures == 0:
			if _, err = tx.QueueSettle(ctx, "feed.unreachable", object, poller.String(), now); err == nil {
				_, err = tx.Append(ctx, now, poller, "feed.recover", access.On(object), fmt.Sprintf("after %d failures", was.Failures), nil)
			}
		}
		return err
	})
}

// backOff returns the wait after n failures in a row: from 5 minutes, doubled each time, up to 6 hours or the feed's own
// pace where that is slower; a quarter more or less by jitter.
func backOff(n int, every time.Duration, jitter float64) time.Duration {
	d := backOffFirst << min(max(n, 1)-1, 16)
	d = min(d, max(backOffLast, every))
	return time.Duration(float64(d) * (0.75 + jitter/2))
}

// failure returns what is kept of an error: the words meant for people where there are some.
func failure(err error) string {
	text, ok := fault.Message(err)
	if !ok {
		text = "the fetch failed"
	}
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300])
	}
	return text
}

// nameIn returns the file name in an address, without its query; the feed's own where there is none.
func nameIn(address string, id ident.Feed) string {
	u, err := url.Parse(address)
	if err != nil {
		return string(id)
	}
	name := path.Base(u.Path)
	if name == "." || name == "/" {
		return string(id)
	}
	return name
}
