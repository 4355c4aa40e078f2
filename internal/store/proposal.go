package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// InsertProposal writes a new proposal.
func (t *Tx) InsertProposal(ctx context.Context, p people.Proposal) error {
	_, err := t.exec(ctx, `insert into proposal (id, act, object, particulars, digest, reason, proposed_by, proposed_post, proposed_at,
		expires_at, state, decided_by, decided_post, decided_at, decision)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		p.ID, p.Act, p.Object, p.Particulars, p.Digest, p.Reason, p.By, string(p.Post), Micros(p.At), Micros(p.Expires), string(p.State),
		p.DecidedBy, string(p.DecidedPost), optional(p.Decided), p.Decision)
	if err != nil {
		return fmt.Errorf("write proposal: %w", err)
	}
	return nil
}

// UpdateProposal writes a proposal whose row is still in state from: fault.Conflict where somebody was faster.
func (t *Tx) UpdateProposal(ctx context.Context, p people.Proposal, from people.ProposalState) error {
	res, err := t.exec(ctx, `update proposal set particulars = $1, digest = $2, reason = $3, proposed_by = $4, proposed_post = $5,
		proposed_at = $6, expires_at = $7, state = $8, decided_by = $9, decided_post = $10, decided_at = $11, decision = $12
		where id = $13 and state = $14`,
		p.Particulars, p.Digest, p.Reason, p.By, string(p.Post), Micros(p.At), Micros(p.Expires), string(p.State),
		p.DecidedBy, string(p.DecidedPost), optional(p.Decided), p.Decision, p.ID, string(from))
	if err != nil {
		return fmt.Errorf("write proposal: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.Conflict, "somebody else decided about this proposal first")
	}
	return nil
}

const proposalColumns = `id, act, object, particulars, digest, reason, proposed_by, proposed_post, proposed_at, expires_at, state,
	decided_by, decided_post, decided_at, decision`

func scanProposal(scan func(...any) error) (people.Proposal, error) {
	var p people.Proposal
	var at, expires int64
	var decided sql.NullInt64
	err := scan(&p.ID, &p.Act, &p.Object, &p.Particulars, &p.Digest, &p.Reason, &p.By, &p.Post, &at, &expires, &p.State,
		&p.DecidedBy, &p.DecidedPost, &decided, &p.Decision)
	p.At, p.Expires, p.Decided = Instant(at), Instant(expires), instant(decided)
	return p, err
}

// ProposalByID returns a proposal; fault.NotFound where there is none.
func (t *Tx) ProposalByID(ctx context.Context, id string) (people.Proposal, error) {
	p, err := scanProposal(func(dest ...any) error {
		return t.row(ctx, "select "+proposalColumns+" from proposal where id = $1", []any{id}, dest...)
	})
	if err != nil {
		return people.Proposal{}, fmt.Errorf("read proposal: %w", err)
	}
	return p, nil
}

// Proposals returns at most limit proposals, the newest first: open ones, or those that were decided.
func (t *Tx) Proposals(ctx context.Context, open bool, limit int) ([]people.Proposal, error) {
	where := "state <> 'open'"
	if open {
		where = "state = 'open'"
	}
	var out []people.Proposal
	err := t.each(ctx, "select "+proposalColumns+" from proposal where "+where+" order by proposed_at desc, id limit $1",
		[]any{limit}, func(r *sql.Rows) error {
			p, err := scanProposal(r.Scan)
			out = append(out, p)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read proposals: %w", err)
	}
	return out, nil
}

// ActorSince returns who did an act to an object at or after an instant, as the ledger names them; fault.NotFound where
// nobody did.
func (t *Tx) ActorSince(ctx context.Context, act, object string, since time.Time) (actor string, post ident.Post, err error) {
	err = t.row(ctx, "select actor, post from entry where object = $1 and act = $2 and at >= $3 order by id desc limit 1",
		[]any{object, act, Micros(since)}, &actor, &post)
	if err != nil {
		return "", "", fmt.Errorf("read the ledger: %w", err)
	}
	return actor, post, nil
}
