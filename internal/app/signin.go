package app

import (
	"fmt"
	"time"

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
		_, err = fmt.Fprintf(r.out, "%s/sign-in/%s\n", r.cfg.baseOf(who.Party), token)
		return err
	})
}
