package register

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Contact is what a member enters of a contact.
type Contact struct {
	Role     party.Role
	Name     string
	Mail     string
	Language string // empty: the party's
}

// Errors that pages say in the reader's language.
var (
	ErrLast    = fault.New(fault.Conflict, "nobody could be told any more: add another contact first, and let its address be confirmed")
	ErrTwice   = fault.New(fault.Conflict, "there is a contact with this role and address already")
	ErrLetters = fault.New(fault.TooMany, "enough mails were sent there today: try again tomorrow")
)

// contactBody is what entries about contacts say: no name and no address.
type contactBody struct {
	Party   ident.Party `json:"party"`
	Role    party.Role  `json:"role,omitempty"`
	Mail    bool        `json:"mail,omitempty"` // the address is new and is to be proved
	Key     string      `json:"key,omitempty"`  // fingerprint of the key; "none" where it was taken away
	Replace string      `json:"replaces,omitempty"`
}

// AddContact enters a contact. A letter goes to its address with a link; notices go there once somebody has followed it.
func (r *Register) AddContact(ctx context.Context, now time.Time, by access.Actor, in Contact) (party.Contact, error) {
	c := party.Contact{ID: ident.New("con"), Role: in.Role, Name: in.Name, Mail: in.Mail, Language: in.Language, Own: true, Unproved: true}
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		p, err := own(ctx, tx, now, by)
		if err != nil {
			return err
		}
		p.Contacts = append(slices.Clone(p.Contacts), c)
		if p, err = checked(p); err != nil {
			return err
		}
		c = p.Contacts[len(p.Contacts)-1]
		if err := tx.PutParty(ctx, now, p); err != nil {
			return err
		}
		if err := r.write(ctx, tx, now, p, c, notice.ProveMail); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "contact.add", access.Of(p.ID, "contact:"+c.ID), "", contactBody{Party: p.ID, Role: c.Role, Mail: true})
		return err
	})
	return c, wrap(err, "add a contact")
}

// PutContact changes a contact. A new address of one that is proved takes its place only once it is proved itself: until
// then the old one is told.
func (r *Register) PutContact(ctx context.Context, now time.Time, by access.Actor, id string, in Contact) (party.Contact, error) {
	var c party.Contact
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		p, i, err := ofOwn(ctx, tx, now, by, id)
		if err != nil {
			return err
		}
		old := p.Contacts[i]
		c = old
		c.Role, c.Name, c.Mail, c.Language, c.Own = in.Role, in.Name, strings.TrimSpace(in.Mail), in.Language, true
		moved := !strings.EqualFold(c.Mail, old.Mail)
		if moved {
			c.PGPKey = "" // whoever reads at the new address need not hold the old one's key
		}
		body := contactBody{Party: p.ID, Role: c.Role, Mail: moved}
		p.Contacts = slices.Clone(p.Contacts)
		switch {
		case moved && !old.Unproved:
			c.ID, c.Unproved, c.Replaces, c.Bounced, c.Bounce = ident.New("con"), true, old.ID, time.Time{}, ""
			body.Replace = old.ID
			p.Contacts = slices.DeleteFunc(p.Contacts, func(o party.Contact) bool { return o.Replaces == old.ID })
			p.Contacts = append(p.Contacts, c)
		default:
			if moved {
				c.Bounced, c.Bounce = time.Time{}, ""
			}
			p.Contacts[i] = c
		}
		if p, err = checked(p); err != nil {
			return err
		}
		at := slices.IndexFunc(p.Contacts, func(o party.Contact) bool { return o.ID == c.ID })
		c = p.Contacts[at]
		if err := tx.PutParty(ctx, now, p); err != nil {
			return err
		}
		if moved {
			if err := r.write(ctx, tx, now, p, c, notice.ProveMail); err != nil {
				return err
			}
		}
		_, err = tx.Append(ctx, now, by, "contact.put", access.Of(p.ID, "contact:"+id), "", body)
		return err
	})
	return c, wrap(err, "change a contact")
}

