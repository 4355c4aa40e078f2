package loop

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/situation"
	"tocsin/internal/store"
)

// FindingQuery is what a person asks of the list of findings; the zero value asks for all.
type FindingQuery struct {
	States   []finding.State // none = every state
	Severity event.Severity  // at least
	Class    string          // of the class library, or an RSIT type
	Party    ident.Party
	Orphans  bool // only those that nobody answers for
	Region   string
	Feed     ident.Feed
	Stream   string // of Feed; its name
	Asset    string // an address, a CIDR prefix, an AS number ("AS64496"), or how a name begins
	Text     string
	Purpose  access.Purpose // empty: the reader's usual one

	Severities   []event.Severity // exactly one of them; none = any
	Sector       string           // of the party that answers; situation.None: of none that is known
	Stage        situation.Stage  // that the work has reached
	Since, Until time.Time        // made from Since on, and before Until; zero = whenever
	Ended        time.Time        // in the state that they are in since this or later; zero = whenever
}

// FindingRow is a finding as lists show it.
type FindingRow struct {
	store.Finding
	Explain   *notice.Class
	PartyName string // empty for an orphan
	Source    string // feed/stream that first saw it
}

// Explain returns what the class library says of a finding.
func (l *Loop) Explain(f *store.Finding) *notice.Class {
	if l.library.Has(f.Class) {
		return l.library.Named(f.Class)
	}
	return l.library.Class(f.Identity.Identifier, "", f.Identity.Type)
}

// ClassNamed returns a class of the library by its id; what it says of an unknown one is general.
func (l *Loop) ClassNamed(id string) *notice.Class { return l.library.Named(id) }

// FindingList is one page of findings, the newest first.
type FindingList struct {
	Rows     []FindingRow
	Next     ident.Finding // cursor of the page after; 0 at the end
	Searched ident.Finding // the search paused at this number before the page was full; 0 = it did not
}

// Findings returns at most limit findings that by may read below the cursor before (0 = from the newest).
func (l *Loop) Findings(ctx context.Context, now time.Time, by access.Actor, q FindingQuery, before ident.Finding, limit int) (FindingList, error) {
	var out FindingList
	err := l.store.View(ctx, func(tx *store.Tx) error {
		names, err := l.names(ctx, tx)
		if err != nil {
			return err
		}
		f, none, err := q.filter(names.streams)
		if err != nil || none {
			return err
		}
		r, err := reads(ctx, tx, now, by, q.Purpose)
		if err != nil {
			return err
		}
		f.May = r.may(access.Findings)
		p, err := tx.ListFindings(ctx, f, before, limit)
		if err != nil {
			return err
		}
		out = FindingList{Next: p.Next, Searched: p.Searched}
		out.Rows, err = names.rows(ctx, tx, p.Findings...)
		return err
	})
	return out, err
}

// CountFindings counts what a query asks for and by may read, up to limit.
func (l *Loop) CountFindings(ctx context.Context, now time.Time, by access.Actor, q FindingQuery, limit int) (int, error) {
	var n int
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		f, _, err := q.filter(nil)
		if err != nil {
			return err
		}
		r, err := reads(ctx, tx, now, by, q.Purpose)
		if err != nil {
			return err
		}
		f.May = r.may(access.Findings)
		n, err = tx.CountFindings(ctx, f, limit)
		return err
	})
	return n, err
}

// Share counts the findings of one state and severity.
type Share = store.Share

// EachFinding calls f for at most limit findings that q asks for and by may read, the newest first, a batch per
// transaction, so that a long export holds nothing up. It returns how many there were and whether the limit cut it short.
func (l *Loop) EachFinding(ctx context.Context, now time.Time, by access.Actor, q FindingQuery, limit int, f func(FindingRow) error) (int, bool, error) {
	n := 0
	for before := ident.Finding(0); ; {
		page, err := l.Findings(ctx, now, by, q, before, min(exportBatch, limit-n+1))
		if err != nil {
			return n, false, err
		}
		for i := range page.Rows {
			if n == limit {
				return n, true, nil
			}
			if err := f(page.Rows[i]); err != nil {
				return n, false, err
			}
			n++
		}
		if before = page.Next; before == 0 {
			return n, false, nil
		}
	}
}

// FindingDetail is one finding with what lies around it.
type FindingDetail struct {
	FindingRow
	Sightings []SightingRow
	Single    Sightings // the newest single sightings, as far as a party was told of them
	History   []HistoryRow
	Notices   []NoticeRow   // that told it, the oldest first
	Grants    []store.Grant // with whom it is shared, and until when
}

// SightingRow is how one stream saw a finding.
type SightingRow struct {
	Feed    ident.Feed
	Stream  string
	FirstAt time.Time
	LastAt  time.Time
	Count   int64
	Signal  ident.Signal // that carried the newest observation
	Row     int64        // its line, within the part
}

// HistoryRow is one step of a finding with its evidence read.
type HistoryRow struct {
	store.Change
	Proof *finding.Evidence // nil where a person or party moved it
	Who   string            // what the person who moved it is called now; empty where it was none, or they were erased
}

