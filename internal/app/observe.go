package app

import (
	"fmt"

	"tocsin/internal/act/loop"
	"tocsin/internal/ident"
)

type partyClients struct {
	Party   string   `arg:"" help:"The party whose clients they are."`
	Clients []string `arg:"" optional:"" help:"All of its clients; none takes the registration back."`
}

// Run makes the party's registered clients equal to the list.
func (c *partyClients) Run(r *running) error {
	return r.with(func(in *installation) error {
		clients := make([]ident.Party, len(c.Clients))
		for i, id := range c.Clients {
			clients[i] = ident.Party(id)
		}
		return in.loop.PutClients(r.ctx, r.clock(), operator, ident.Party(c.Party), clients)
	})
}

type partyObserve struct {
	Party  string `arg:"" help:"The observer."`
	Basis  string `required:"" help:"The norm or decision that lets it observe."`
	Sector string `help:"Only of parties of this sector."`
	Region string `help:"Only in this region and those below it."`
	Class  string `help:"Only of this class."`
	End    string `placeholder:"RULE" help:"End this rule instead of making one."`
}

// Run makes an observer's rule, or ends one, and prints its number.
func (c *partyObserve) Run(r *running) error {
	return r.with(func(in *installation) error {
		o := loop.ObserverRule{ID: c.End, Party: ident.Party(c.Party), Sector: c.Sector, Region: c.Region, Class: c.Class, Basis: c.Basis}
		if c.End != "" {
			o.Created, o.Ended = r.clock(), r.clock()
		}
		id, err := in.loop.PutObserver(r.ctx, r.clock(), operator, o)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(r.out, id)
		return err
	})
}