// EndContact takes a contact away. ErrLast where nobody could be told after that.
func (r *Register) EndContact(ctx context.Context, now time.Time, by access.Actor, id string) error {
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		p, i, err := ofOwn(ctx, tx, now, by, id)
		if err != nil {
			return err
		}
		was := p.Contacts[i]
		left := slices.DeleteFunc(slices.Clone(p.Contacts), func(c party.Contact) bool { return c.ID == id })
		for j := range left {
			if left[j].Replaces == id {
				left[j].Replaces = ""
			}
		}
		if told(was) && !slices.ContainsFunc(left, told) {
			return ErrLast
		}
		p.Contacts = left
		if err := tx.PutParty(ctx, now, p); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "contact.end", access.Of(p.ID, "contact:"+id), "", contactBody{Party: p.ID, Role: was.Role})
		return err
	})
	return wrap(err, "take a contact away")
}

// told reports whether notices go to a contact.
func told(c party.Contact) bool { return c.Mail != "" && !c.Unproved && c.Bounced.IsZero() }

// PutKey gives contacts a public key, or takes it away where the text is empty. notice.ErrKeyBroken and
// notice.ErrKeyPrivate say what is wrong with one; a key that nothing can be encrypted to is fault.Invalid too.
func (r *Register) PutKey(ctx context.Context, now time.Time, by access.Actor, ids []string, armoured string) (notice.KeyInfo, error) {
	var info notice.KeyInfo
	armoured = strings.TrimSpace(armoured)
	if armoured != "" {
		var err error
		if info, err = notice.ReadKey(armoured, now); err != nil {
			return info, err
		}
		if info.Problem != "" {
			return info, ErrKeyExpired
		}
	}
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		p, err := own(ctx, tx, now, by)
		if err != nil {
			return err
		}
		p.Contacts = slices.Clone(p.Contacts)
		n := 0
		for i := range p.Contacts {
			if slices.Contains(ids, p.Contacts[i].ID) {
				p.Contacts[i].PGPKey = armoured
				n++
			}
		}
		if n == 0 || n != len(ids) {
			return errNoContact
		}
		if p, err = checked(p); err != nil {
			return err
		}
		if err := tx.PutParty(ctx, now, p); err != nil {
			return err
		}
		body := contactBody{Party: p.ID, Key: strings.ReplaceAll(info.Fingerprint, " ", "")}
		if armoured == "" {
			body.Key = "none"
		}
		on := "contact:" + ids[0]
		if n > 1 {
			on = "party:" + string(p.ID)
		}
		_, err = tx.Append(ctx, now, by, "contact.key", access.Of(p.ID, on), "", body)
		return err
	})
	return info, wrap(err, "give a contact a key")
}

// ErrKeyExpired says that nothing can be encrypted to a key any more.
var ErrKeyExpired = fault.New(fault.Invalid, "key: it has expired, was revoked, or is for signing only")

var errNoContact = fault.New(fault.NotFound, "there is no such contact")

// ofOwn returns by's party and the place of one of its contacts.
func ofOwn(ctx context.Context, tx *store.Tx, now time.Time, by access.Actor, id string) (party.Party, int, error) {
	p, err := own(ctx, tx, now, by)
	if err != nil {
		return p, 0, err
	}
	i := slices.IndexFunc(p.Contacts, func(c party.Contact) bool { return c.ID == id })
	if i < 0 {
		return p, 0, errNoContact
	}
	return p, i, nil
}

// checked brings a party into canonical spelling; ErrTwice where a contact stands there twice.
func checked(p party.Party) (party.Party, error) {
	seen := map[string]bool{}
	for _, c := range p.Contacts {
		key := string(c.Role) + "\x00" + strings.ToLower(c.Mail)
		if seen[key] {
			return p, ErrTwice
		}
		seen[key] = true
	}
	return p.Canonical()
}

// Proving is what the page behind a letter's link shows.
type Proving struct {
	Party   party.Party
	Contact party.Contact
	Until   time.Time
}

