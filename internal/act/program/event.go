package program

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/marking"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/webhook"
)

// Event is an act of the ledger as programs are told of it: ids, codes and the mark, and nothing that people wrote.
type Event struct {
	Seq    int64        `json:"seq" doc:"Place in the log, from 1, without gaps: where to go on from."`
	At     time.Time    `json:"at"`
	Act    string       `json:"act"`
	Object string       `json:"object" doc:"As the ledger names it: finding:12"`
	Party  string       `json:"party,omitempty" doc:"Whose the object is; absent where it is nobody's in particular."`
	TLP    string       `json:"tlp" doc:"Of the object: who may see it at most."`
	mark   marking.Mark // of the object
}

// Events are those behind a place in the log.
type Events struct {
	Events []Event
	Next   int64 // place up to which the log was looked at: where the next look begins
	More   bool  // the log goes on
}

// mostLooked is how many entries one look goes through at most.
const mostLooked = 500

// EventsAfter returns what by may read among the entries behind a place, in the order of the log. What cannot be attached
// to a thing that by may read is for those who read the whole ledger.
func (p *Programs) EventsAfter(ctx context.Context, now time.Time, by access.Actor, after int64) (Events, error) {
	out := Events{Next: after}
	err := p.store.View(ctx, func(tx *store.Tx) error {
		entries, err := tx.EntriesByPlace(ctx, after, mostLooked)
		if err != nil {
			return err
		}
		l, err := newLook(ctx, tx, now, by)
		if err != nil {
			return err
		}
		for i := range entries {
			e, ok, err := l.event(ctx, &entries[i])
			if err != nil {
				return err
			}
			if ok && marking.Leave(marking.ExportFile, e.mark, true) == nil {
				out.Events = append(out.Events, e)
			}
			out.Next = entries[i].Seq
		}
		out.More = len(entries) == mostLooked
		return nil
	})
	return out, err
}

// LastPlace returns the newest place of the log.
func (p *Programs) LastPlace(ctx context.Context) (int64, error) {
	var seq int64
	err := p.store.View(ctx, func(tx *store.Tx) (err error) {
		seq, _, err = tx.LastPlace(ctx)
		return err
	})
	return seq, err
}

// look is one reader's look at entries.
type look struct {
	tx    *store.Tx
	r     *access.Reader
	at    time.Time
	all   bool // reads the whole ledger
	feeds map[ident.Feed]marking.TLP
}

func newLook(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor) (*look, error) {
	r, err := tx.Reader(ctx, by, now)
	if err != nil {
		return nil, err
	}
	all := by.Kind == access.Software || by.Desk() && !by.Weak && by.Holds(people.Audit, ident.Authority)
	return &look{tx, r, now, all, map[ident.Feed]marking.TLP{}}, nil
}

// event returns an entry as an event, and whether the reader may know of it.
func (l *look) event(ctx context.Context, e *ledger.Entry) (Event, bool, error) {
	out := Event{Seq: e.Seq, At: e.At, Act: e.Act, Object: e.Object, mark: marking.Mark{TLP: marking.Green}}
	t, known, err := l.thing(ctx, e.Object)
	if err != nil {
		return out, false, err
	}
	if known {
		out.mark, out.Party = t.Mark, string(t.Party)
	}
	out.TLP = out.mark.TLP.String()
	switch {
	case !l.all && !slices.Contains(webhook.Acts, e.Act): // who looked at what, and who signed in, is for those who read the ledger
		return out, false, nil
	case known:
		return out, access.Can(l.r, t, l.at, l.r.Why()), nil
	}
	return out, l.all || l.r.Desk() && access.Can(l.r, access.Thing{Kind: access.Work}, l.at, l.r.Why()), nil
}

// thing finds what an entry was done to, as access looks at it; false for what access knows no thing of.
func (l *look) thing(ctx context.Context, object string) (access.Thing, bool, error) {
	kind, id, _ := strings.Cut(object, ":")
	var t access.Thing
	var err error
	switch kind {
	case "finding":
		n, _ := strconv.ParseInt(id, 10, 64)
		f, e := l.tx.FindingByID(ctx, ident.Finding(n))
		if err = e; err == nil {
			t, err = l.tx.ThingOf(ctx, &f)
		}
	case "notice":
		n, e := l.tx.NoticeByID(ctx, ident.Notice(id))
		if err = e; err == nil {
			t = store.NoticeThing(&n)
		}
	case "party":
		t = access.Thing{Kind: access.Parties, ID: id, Party: ident.Party(id), Mark: marking.Mark{TLP: marking.Green}}
	case "change":
		q, e := l.tx.RequestByID(ctx, id)
		if err = e; err == nil { // who may read the party may know that it changes
			t = access.Thing{Kind: access.Parties, ID: string(q.Party), Party: q.Party, Mark: marking.Mark{TLP: marking.Green}}
		}
	case "signal":
		t, err = l.signal(ctx, id)
	default:
		return t, false, nil
	}
	if errors.Is(err, fault.NotFound) {
		return t, false, nil
	}
	if err != nil {
		return t, false, fmt.Errorf("look at %s: %w", object, err)
	}
	return t, true, nil
}

func (l *look) signal(ctx context.Context, id string) (access.Thing, error) {
	n, _ := strconv.ParseInt(id, 10, 64)
	s, err := l.tx.SignalByID(ctx, ident.Signal(n))
	if err != nil {
		return access.Thing{}, err
	}
	tlp, known := l.feeds[s.Feed]
	if !known {
		f, err := l.tx.FeedByID(ctx, s.Feed)
		if err != nil {
			return access.Thing{}, err
		}
		tlp = f.TLP
		l.feeds[s.Feed] = tlp
	}
	return access.Thing{Kind: access.Signals, ID: id, Mark: marking.Mark{TLP: tlp}}, nil
}
