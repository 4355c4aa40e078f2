package loop

import (
	"context"

	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// NoticeCursor stands for a place in the list of notices; the zero value is the start.
type NoticeCursor = store.NoticeCursor

// NoticeRow is a notice as lists show it.
type NoticeRow struct {
	notice.Notice
	PartyName string
	Findings  int
}

// NoticeQuery is what a person asks of the list of notices; the zero value asks for all.
type NoticeQuery struct {
	Party ident.Party
	State notice.State
}

// Notices returns at most limit notices behind the cursor, the newest first.
func (l *Loop) Notices(ctx context.Context, q NoticeQuery, after NoticeCursor, limit int) ([]NoticeRow, error) {
	var rows []NoticeRow
	err := l.store.View(ctx, func(tx *store.Tx) error {
		names, err := l.names(ctx, tx)
		if err != nil {
			return err
		}
		list, err := tx.ListNotices(ctx, store.NoticeFilter{Party: q.Party, State: q.State}, after, limit)
		if err != nil {
			return err
		}
		rows, err = names.notices(ctx, tx, list)
		return err
	})
	return rows, err
}

func (n *names) notices(ctx context.Context, tx *store.Tx, list []notice.Notice) ([]NoticeRow, error) {
	ids := make([]ident.Notice, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	counts, err := tx.ToldCounts(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]NoticeRow, len(list))
	for i := range list {
		rows[i] = NoticeRow{list[i], n.parties[list[i].Party], counts[list[i].ID]}
	}
	return rows, nil
}

// NoticeDetail is one notice with its mail, its way and what came back.
type NoticeDetail struct {
	NoticeRow
	Contact    party.Contact // that it goes to now; zero where the contact is gone
	Told       []FindingRow
	Mail       Mail // what was, or will be, sent
	Deliveries []notice.Delivery
	Answers    []store.Answer // the newest first
	Chain      []NoticeRow    // the reminders and escalations it belongs to, the oldest first
}

// answersShown is how many answers a notice's page lists.
const answersShown = 100

// NoticeByID returns one notice with its mail taken apart, deliveries, findings and chain.
func (l *Loop) NoticeByID(ctx context.Context, id ident.Notice) (NoticeDetail, error) {
	var d NoticeDetail
	err := l.store.View(ctx, func(tx *store.Tx) error {
		names, err := l.names(ctx, tx)
		if err != nil {
			return err
		}
		n, err := tx.NoticeByID(ctx, id)
		if err != nil {
			return err
		}
		told, err := tx.NoticeFindings(ctx, id)
		if err != nil {
			return err
		}
		for i := range told {
			d.Told = append(d.Told, names.row(told[i]))
		}
		d.NoticeRow = NoticeRow{n, names.parties[n.Party], len(told)}
		if d.Deliveries, err = tx.Deliveries(ctx, id); err != nil {
			return err
		}
		if d.Contact, err = contactOf(ctx, tx, n); err != nil {
			return err
		}
		if d.Answers, err = tx.AnswersTo(ctx, id, "party:"+string(n.Party), n.Created, answersShown); err != nil {
			return err
		}
		first := n.Parent
		if first == "" {
			first = n.ID
		}
		chain, err := tx.NoticeChain(ctx, first)
		if err != nil {
			return err
		}
		d.Chain, err = names.notices(ctx, tx, chain)
		return err
	})
	if err != nil {
		return NoticeDetail{}, err
	}
	raw, err := l.NoticeMail(ctx, id)
	if err != nil {
		return NoticeDetail{}, err
	}
	d.Mail, err = ReadMail(raw)
	return d, err
}

func contactOf(ctx context.Context, tx *store.Tx, n notice.Notice) (party.Contact, error) {
	p, err := tx.PartyByID(ctx, n.Party)
	if err != nil {
		return party.Contact{}, err
	}
	for _, c := range p.Contacts {
		if c.ID == n.Contact {
			return c, nil
		}
	}
	return party.Contact{}, nil
}

// NoticeMail returns the exact bytes of a notice's mail; nil while it has not been written.
func (l *Loop) NoticeMail(ctx context.Context, id ident.Notice) ([]byte, error) {
	var raw []byte
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		raw, err = tx.NoticeMessage(ctx, id)
		return err
	})
	return raw, err
}
