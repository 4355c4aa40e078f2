package register

import (
	"errors"
	"strings"
	"time"

	acts "tocsin/internal/act/register"
	"tocsin/internal/api/operation"
	"tocsin/internal/event"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

// Contacts is where a party is told.
type Contacts struct {
	Contacts []OwnContact `json:"contacts"`
	Sends    bool         `json:"sends" doc:"The installation sends mail: without it no contact can be proved."`
}

// OwnContact is a contact as its party's own people see it.
type OwnContact struct {
	ID       string     `json:"id"`
	Role     string     `json:"role"`
	Name     string     `json:"name,omitempty"`
	Mail     string     `json:"mail"`
	Language string     `json:"language,omitempty"`
	Told     bool       `json:"told" doc:"Notices go there."`
	Unproved bool       `json:"unproved" doc:"Nobody has followed the link that was mailed to it."`
	Replaces string     `json:"replaces,omitempty" doc:"Id of the contact that goes once this one is proved."`
	Bounced  *time.Time `json:"bounced,omitempty" doc:"Mail came back then."`
	Bounce   string     `json:"bounce,omitempty" doc:"What the mail server said."`
	Key      *PGPKey    `json:"key,omitempty"`
	Last     *Letter    `json:"last_letter,omitempty" doc:"The newest mail to it beside notices."`
}

// PGPKey is a public key.
type PGPKey struct {
	Fingerprint string     `json:"fingerprint"`
	Names       []string   `json:"names" doc:"As the key states them."`
	Created     *time.Time `json:"created,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
	Problem     string     `json:"problem,omitempty" doc:"Why nothing can be encrypted to it."`
}

// Letter is a mail to a contact beside notices.
type Letter struct {
	Kind    string     `json:"kind"`
	State   string     `json:"state"`
	Created time.Time  `json:"created"`
	Done    *time.Time `json:"done,omitempty"`
	Detail  string     `json:"detail,omitempty" doc:"What the mail server said."`
}

func keyOf(k notice.KeyInfo) *PGPKey {
	return &PGPKey{k.Fingerprint, k.Names, operation.Some(k.Created), operation.Some(k.Expires), k.Problem}
}

func ownContactOf(r *acts.ContactRow) OwnContact {
	out := OwnContact{
		ID: r.ID, Role: string(r.Role), Name: r.Name, Mail: r.Mail, Language: r.Language, Told: r.Told, Unproved: r.Unproved, Replaces: r.Replaces, Bounced: operation.Some(r.Bounced), Bounce: r.Bounce,
	}
	switch {
	case r.Broken:
		out.Key = &PGPKey{Problem: "it cannot be read"}
	case r.PGPKey != "":
		out.Key = keyOf(r.Key)
	}
	if l := r.Last; l != nil {
		out.Last = &Letter{string(l.Kind), string(l.State), l.Created, operation.Some(l.Done), l.Detail}
	}
	return out
}

// Contacts lists the contacts of the own party.
func (r *Register) Contacts(c *operation.Call, _ operation.None) (Contacts, error) {
	if err := c.Member(); err != nil {
		return Contacts{}, err
	}
	rows, err := r.Acts.Contacts(c.Ctx, c.Now, c.By)
	out := Contacts{Sends: r.Acts.Sends()}
	for i := range rows {
		out.Contacts = append(out.Contacts, ownContactOf(&rows[i]))
	}
	return out, err
}

// contactNow answers an act on a contact with the contact as it is now.
func (r *Register) contactNow(c *operation.Call, id string, err error) (OwnContact, error) {
	if errors.Is(err, acts.ErrLetters) {
		return OwnContact{}, &operation.TooMany{Wait: 24 * time.Hour, Why: acts.ErrLetters.Error()}
	}
	if err != nil {
		return OwnContact{}, problemsOf(err, func(field string) string { return field[strings.LastIndexByte(field, '.')+1:] })
	}
	rows, err := r.Acts.Contacts(c.Ctx, c.Now, c.By)
	for i := range rows {
		if rows[i].ID == id {
			return ownContactOf(&rows[i]), nil
		}
	}
	return OwnContact{}, err
}

// ContactText is what the document says of adding and changing a contact.
const ContactText = "A mail with a link goes to a new address; notices go there once somebody has followed it. A new address of a contact that is proved " +
	"takes its place only then: the answer is the contact that waits. A contact takes five such mails a day."

type contactBody struct {
	Role     string `json:"role" required:"true" enum:"security,abuse,technical,management,backup"`
	Name     string `json:"name,omitempty" max:"500"`
	Mail     string `json:"mail" required:"true" max:"254"`
	Language string `json:"language,omitempty" enum:"en,zh" doc:"The party's where absent."`
}

func (b *contactBody) contact() acts.Contact {
	return acts.Contact{Role: party.Role(b.Role), Name: b.Name, Mail: b.Mail, Language: b.Language}
}

type addContactQuery struct {
	Body contactBody
}

// AddContact adds one.
func (r *Register) AddContact(c *operation.Call, q addContactQuery) (OwnContact, error) {
	if err := c.Member(); err != nil {
		return OwnContact{}, err
	}
	is, err := r.Acts.AddContact(c.Ctx, c.Now, c.By, q.Body.contact())
	return r.contactNow(c, is.ID, err)
}

type putContactQuery struct {
	ID   string `path:"id"`
	Body contactBody
}

// PutContact changes one.
func (r *Register) PutContact(c *operation.Call, q putContactQuery) (OwnContact, error) {
	if err := c.Member(); err != nil {
		return OwnContact{}, err
	}
	is, err := r.Acts.PutContact(c.Ctx, c.Now, c.By, q.ID, q.Body.contact())
	return r.contactNow(c, is.ID, err)
}

type contactQuery struct {
	ID string `path:"id"`
}

// EndContact takes one away.
func (r *Register) EndContact(c *operation.Call, q contactQuery) (operation.None, error) {
	if err := c.Member(); err != nil {
		return operation.None{}, err
	}
	return operation.None{}, r.Acts.EndContact(c.Ctx, c.Now, c.By, q.ID)
}

// AskContact sends the mail that proves one once more.
func (r *Register) AskContact(c *operation.Call, q contactQuery) (OwnContact, error) {
	return r.writeTo(c, q.ID, notice.ProveMail)
}

// TestContact sends a test to one.
func (r *Register) TestContact(c *operation.Call, q contactQuery) (OwnContact, error) {
	return r.writeTo(c, q.ID, notice.TestMail)
}

func (r *Register) writeTo(c *operation.Call, id string, k notice.ContactKind) (OwnContact, error) {
	if err := c.Member(); err != nil {
		return OwnContact{}, err
	}
	return r.contactNow(c, id, r.Acts.Ask(c.Ctx, c.Now, c.By, id, k))
}

type keyBody struct {
	Key string `json:"key" max:"100000" doc:"ASCII-armoured public key; empty takes the key away."`
	All bool   `json:"all,omitempty" doc:"It is for every contact of the party."`
}

type keyQuery struct {
	ID   string `path:"id"`
	Body keyBody
}

// PutKey gives one a public key, or takes it away.
func (r *Register) PutKey(c *operation.Call, q keyQuery) (OwnContact, error) {
	if err := c.Member(); err != nil {
		return OwnContact{}, err
	}
	ids := []string{q.ID}
	if q.Body.All {
		rows, err := r.Acts.Contacts(c.Ctx, c.Now, c.By)
		if err != nil {
			return OwnContact{}, err
		}
		for _, r := range rows {
			if r.ID != q.ID {
				ids = append(ids, r.ID)
			}
		}
	}
	_, err := r.Acts.PutKey(c.Ctx, c.Now, c.By, ids, q.Body.Key)
	return r.contactNow(c, q.ID, err)
}

// Rhythm is in which language and how often a party is told.
type Rhythm struct {
	Language string `json:"language" required:"true" enum:"en,zh"`
	Urgent   string `json:"urgent,omitempty" enum:"info,low,medium,high,critical" doc:"Told at once from here on; as the installation has it where absent."`
	Hour     int    `json:"hour,omitempty" min:"0" max:"24" doc:"Of the digest, 1 to 24 (midnight); as the installation has it where absent."`
	Weekday  int    `json:"weekday,omitempty" min:"0" max:"7" doc:"1 (Monday) to 7: one digest a week; every day where absent."`
}

// RhythmNow is a party's rhythm beside the installation's.
type RhythmNow struct {
	Rhythm Rhythm `json:"rhythm"`
	Urgent string `json:"usual_urgent" doc:"Of the installation."`
	Hour   int    `json:"usual_hour"`
	Zone   string `json:"zone" doc:"That hours are in."`
}

// Rhythm says how the own party is told.
func (r *Register) Rhythm(c *operation.Call, _ operation.None) (RhythmNow, error) {
	if err := c.Member(); err != nil {
		return RhythmNow{}, err
	}
	h, err := r.Acts.Rhythm(c.Ctx, c.Now, c.By)
	if err != nil {
		return RhythmNow{}, err
	}
	p, err := r.Acts.Own(c.Ctx, c.Now, c.By)
	usual := r.Acts.Rules()
	return RhythmNow{Rhythm{p.Language, h.UrgentFrom.String(), h.Hour, h.Weekday}, usual.UrgentFrom.String(), usual.Hour, r.Zone.String()}, err
}

type putRhythmQuery struct {
	Body Rhythm
}

// PutRhythm sets it.
func (r *Register) PutRhythm(c *operation.Call, q putRhythmQuery) (RhythmNow, error) {
	if err := c.Member(); err != nil {
		return RhythmNow{}, err
	}
	h := notice.Rhythm{Hour: q.Body.Hour, Weekday: q.Body.Weekday}
	if q.Body.Urgent != "" {
		h.UrgentFrom, _ = event.ParseSeverity(q.Body.Urgent) // the enum was checked
	}
	if err := r.Acts.SetRhythm(c.Ctx, c.Now, c.By, q.Body.Language, h); err != nil {
		return RhythmNow{}, err
	}
	return r.Rhythm(c, operation.None{})
}
