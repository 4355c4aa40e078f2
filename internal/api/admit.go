package api

import (
	"errors"
	"net/http"

	"tocsin/internal/access"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/people"
)

// admit finds out whom a call's token acts for and whether it may make the call at all. What the act itself asks, it asks
// again.
func (a *api) admit(c *call, key operation.Key, power people.Power) error {
	if key == NoKey {
		return nil
	}
	by, err := a.person(c.R)
	if err != nil {
		return err
	}
	if power != "" && !by.Holds(power, by.Party) {
		return fault.New(fault.Denied, "this needs the scope %s, and a post that holds it", power)
	}
	c.By = by
	return nil
}

// person returns whom the request's API token acts for, where that person may read or answer.
func (a *api) person(r *http.Request) (access.Actor, error) {
	token, err := bearer(r)
	if err != nil {
		return access.Actor{}, err
	}
	by, err := a.Staff.ActorByToken(r.Context(), a.Clock(), token)
	switch {
	case errors.Is(err, fault.NotFound), errors.Is(err, fault.Expired):
		return access.Actor{}, fault.New(fault.Denied, "no person has this token in use")
	case err != nil:
		return access.Actor{}, err
	case !by.Desk() && !by.Member():
		return access.Actor{}, fault.New(fault.Denied, "this token, or its person, may not read")
	}
	return by, a.account(r, by)
}
