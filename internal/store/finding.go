package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
)

// Finding is a finding as pages, mails and exports read it. Last and Count sum its sightings over all streams; they
// trail the fold by at most the write-back interval.
type Finding struct {
	ID           ident.Finding
	Key          finding.Key
	Identity     finding.Identity
	Class        string
	Severity     event.Severity // by local rules
	FeedSeverity event.Severity // as the feed said
	Stream       int64          // that first saw it
	First        time.Time      // of the first observation; the arrival where the source gave no time
	Created      time.Time
	Party        ident.Party // empty for an orphan
	Basis        party.Basis
	Matched      string
	Confidence   int // percent
	Region       string
	State        finding.State
	StateAt      time.Time
	Until        time.Time // end of an accepted risk; zero = none
	Mark         marking.Mark
	Embargo      time.Time // until then only the authority and the owner may read it; zero = none
	Last         time.Time
	Count        int64
}

// FindingColumns is the column list that scanFinding reads, over finding f with its sightings summed in sub-selects.
const findingColumns = `f.id, f.key, f.asset_kind, f.asset, f.port, f.transport, f.type, f.identifier, f.malware, f.class,
	f.severity, f.feed_severity, f.stream_id, f.first_at, f.created_at, f.party_id, f.basis, f.matched, f.confidence,
	f.region, f.state, f.state_at, f.until_at, f.tlp, f.pap, f.embargo_at,
	coalesce((select max(g.last_at) from sighting g where g.finding_id = f.id), f.first_at),
	coalesce((select sum(g.count) from sighting g where g.finding_id = f.id), 0)`

// scanner is a row of either database/sql kind.
type scanner interface{ Scan(dest ...any) error }

// scanFinding reads one row of findingColumns.
func scanFinding(r scanner) (Finding, error) {
	var f Finding
	var key []byte
	var kind, state, basis string
	var port, severity, feedSeverity, first, created, stateAt, last int64
	var until, embargo sql.NullInt64
	err := r.Scan(&f.ID, &key, &kind, &f.Identity.Asset.Value, &port, &f.Identity.Transport, &f.Identity.Type,
		&f.Identity.Identifier, &f.Identity.Malware, &f.Class, &severity, &feedSeverity, &f.Stream, &first, &created,
		&f.Party, &basis, &f.Matched, &f.Confidence, &f.Region, &state, &stateAt, &until,
		&f.Mark.TLP, &f.Mark.PAP, &embargo, &last, &f.Count)
	if err != nil {
		return Finding{}, err
	}
	copy(f.Key[:], key)
	f.Identity.Asset.Kind, f.Identity.Port = asset.Kind(kind), uint16(port)
	f.Severity, f.FeedSeverity = event.Severity(severity), event.Severity(feedSeverity)
	f.First, f.Created, f.StateAt, f.Until, f.Last = Instant(first), Instant(created), Instant(stateAt), instant(until), Instant(last)
	f.Embargo = instant(embargo)
	f.Basis, f.State = party.Basis(basis), finding.State(state)
	return f, nil
}

// FindingByID returns one finding; fault.NotFound where there is none.
func (t *Tx) FindingByID(ctx context.Context, id ident.Finding) (Finding, error) {
	f, err := scanFinding(t.tx.QueryRowContext(ctx, "select "+findingColumns+" from finding f where f.id = $1", id))
	if err != nil {
		return Finding{}, fmt.Errorf("read finding %d: %w", id, t.classify(err))
	}
	return f, nil
}

// FindingsByID returns the findings of ids in order of id; missing ones are left out. At most 10,000 ids a call.
func (t *Tx) FindingsByID(ctx context.Context, ids []ident.Finding) ([]Finding, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return t.findings(ctx, "where f.id in ("+placeholders(len(ids), 1)+") order by f.id", args...)
}

// findings reads the findings that match the rest of the statement.
func (t *Tx) findings(ctx context.Context, rest string, args ...any) ([]Finding, error) {
	var out []Finding
	err := t.each(ctx, "select "+findingColumns+" from finding f "+rest, args, func(r *sql.Rows) error {
		f, err := scanFinding(r)
		if err != nil {
			return err
		}
		out = append(out, f)
		return nil
	})
	return out, err
}

// placeholders returns "$from, …" for n arguments.
func placeholders(n, from int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}
