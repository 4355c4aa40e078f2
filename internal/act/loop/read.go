package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// reading is one look into the store: who reads, when, and why.
type reading struct {
	*access.Reader
	at  time.Time
	why access.Purpose
}

// reads begins a look; the empty purpose is the actor's usual one.
func reads(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, why access.Purpose) (reading, error) {
	if why == "" {
		why = by.Why()
	}
	r, err := tx.Reader(ctx, by, now)
	return reading{r, now, why}, err
}

func (r reading) may(kind access.ThingKind) access.Cond {
	return access.Readable(r.Reader, kind, r.at, r.why)
}

func (r reading) can(t access.Thing) bool { return access.Can(r.Reader, t, r.at, r.why) }

// finding returns a finding that the reader may read. What they may not is fault.NotFound, as what is not there.
func (r reading) finding(ctx context.Context, tx *store.Tx, id ident.Finding) (store.Finding, error) {
	missing := access.Missing(access.Findings, fmt.Sprint(int64(id)))
	f, err := tx.FindingByID(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return f, missing
	}
	if err != nil {
		return f, err
	}
	t, err := tx.ThingOf(ctx, &f)
	if err == nil && !r.can(t) {
		return store.Finding{}, missing
	}
	return f, err
}

// mayRead is nil where by may read a finding; whoever may not read one cannot act on it either.
func mayRead(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, id ident.Finding) error {
	r, err := reads(ctx, tx, now, by, "")
	if err == nil {
		_, err = r.finding(ctx, tx, id)
	}
	return err
}

// notice is finding for a notice.
func (r reading) notice(ctx context.Context, tx *store.Tx, id ident.Notice) (notice.Notice, error) {
	n, err := tx.NoticeByID(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && !r.can(store.NoticeThing(&n)) {
		return notice.Notice{}, access.Missing(access.Notices, string(id))
	}
	return n, err
}

// signal is finding for a signal: it is marked as its feed is.
func (r reading) signal(ctx context.Context, tx *store.Tx, id ident.Signal) (store.Signal, error) {
	missing := access.Missing(access.Signals, fmt.Sprint(int64(id)))
	s, err := tx.SignalByID(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return s, missing
	}
	if err != nil {
		return s, err
	}
	f, err := tx.FeedByID(ctx, s.Feed)
	t := access.Thing{Kind: access.Signals, ID: fmt.Sprint(int64(id))}
	if t.Mark.TLP = f.TLP; err == nil && !r.can(t) {
		return store.Signal{}, missing
	}
	return s, err
}

// readable leaves those findings that the reader may read.
func (r reading) readable(ctx context.Context, tx *store.Tx, all []store.Finding) ([]store.Finding, error) {
	var out []store.Finding
	sectors := map[ident.Party]string{}
	may := r.may(access.Findings)
	for i := range all {
		sector, known := sectors[all[i].Party]
		if !known {
			t, err := tx.ThingOf(ctx, &all[i])
			if err != nil {
				return nil, err
			}
			sector, sectors[t.Party] = t.Sector, t.Sector
		}
		if may.Holds(all[i].Thing(sector)) {
			out = append(out, all[i])
		}
	}
	return out, nil
}
