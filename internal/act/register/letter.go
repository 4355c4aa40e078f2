package register

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Letter is a mail to a contact beside notices, waiting or done.
type Letter = store.Letter

// Limits of letters, so that nobody can have strangers flooded.
const (
	lettersADay = 5 // to one contact
	addressBook = 30
)

// write puts a letter to a contact into the outbox.
func (r *Register) write(ctx context.Context, tx *store.Tx, now time.Time, p party.Party, c party.Contact, k notice.ContactKind) error {
	since := now.Add(-24 * time.Hour)
	n, err := tx.CountLetters(ctx, c.ID, since)
	if err != nil {
		return err
	}
	all, err := tx.CountPartyLetters(ctx, p.ID, since)
	if err != nil {
		return err
	}
	if n >= lettersADay || all >= addressBook {
		return ErrLetters
	}
	return tx.InsertLetter(ctx, store.Letter{
		ID: ident.New("ltr"), Party: p.ID, Contact: c.ID, Kind: k, Language: notice.Language(&p, &c),
		State: store.LetterWaiting, Created: now, Next: now,
	})
}

// Ask sends the link that proves a contact once more, or a test to one that is proved: "contact.ask" and "contact.test".
// ErrLetters where enough went there today.
func (r *Register) Ask(ctx context.Context, now time.Time, by access.Actor, id string, k notice.ContactKind) error {
	act := "contact.test"
	if k == notice.ProveMail {
		act = "contact.ask"
	}
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		p, i, err := ofOwn(ctx, tx, now, by, id)
		if err != nil {
			return err
		}
		c := p.Contacts[i]
		if c.Unproved != (k == notice.ProveMail) {
			return fault.New(fault.Conflict, "this contact has been confirmed, or has not been yet: load the page again")
		}
		if err := r.write(ctx, tx, now, p, c, k); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, act, access.Of(p.ID, "contact:"+id), "", contactBody{Party: p.ID, Role: c.Role})
		return err
	})
	return wrap(err, "write to a contact")
}

// batch bounds what one call of Send sends, so that leases outlast the slowest mail server.
const batch = 4

// Send sends letters that are due, the oldest first, and returns how many it handled. Each attempt is one act,
// "contact.mail".
func (r *Register) Send(ctx context.Context, now time.Time) (int, error) {
	if r.mailer == nil {
		return 0, nil
	}
	signer, err := notice.ReadSigningKey(r.set.SigningKey)
	if err != nil {
		return 0, err
	}
	for n := range batch {
		l, p, c, err := r.take(ctx, now)
		if err != nil || l.ID == "" {
			return n, err
		}
		if err := r.send(ctx, now, l, p, c, signer); err != nil {
			return n, fmt.Errorf("send letter %s: %w", l.ID, err)
		}
	}
	return batch, nil
}

// take claims the next letter; the zero letter where none is due. The contact is nil where it is gone.
func (r *Register) take(ctx context.Context, now time.Time) (store.Letter, party.Party, *party.Contact, error) {
	var l store.Letter
	var p party.Party
	var c *party.Contact
	err := r.store.Keep(ctx, func(tx *store.Tx) error {
		var ok bool
		var err error
		if l, ok, err = tx.ClaimLetter(ctx, now, now.Add(notice.Lease)); err != nil || !ok {
			return err
		}
		if p, err = tx.PartyByID(ctx, l.Party); err != nil {
			return err
		}
		c = nil
		if i := slices.IndexFunc(p.Contacts, func(c party.Contact) bool { return c.ID == l.Contact }); i >= 0 {
			c = &p.Contacts[i]
		}
		return nil
	})
	return l, p, c, wrap(err, "claim a letter")
}

func (r *Register) send(ctx context.Context, now time.Time, l store.Letter, p party.Party, c *party.Contact, signer *notice.SigningKey) error {
	if c == nil || c.Unproved != (l.Kind == notice.ProveMail) {
		return r.record(ctx, now, l, store.LetterDropped, nil)
	}
	m, err := r.compose(now, l, &p, c).Compose(signer)
	if err != nil {
		return err
	}
	sent := r.mailer.Send(ctx, notice.Envelope{From: r.set.Sender.Mail, To: c.Mail, Message: m.Message})
	if sent != nil && ctx.Err() != nil {
		return ctx.Err() // we stop; the lease runs out and it goes out then
	}
	switch trigger, _ := notice.Verdict(sent, l.Tries+1); trigger {
	case notice.Accept:
		return r.record(ctx, now, l, store.LetterTaken, nil)
	case notice.Defer:
		return r.record(ctx, now, l, store.LetterWaiting, sent)
	case notice.Fail, notice.Claim, notice.Confirm, notice.Bounce, notice.Retarget, notice.GiveUp, notice.Reply, notice.Rest, notice.Withdraw, notice.HoldBack, notice.Release:
	}
	return r.record(ctx, now, l, store.LetterRefused, sent)
}

