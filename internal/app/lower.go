package app

import (
	"context"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/people"
)

// checkLower refuses a proposal to lower that could not be carried out.
func checkLower(object, particulars string) error {
	_, _, _, err := loop.ParseLowering(object, particulars)
	return err
}

// lower does what a second person approved: a finding is marked less strictly, or its embargo ends.
func (i *installation) lower(ctx context.Context, now time.Time, by access.Actor, p people.Proposal) error {
	return i.loop.LowerAs(ctx, now, by, p.By, p.Object, p.Particulars, p.Reason)
}
