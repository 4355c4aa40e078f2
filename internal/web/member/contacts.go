package member

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"tocsin/internal/act/register"
	"tocsin/internal/fault"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

const contactsPage = "/my/contacts"

type contactsBody struct {
	Rows    []register.ContactRow
	Untold  bool // nobody can be told
	Sends   bool // this installation sends mail
	Answers bool
}

func (m *member) contacts(v *page.Visit) error {
	rows, err := m.Register.Contacts(v.R.Context(), v.Now, v.Who.Actor)
	if err != nil {
		return err
	}
	b := contactsBody{Rows: rows, Untold: true, Sends: m.Register.Sends(), Answers: v.May(people.Answer)}
	for _, r := range rows {
		b.Untold = b.Untold && !r.Told
	}
	return page.Show(v, "member/contacts", v.T("member.contacts.title"), b)
}

type contactBody struct {
	ID       string // empty: a new one
	Contact  party.Contact
	Fields   []page.Field
	Mistake  string
	Key      page.Field
	KeyInfo  notice.KeyInfo
	HasKey   bool
	Preview  bool // KeyInfo is of a key that was pasted and not taken yet
	All      bool // the key is for every contact
	Confirm  bool // an address that changes is to be proved
	KeyError string
}

// contactForm shows the form of one contact, or of a new one.
func (m *member) contactForm(v *page.Visit) error {
	id := v.R.URL.Query().Get("id")
	in := register.Contact{Role: party.Security}
	if id != "" {
		c, err := m.contactByID(v, id)
		if err != nil {
			return err
		}
		in = register.Contact{Role: c.Role, Name: c.Name, Mail: c.Mail, Language: c.Language}
	}
	return m.showContact(v, http.StatusOK, id, in, contactBody{})
}

func (m *member) contactByID(v *page.Visit, id string) (register.ContactRow, error) {
	rows, err := m.Register.Contacts(v.R.Context(), v.Now, v.Who.Actor)
	for _, r := range rows {
		if r.ID == id {
			return r, nil
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "%s", v.T("member.contact.gone"))
	}
	return register.ContactRow{}, err
}

func (m *member) showContact(v *page.Visit, status int, id string, in register.Contact, b contactBody) error {
	title := v.T("member.contact.new")
	if b.ID = id; id != "" {
		row, err := m.contactByID(v, id)
		if err != nil {
			return err
		}
		title, b.Contact, b.HasKey = v.T("member.contact.edit"), row.Contact, row.PGPKey != ""
		if !b.Preview {
			b.KeyInfo = row.Key
		}
	}
	role := page.Field{Name: "role", Label: v.T("field.role"), Type: "select", Hint: v.T("member.contact.role_hint")}
	for _, r := range party.Roles {
		role.Options = append(role.Options, page.Option{Value: string(r), Label: v.Lang.Word("role", string(r)), Selected: r == in.Role})
	}
	language := page.Field{Name: "language", Label: v.T("field.language"), Type: "select", Options: []page.Option{{Label: v.T("member.contact.as_party"), Selected: in.Language == ""}}}
	for _, l := range party.Languages {
		language.Options = append(language.Options, page.Option{Value: l, Label: v.Lang.Word("language_of", l), Selected: l == in.Language})
	}
	b.Fields = []page.Field{
		role,
		{Name: "name", Label: v.T("field.name"), Value: in.Name, Max: 300, Autocomplete: "off", Hint: v.T("member.contact.name_hint")},
		{Name: "mail", Label: v.T("field.mail"), Type: "email", Value: in.Mail, Required: true, Max: 254, Autocomplete: "off", Hint: v.T("member.contact.mail_hint")},
		language,
	}
	b.Key.Name, b.Key.ID, b.Key.Type, b.Key.Label = "key", "key", "textarea", v.T("member.contact.key")
	b.Key.Hint, b.Key.Rows, b.Key.Error = v.T("member.contact.key_hint"), 6, b.KeyError
	return page.ShowAs(v, status, "member/contact", title, b)
}

// contactAct carries out one of the acts on contacts.
func (m *member) contactAct(v *page.Visit) error {
	ctx, by, id := v.R.Context(), v.Who.Actor, v.R.PostForm.Get("id")
	var err error
	switch do := v.R.PostForm.Get("do"); do {
	case "save":
		return m.saveContact(v, id)
	case "key", "key-preview", "key-none":
		return m.contactKey(v, id, do)
	case "end":
		err = m.Register.EndContact(ctx, v.Now, by, id)
		if errors.Is(err, register.ErrLast) {
			return fault.New(fault.Conflict, "%s", v.T("member.contact.last"))
		}
		return redirected(v, err, "contact_ended")
	case "ask":
		err = m.Register.Ask(ctx, v.Now, by, id, notice.ProveMail)
	case "test":
		err = m.Register.Ask(ctx, v.Now, by, id, notice.TestMail)
	default:
		return fault.New(fault.Invalid, "do: %q is none of the acts on contacts", do)
	}
	if errors.Is(err, register.ErrLetters) {
		return fault.New(fault.TooMany, "%s", v.T("member.contact.letters"))
	}
	return redirected(v, err, "contact_written")
}

