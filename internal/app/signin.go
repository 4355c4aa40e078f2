package app

import (
	"fmt"
	"time"
)

type signInCommand struct {
	Role    string        `default:"desk" enum:"desk,member" help:"desk or member."`
	Subject string        `arg:"" help:"Name of the person at the desk, or the party."`
	For     time.Duration `default:"1h" help:"How long the link can be used."`
}

// Run prints a link that signs in once.
func (c *signInCommand) Run(r *running) error {
	return r.with(func(in *installation) error {
		token, err := in.loop.NewSignInLink(r.ctx, r.clock(), c.Role, c.Subject, c.For)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.out, "%s/sign-in/%s\n", r.cfg.base(), token)
		return err
	})
}
