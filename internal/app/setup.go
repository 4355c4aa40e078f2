package app

import (
	"context"
	"fmt"

	"tocsin/internal/act/staff"
)

// offerSetup prints, at a start without people of the authority, the one link by which the first administrator names
// themselves. It stands on the terminal of whoever started the program and nowhere else: not in the log.
func (r *running) offerSetup(ctx context.Context, in *installation) error {
	token, err := in.staff.OfferSetup(ctx, r.clock(), operator)
	if err != nil || token == "" {
		return err
	}
	_, err = fmt.Fprintf(r.out, "\nNobody can sign in yet. Open this link once, within %d hours, to set up the first administrator:\n\n  %s\n\n"+
		"A start before that makes a new link and voids this one.\n\n", int(staff.SetupLife.Hours()), in.staff.SetupURL(token))
	return err
}
