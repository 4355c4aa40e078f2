package loop

import (
	"context"
	"errors"
	"slices"
	"time"

	"tocsin/internal/access"
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

// Notices returns at most limit notices that by may read behind the cursor, the newest first.
func (l *Loop) Notices(ctx context.Context, now time.Time, by access.Actor, q NoticeQuery, after NoticeCursor, limit int) ([]NoticeRow, error) {
	var rows []NoticeRow
	err := l.store.View(ctx, func(tx *store.Tx) error {
		names, err := l.names(ctx, tx)
		if err != nil {
			return err
		}
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		list, err := tx.ListNotices(ctx, store.NoticeFilter{Party: q.Party, State: q.State, May: r.may(access.Notices)}, after, limit)
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
	if err == nil {
		err = know(ctx, tx, n, list, func(n *notice.Notice) ident.Party { return n.Party })
	}
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
	Looked     bool          // by said why they look: Mail is there
	Mail       notice.Opened // what was, or will be, sent
	Deliveries []notice.Delivery
	Answers    []store.Answer // the newest first
	Chain      []NoticeRow    // the reminders and escalations it belongs to, the oldest first
}

// answersShown is how many answers a notice's page lists.
const answersShown = 100

// NoticeByID returns one notice with deliveries, findings and chain, and its mail taken apart where by said why they look;
// fault.NotFound where there is none that by may read.
func (l *Loop) NoticeByID(ctx context.Context, now time.Time, by access.Actor, id ident.Notice) (NoticeDetail, error) {
	var d NoticeDetail
	err := l.store.View(ctx, func(tx *store.Tx) error {
		names, err := l.names(ctx, tx)
		if err != nil {
			return err
		}
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		n, err := r.notice(ctx, tx, id)
		if err != nil {
			return err
		}
		if d.Looked, err = looked(ctx, tx, now, by, "notice:"+string(id)); err != nil {
			return err
		}
		told, err := tx.NoticeFindings(ctx, id)
		if err != nil {
			return err
		}
		if err := know(ctx, tx, names, []notice.Notice{n}, func(n *notice.Notice) ident.Party { return n.Party }); err != nil {
			return err
		}
		d.NoticeRow = NoticeRow{n, names.parties[n.Party], len(told)}
		if told, err = r.readable(ctx, tx, told); err != nil {
			return err
		}
		if d.Told, err = names.rows(ctx, tx, told...); err != nil {
			return err
		}
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
		chain = slices.DeleteFunc(chain, func(n notice.Notice) bool { return !r.can(store.NoticeThing(&n)) })
		d.Chain, err = names.notices(ctx, tx, chain)
		return err
	})
	if err != nil || !d.Looked {
		return d, err
	}
	raw, err := l.NoticeMail(ctx, now, by, id)
	if err != nil {
		return NoticeDetail{}, err
	}
	d.Mail, err = notice.Open(raw)
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

// NoticeMail returns the exact bytes of a notice's mail; nil while it has not been written. ErrLook where by did not
// say why they look.
func (l *Loop) NoticeMail(ctx context.Context, now time.Time, by access.Actor, id ident.Notice) ([]byte, error) {
	var raw []byte
	err := l.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by, "")
		if err != nil {
			return err
		}
		if _, err := r.notice(ctx, tx, id); err != nil {
			return err
		}
		said, err := looked(ctx, tx, now, by, "notice:"+string(id))
		if err != nil || !said {
			return errors.Join(err, ErrLook)
		}
		raw, err = tx.NoticeMessage(ctx, id)
		return err
	})
	return raw, err
}