// ProofByToken returns the contact that a letter's link is about; fault.Denied or fault.Expired where it is not good.
func (r *Register) ProofByToken(ctx context.Context, now time.Time, token string) (Proving, error) {
	var out Proving
	err := r.store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = r.proof(ctx, tx, now, token)
		return err
	})
	return out, err
}

func (r *Register) proof(ctx context.Context, tx *store.Tx, now time.Time, token string) (Proving, error) {
	proof, err := notice.OpenProof(r.set.Key, token, now)
	if err != nil {
		return Proving{}, err
	}
	gone := fault.New(fault.Denied, "this contact is gone, or its address was changed since: nothing is to be confirmed")
	c, id, err := tx.ContactByID(ctx, proof.Contact)
	if errors.Is(err, fault.NotFound) || err == nil && !proof.Of(c.Mail) {
		return Proving{}, gone
	}
	if err != nil {
		return Proving{}, err
	}
	p, err := tx.PartyByID(ctx, id)
	return Proving{p, c, proof.Until}, err
}

// Prove records that mail to a contact is read: whoever has the link of its letter says so. The contact that it replaces
// goes. Doing it twice changes nothing.
func (r *Register) Prove(ctx context.Context, now time.Time, token string) (Proving, error) {
	var out Proving
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		var err error
		if out, err = r.proof(ctx, tx, now, token); err != nil || !out.Contact.Unproved {
			return err
		}
		p, old := out.Party, out.Contact.Replaces
		p.Contacts = slices.DeleteFunc(slices.Clone(p.Contacts), func(c party.Contact) bool { return c.ID == old })
		for i := range p.Contacts {
			if c := &p.Contacts[i]; c.ID == out.Contact.ID {
				c.Unproved, c.Replaces = false, ""
			}
		}
		if err := tx.PutParty(ctx, now, p); err != nil {
			return err
		}
		if err := tx.MarkBounce(ctx, out.Contact.ID, time.Time{}, ""); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, access.ForParty(p.ID), "contact.prove", access.Of(p.ID, "contact:"+out.Contact.ID), "",
			contactBody{Party: p.ID, Role: out.Contact.Role, Replace: old})
		return err
	})
	return out, wrap(err, "prove a contact")
}

// SetRhythm keeps in which language and how often a member's party wants to be told.
func (r *Register) SetRhythm(ctx context.Context, now time.Time, by access.Actor, language string, h notice.Rhythm) error {
	if err := h.Check(); err != nil {
		return err
	}
	if !slices.Contains(party.Languages, language) {
		return fault.New(fault.Invalid, "language: %q is not one that notices are written in", language)
	}
	err := r.store.Update(ctx, func(tx *store.Tx) error {
		p, err := own(ctx, tx, now, by)
		if err != nil {
			return err
		}
		if p.Language != language {
			p.Language = language
			if err := tx.PutParty(ctx, now, p); err != nil {
				return err
			}
		}
		if err := tx.PutRhythm(ctx, p.ID, h); err != nil {
			return err
		}
		_, err = tx.Append(ctx, now, by, "party.rhythm", access.Of(p.ID, "party:"+string(p.ID)), "", struct {
			Language string `json:"language"`
			Urgent   int    `json:"urgent"`
			Hour     int    `json:"hour"`
			Weekday  int    `json:"weekday"`
		}{language, int(h.UrgentFrom), h.Hour, h.Weekday})
		return err
	})
	return wrap(err, "keep how a party is told")
}

// Rhythm returns how by's party wants to be told.
func (r *Register) Rhythm(ctx context.Context, now time.Time, by access.Actor) (notice.Rhythm, error) {
	var h notice.Rhythm
	err := r.store.View(ctx, func(tx *store.Tx) error {
		p, err := own(ctx, tx, now, by)
		if err == nil {
			h, err = tx.RhythmOf(ctx, p.ID)
		}
		return err
	})
	return h, err
}

func wrap(err error, doing string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