// FindingByID returns one finding with its sightings, history and notices; fault.NotFound where there is none that by
// may read.
func (l *Loop) FindingByID(ctx context.Context, now time.Time, by access.Actor, id ident.Finding) (FindingDetail, error) {
	var d FindingDetail
	err := l.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		f, err := r.finding(ctx, tx, id)
		if err != nil {
			return err
		}
		names, err := l.names(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := names.rows(ctx, tx, f)
		if err != nil {
			return err
		}
		d.FindingRow = rows[0]
		sightings, err := tx.SightingsOf(ctx, id)
		if err != nil {
			return err
		}
		for _, s := range sightings {
			st := names.byID[s.Stream]
			d.Sightings = append(d.Sightings, SightingRow{
				Feed: st.Feed, Stream: st.Name, FirstAt: store.Instant(s.First), LastAt: store.Instant(s.Last),
				Count: s.Count, Signal: s.Signal, Row: s.Line & 0xffffffff,
			})
		}
		single, err := sightingsOf(ctx, tx, []notice.Item{l.item(&f)}, sightingsShown)
		if err != nil {
			return err
		}
		d.Single = single[id]
		if d.History, err = historyRows(ctx, tx, id); err != nil {
			return err
		}
		told, err := tx.NoticesOfFinding(ctx, id, r.may(access.Notices))
		if err != nil {
			return err
		}
		if d.Notices, err = names.notices(ctx, tx, told); err != nil {
			return err
		}
		d.Grants, err = tx.GrantsOf(ctx, fmt.Sprintf("finding:%d", id))
		return err
	})
	return d, err
}

func historyRows(ctx context.Context, tx *store.Tx, id ident.Finding) ([]HistoryRow, error) {
	changes, err := tx.HistoryOf(ctx, id)
	if err != nil {
		return nil, err
	}
	rows := make([]HistoryRow, len(changes))
	for i, c := range changes {
		rows[i] = HistoryRow{Change: c}
		if id, ok := strings.CutPrefix(c.Actor, "person:"); ok {
			if rows[i].Who, err = tx.PersonName(ctx, ident.Person(id)); err != nil {
				return nil, err
			}
		}
		if c.Trigger != finding.Gone || c.Evidence == "" {
			continue
		}
		e, err := finding.ReadEvidence(c.Evidence)
		if err != nil {
			return nil, err
		}
		rows[i].Proof = &e
	}
	return rows, nil
}

// names is what numbers and ids in rows are called.
type names struct {
	loop    *Loop
	parties map[ident.Party]string
	streams []store.Stream
	byID    map[int64]store.Stream
}

func (l *Loop) names(ctx context.Context, tx *store.Tx) (*names, error) {
	n := &names{loop: l, parties: map[ident.Party]string{}, byID: map[int64]store.Stream{}}
	var err error
	if n.streams, err = tx.Streams(ctx); err != nil {
		return nil, err
	}
	for _, s := range n.streams {
		n.byID[s.ID] = s
	}
	return n, nil
}

// rows are findings as lists show them; only the parties of these are read.
func (n *names) rows(ctx context.Context, tx *store.Tx, found ...store.Finding) ([]FindingRow, error) {
	if err := know(ctx, tx, n, found, func(f *store.Finding) ident.Party { return f.Party }); err != nil {
		return nil, err
	}
	var out []FindingRow
	for _, f := range found {
		s := n.byID[f.Stream]
		out = append(out, FindingRow{
			Finding: f, PartyName: n.parties[f.Party], Source: string(s.Feed) + "/" + s.Name,
			Explain: n.loop.library.Class(f.Identity.Identifier, s.Report, f.Identity.Type),
		})
	}
	return out, nil
}

// know reads what the parties of a list are called.
func know[T any](ctx context.Context, tx *store.Tx, n *names, list []T, of func(*T) ident.Party) error {
	ids := make([]ident.Party, len(list))
	for i := range list {
		ids[i] = of(&list[i])
	}
	for some := range slices.Chunk(ids, 1000) {
		called, err := tx.PartyNamesOf(ctx, some)
		if err != nil {
			return err
		}
		maps.Copy(n.parties, called)
	}
	return nil
}

// filter turns the question into the store's; none reports that nothing can match.
func (q *FindingQuery) filter(streams []store.Stream) (f store.FindingFilter, none bool, err error) {
	f = store.FindingFilter{
		States: q.States, Severity: q.Severity, Class: q.Class, Orphans: q.Orphans, Party: q.Party, Region: q.Region, Text: q.Text,
		Severities: q.Severities, Sector: q.Sector, Stage: q.Stage, Since: q.Since, Until: q.Until, Ended: q.Ended,
	}
	if q.Feed != "" {
		for _, s := range streams {
			if s.Feed == q.Feed && (q.Stream == "" || s.Name == q.Stream) {
				f.Streams = append(f.Streams, s.ID)
			}
		}
		if len(f.Streams) == 0 {
			return f, true, nil
		}
	}
	f.Asset, err = asset.ParseSearch(q.Asset)
	return f, false, err
}

// LiveStates are the states in which a finding still asks somebody to do something.
var LiveStates = slices.DeleteFunc(slices.Clone(finding.States), func(s finding.State) bool { return !s.Live() })
