package app

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

type personCommand struct {
	Found  personFound  `cmd:"" help:"Make the first person of the authority, or of a party, in all of its posts."`
	Invite personInvite `cmd:"" help:"Make a further person and a link by which they set up how they sign in."`
	List   personList   `cmd:"" help:"List people with the posts that they hold now."`
}

type personFound struct {
	Mail     string      `arg:"" help:"Mail address to sign in by."`
	Name     string      `name:"full-name" required:"" help:"Name, as others see it."`
	Party    ident.Party `default:"authority" help:"The party, if not the authority."`
	Language string      `default:"en" enum:"en,zh" help:"en or zh."`
}

// Run makes the person.
func (c *personFound) Run(r *running) error {
	return r.with(func(in *installation) error {
		p, err := in.staff.Found(r.ctx, r.clock(), operator, people.Person{Party: c.Party, Name: c.Name, Mail: c.Mail, Language: c.Language})
		if err == nil {
			fmt.Fprintf(r.errOut, "%s is there; sign in with `tocsin sign-in %s`\n", p.Name, p.Mail)
		}
		return err
	})
}

type personInvite struct {
	Mail     string       `arg:"" help:"Mail address to sign in by."`
	Name     string       `name:"full-name" required:"" help:"Name, as others see it."`
	Post     []ident.Post `help:"Posts to give, by id: handler, approver, auditor, administrator."`
	Party    ident.Party  `default:"authority" help:"The party, if not the authority."`
	Language string       `default:"en" enum:"en,zh" help:"en or zh."`
}

// Run makes the person and prints the link.
func (c *personInvite) Run(r *running) error {
	return r.with(func(in *installation) error {
		p, token, err := in.staff.Invite(r.ctx, r.clock(), operator, staff.Invitation{
			Person: people.Person{Party: c.Party, Name: c.Name, Mail: c.Mail, Language: c.Language}, Posts: c.Post,
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(r.errOut, "%s is there; the link works once, for %d days\n", p.Name, int(staff.InviteLife/(24*time.Hour)))
		_, err = fmt.Fprintln(r.out, in.staff.SignInURL(p.Party, token))
		return err
	})
}

type personList struct {
	Party ident.Party `help:"Only people of this party; the authority's is called authority."`
}

// Run prints a line per person.
func (c *personList) Run(r *running) error {
	return r.with(func(in *installation) error {
		rows, err := in.staff.Roll(r.ctx, r.clock(), operator, c.Party)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(r.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "PARTY\tMAIL\tNAME\tSTATE\tPOSTS")
		for _, p := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Person.Party, p.Person.Mail, p.Person.Name, p.State, strings.Join(p.Posts, ", "))
		}
		return w.Flush()
	})
}

// checkEnding refuses a proposal to end a party whose object is not "party:" with an id, or that says more: fault.Invalid.
func checkEnding(object, particulars string) error {
	id, ok := strings.CutPrefix(object, "party:")
	if !ok || !ident.Slug(id) || particulars != "{}" {
		return fault.New(fault.Invalid, "a proposal to end a party names one, as party:ID, and nothing else")
	}
	return nil
}

// endParty ends a party, as a proposal that was approved says.
func (i *installation) endParty(ctx context.Context, now time.Time, by access.Actor, p people.Proposal) error {
	if err := checkEnding(p.Object, p.Particulars); err != nil {
		return err
	}
	return i.loop.EndParty(ctx, now, by, p.By, ident.Party(strings.TrimPrefix(p.Object, "party:")))
}