func (r *Register) compose(now time.Time, l store.Letter, p *party.Party, c *party.Contact) *notice.ContactLetter {
	domain := r.set.MailDomain
	if domain == "" {
		domain = "tocsin.invalid"
	}
	until := now.Add(notice.ProofLife)
	return &notice.ContactLetter{
		ID: l.ID, Kind: l.Kind, Party: p, Contact: c, Sender: r.set.Sender, Language: l.Language, MessageID: l.ID + "@" + domain,
		Link: r.set.BaseURL + "/c/" + notice.ProofLink(r.set.Key, c.ID, c.Mail, until), Until: until, Zone: r.set.Zone, Now: now,
	}
}

// record writes what came of a letter. A test that the server took shows that the address works again; one that it
// refused for good shows that it does not.
func (r *Register) record(ctx context.Context, now time.Time, was store.Letter, to store.LetterState, sent error) error {
	return r.store.Update(ctx, func(tx *store.Tx) error {
		l, err := tx.LetterByID(ctx, was.ID)
		if err != nil || !l.Leased.Equal(was.Leased) || l.State != store.LetterSending {
			return err // the lease ran out while we sent; whoever has it now records
		}
		l.State, l.Leased, l.Server, l.Detail = to, time.Time{}, r.set.Server, ""
		if sent != nil {
			l.Detail = event.Clean(sent.Error())
		}
		if to != store.LetterDropped {
			l.Tries++
		}
		if to == store.LetterWaiting {
			wait, _ := notice.BackOff(l.Tries)
			l.Next = now.Add(wait)
		} else {
			l.Done = now
		}
		if err := tx.PutLetter(ctx, l); err != nil {
			return err
		}
		if err := markBounce(ctx, tx, now, l, sent); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, access.ForSoftware("letters"), "contact.mail", access.Of(l.Party, "contact:"+l.Contact),
			string(l.Kind)+" "+string(to)+code(sent), struct {
				Letter string `json:"letter"`
				Tries  int    `json:"tries"`
			}{l.ID, l.Tries})
		return err
	})
}

func markBounce(ctx context.Context, tx *store.Tx, now time.Time, l store.Letter, sent error) error {
	var err error
	switch _, address := notice.Verdict(sent, l.Tries); {
	case l.State == store.LetterTaken:
		err = tx.MarkBounce(ctx, l.Contact, time.Time{}, "")
	case l.State == store.LetterRefused && address:
		err = tx.MarkBounce(ctx, l.Contact, now, l.Detail)
	}
	if errors.Is(err, fault.NotFound) {
		return nil // the contact went meanwhile
	}
	return err
}

// code is the reply code for the ledger, which takes no text of others.
func code(err error) string {
	var s *notice.SendError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &s) && s.Code != 0:
		return fmt.Sprintf(" smtp %d %s", s.Code, s.Enhanced)
	}
	return " not reached"
}

// ContactRow is a contact as its party's people see it.
type ContactRow struct {
	party.Contact
	Key    notice.KeyInfo // zero where it has none
	Broken bool           // it has a key that cannot be read
	Last   *Letter        // the newest letter to it; nil where none was written
	Told   bool           // notices go there
}

// lettersShown bounds the letters that are looked through for the newest of each contact.
const lettersShown = 1000

// Contacts returns the contacts of by's party.
func (r *Register) Contacts(ctx context.Context, now time.Time, by access.Actor) ([]ContactRow, error) {
	var out []ContactRow
	err := r.store.View(ctx, func(tx *store.Tx) error {
		p, err := own(ctx, tx, now, by)
		if err != nil {
			return err
		}
		letters, err := tx.LettersOf(ctx, p.ID, lettersShown)
		if err != nil {
			return err
		}
		for _, c := range p.Contacts {
			row := ContactRow{Contact: c, Told: told(c)}
			if c.PGPKey != "" {
				row.Key, err = notice.ReadKey(c.PGPKey, now)
				row.Broken = err != nil
			}
			if i := slices.IndexFunc(letters, func(l Letter) bool { return l.Contact == c.ID }); i >= 0 {
				row.Last = &letters[i]
			}
			out = append(out, row)
		}
		return nil
	})
	return out, err
}
