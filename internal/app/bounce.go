package app

import (
	"fmt"
	"io"

	"tocsin/internal/fault"
)

// maxBounce bounds a bounce in bytes; mail servers send the first lines of the mail back at most.
const maxBounce = 10 << 20

type bounceCommand struct{}

// Run takes one delivery report (RFC 3464) from standard input, as a mail server's alias hands it over.
func (bounceCommand) Run(r *running) error {
	message, err := io.ReadAll(io.LimitReader(r.in, maxBounce+1))
	if err != nil {
		return fmt.Errorf("read the bounce: %w", err)
	}
	if len(message) > maxBounce {
		return fault.New(fault.TooLarge, "the bounce has more than %d bytes", maxBounce)
	}
	return r.with(func(in *installation) error { return in.loop.Bounce(r.ctx, r.clock(), message) })
}
