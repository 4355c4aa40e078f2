package people

import (
	"net/mail"
	"slices"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Unit is a part of an organisation: the authority's or a party's.
type Unit struct {
	ID      ident.Unit
	Party   ident.Party
	Parent  ident.Unit // empty at the top
	Name    string
	Created time.Time
	Ended   time.Time // zero: it is there
}

// Post is an office in a unit. Acts are done by a person in a post.
type Post struct {
	ID           ident.Post
	Unit         ident.Unit
	Title        string
	Powers       []Power
	Incompatible []ident.Post // whoever acted on an object in one of these may not act on it in this post
	Created      time.Time
	Ended        time.Time
}

// Person is a human with an account.
type Person struct {
	ID       ident.Person
	Party    ident.Party
	Name     string
	Mail     string // to sign in by and to write to; unique; empty once erased
	Language string // "en" or "zh"
	Created  time.Time
	Disabled time.Time // zero: may sign in
	Erased   time.Time // name and mail are gone
}

// Hold tells how a person holds a post.
type Hold string

// Ways to hold a post. All of them give its powers; pages and the ledger name the post.
const (
	Holder Hold = "holder"
	Deputy Hold = "deputy" // in the order of Position
	Acting Hold = "acting" // while the post has no holder
)

// Holds lists the ways to hold a post.
var Holds = []Hold{Holder, Deputy, Acting}

// Assignment gives a post to a person for a time.
type Assignment struct {
	ID       string
	Person   ident.Person
	Post     ident.Post
	Hold     Hold
	From, To time.Time // half open; a zero To has no end
	Position int       // order among deputies, and of a person's posts
}

// At reports whether the assignment holds at an instant.
func (a Assignment) At(t time.Time) bool {
	return !t.Before(a.From) && (a.To.IsZero() || t.Before(a.To))
}

// Limits of what people call themselves and their posts.
const (
	MaxName  = 100 // bytes of a name or title
	MaxMail  = 254 // bytes of a mail address (RFC 5321, section 4.5.3.1.3)
	MaxUnits = 200 // of one organisation
	MaxPosts = 500 // of one organisation
)

// Check trims p and says what is wrong with it; the error names the field.
func (p *Person) Check() error {
	p.Name, p.Mail = strings.TrimSpace(p.Name), strings.ToLower(strings.TrimSpace(p.Mail))
	if p.Name == "" || len(p.Name) > MaxName {
		return fault.New(fault.Invalid, "name: 1 to %d bytes were expected", MaxName)
	}
	a, err := mail.ParseAddress(p.Mail)
	if err != nil || a.Address != p.Mail || len(p.Mail) > MaxMail {
		return fault.New(fault.Invalid, "mail: %q is not a mail address", p.Mail)
	}
	if p.Language != "en" && p.Language != "zh" {
		return fault.New(fault.Invalid, "language: %q is not en or zh", p.Language)
	}
	return nil
}

// Check trims p, a post of a party's unit, and says what is wrong with it; the error names the field.
func (p *Post) Check(of ident.Party) error {
	p.Title = strings.TrimSpace(p.Title)
	if p.Title == "" || len(p.Title) > MaxName {
		return fault.New(fault.Invalid, "title: 1 to %d bytes were expected", MaxName)
	}
	may := Powers
	if of != ident.Authority {
		may = PartyPowers
	}
	for _, w := range p.Powers {
		if !slices.Contains(may, w) {
			return fault.New(fault.Invalid, "powers: %q is not one that a post of this organisation can hold", w)
		}
	}
	if slices.Contains(p.Incompatible, p.ID) {
		return fault.New(fault.Invalid, "incompatible: a post cannot be incompatible with itself")
	}
	return nil
}

// AuthorityPosts are the posts that set-up gives the authority. Drafting and approving are kept apart on one object, and
// so are handling and auditing; one person may hold them all.
func AuthorityPosts(unit ident.Unit, at time.Time) []Post {
	return []Post{
		{ID: "administrator", Unit: unit, Title: "Administrator", Powers: []Power{Read, Staff, Keys, Feeds, Register, Audit}, Created: at},
		{ID: "handler", Unit: unit, Title: "Handler", Powers: []Power{Read, Triage, Raw, Export, Mark, Register, Feeds}, Incompatible: []ident.Post{"auditor"}, Created: at},
		{ID: "approver", Unit: unit, Title: "Approver", Powers: []Power{Read, Approve}, Created: at},
		{ID: "auditor", Unit: unit, Title: "Auditor", Powers: []Power{Audit}, Incompatible: []ident.Post{"handler"}, Created: at},
	}
}
