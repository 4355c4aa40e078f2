package app

import (
	"fmt"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

type signInCommand struct {
	Mail string        `arg:"" help:"Mail address of the person."`
	For  time.Duration `default:"1h" help:"How long the link can be used."`
}

// Run prints a link that signs a person in once.
func (c *signInCommand) Run(r *running) error {
	return r.with(func(in *installation) error {
		who, err := in.staff.PersonByMail(r.ctx, c.Mail)
		if err != nil {
			return fmt.Errorf("sign in %s: %w", c.Mail, err)
		}
		token, err := in.staff.OfferLink(r.ctx, r.clock(), operator, store.LinkOperator, who.ID, c.For)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.errOut, "signs in %q once, within %s\n", who.Name, c.For)
		_, err = fmt.Fprintf(r.out, "%s/sign-in/%s\n", r.cfg.base(), token)
		return err
	})
}

type personCommand struct {
	Found personFound `cmd:"" help:"Make the first person of the authority, or of a party, in all of its posts."`
}

type personFound struct {
	Mail     string      `arg:"" help:"Mail address to sign in by."`
	Name     string      `required:"" help:"Name, as others see it."`
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