func redirected(v *page.Visit, err error, done string) error {
	if err != nil {
		return err
	}
	return v.Redirect(contactsPage, done)
}

func (m *member) saveContact(v *page.Visit, id string) error {
	ctx, post := v.R.Context(), v.R.PostForm
	in := register.Contact{Role: party.Role(post.Get("role")), Name: post.Get("name"), Mail: strings.TrimSpace(post.Get("mail")), Language: post.Get("language")}
	var c party.Contact
	var err error
	if id == "" {
		c, err = m.Register.AddContact(ctx, v.Now, v.Who.Actor, in)
	} else {
		c, err = m.Register.PutContact(ctx, v.Now, v.Who.Actor, id, in)
	}
	if text, ok := mistakeIn(v, err); ok {
		switch {
		case errors.Is(err, register.ErrTwice):
			text = v.T("member.contact.twice")
		case errors.Is(err, register.ErrLetters):
			text = v.T("member.contact.letters")
		}
		return m.showContact(v, http.StatusUnprocessableEntity, id, in, contactBody{Mistake: text})
	}
	if c.Unproved {
		return redirected(v, err, "contact_proving")
	}
	return redirected(v, err, "contact_saved")
}

// contactKey shows the fingerprint of a pasted key, takes the key, or takes it away.
func (m *member) contactKey(v *page.Visit, id, do string) error {
	ctx, post := v.R.Context(), v.R.PostForm
	row, err := m.contactByID(v, id)
	if err != nil {
		return err
	}
	in := register.Contact{Role: row.Role, Name: row.Name, Mail: row.Mail, Language: row.Language}
	key, ids := post.Get("key"), []string{id}
	b := contactBody{All: post.Get("all") != ""}
	b.Key.Value = key
	if do == "key-none" {
		_, err := m.Register.PutKey(ctx, v.Now, v.Who.Actor, ids, "")
		return redirected(v, err, "contact_key_none")
	}
	if b.All {
		if ids, err = m.contactIDs(v); err != nil {
			return err
		}
	}
	info, err := notice.ReadKey(key, v.Now)
	if err == nil && info.Problem != "" {
		err = register.ErrKeyExpired
	}
	if err == nil && do == "key-preview" {
		b.Preview, b.KeyInfo = true, info
		return m.showContact(v, http.StatusOK, id, in, b)
	}
	if err == nil {
		_, err = m.Register.PutKey(ctx, v.Now, v.Who.Actor, ids, key)
	}
	switch {
	case errors.Is(err, notice.ErrKeyPrivate):
		b.KeyError, b.Key.Value = v.T("member.contact.key_private"), ""
	case errors.Is(err, notice.ErrKeyBroken):
		b.KeyError = v.T("member.contact.key_broken")
	case errors.Is(err, register.ErrKeyExpired):
		b.KeyError = v.T("member.contact.key_expired")
	default:
		return redirected(v, err, "contact_key")
	}
	return m.showContact(v, http.StatusUnprocessableEntity, id, in, b)
}

func (m *member) contactIDs(v *page.Visit) ([]string, error) {
	rows, err := m.Register.Contacts(v.R.Context(), v.Now, v.Who.Actor)
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids, err
}

type proofBody struct {
	Proving register.Proving
	Action  string
	Done    bool
}

// proof shows what a letter's link confirms. It confirms nothing yet: programs that look into mails open links too.
func (m *member) proof(v *page.Visit) error {
	token := v.R.PathValue("token")
	p, err := m.Register.ProofByToken(v.R.Context(), v.Now, token)
	if err != nil {
		return badProof(v, err)
	}
	b := proofBody{p, "/c/" + url.PathEscape(token), !p.Contact.Unproved}
	return page.Show(v, "member/prove", v.T("member.prove.title"), b)
}

func (m *member) prove(v *page.Visit) error {
	token := v.R.PathValue("token")
	if _, err := m.Register.Prove(v.R.Context(), v.Now, token); err != nil {
		return badProof(v, err)
	}
	return v.Redirect("/c/"+url.PathEscape(token), "")
}

func badProof(v *page.Visit, err error) error {
	switch {
	case errors.Is(err, fault.Expired):
		return fault.New(fault.Expired, "%s", v.T("member.prove.expired"))
	case errors.Is(err, fault.Denied):
		return fault.New(fault.Denied, "%s", v.T("member.prove.unknown"))
	}
	return err
}
