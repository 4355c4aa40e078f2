package app

import (
	"errors"
	"fmt"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

type signInCommand struct {
	Role    string        `default:"desk" enum:"desk,member" help:"desk or member."`
	Subject string        `arg:"" help:"Name of the person at the desk, or the party."`
	For     time.Duration `default:"1h" help:"How long the link can be used."`
}

// Run prints a link that signs in once.
func (c *signInCommand) Run(r *running) error {
	return r.with(func(in *installation) error {
		_, err := in.loop.PartyByID(r.ctx, ident.Party(c.Subject))
		switch {
		case err != nil && !errors.Is(err, fault.NotFound):
			return err
		case err == nil && c.Role == "desk":
			return fault.New(fault.Invalid, "%q is a party: say --role member to sign in for it, or name a person of the desk", c.Subject)
		case err != nil && c.Role == "member":
			return fault.New(fault.NotFound, "no party is called %q; `tocsin party list` lists them", c.Subject)
		}
		token, err := in.loop.NewSignInLink(r.ctx, r.clock(), c.Role, c.Subject, c.For)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.errOut, "signs in %q (%s) once, within %s\n", c.Subject, c.Role, c.For)
		_, err = fmt.Fprintf(r.out, "%s/sign-in/%s\n", r.cfg.base(), token)
		return err
	})
}
