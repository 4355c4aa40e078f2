package app

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

type feedCommand struct {
	List  feedList  `cmd:"" help:"List the configured feeds."`
	Add   feedAdd   `cmd:"" help:"Add a feed, or change its settings."`
	Token feedToken `cmd:"" help:"Give a feed a new token for pushes and print it once."`
	Packs feedPacks `cmd:"" help:"List the packs that a feed can be read with."`
}

// with opens the installation for one short command.
func (r *running) with(f func(in *installation) error) error {
	in, err := r.open(r.ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(f(in), in.close(context.WithoutCancel(r.ctx)))
}

type feedList struct{}

// Run prints a line per feed.
func (feedList) Run(r *running) error {
	return r.with(func(in *installation) error {
		health, err := in.loop.FeedHealth(r.ctx, r.clock())
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(r.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "FEED\tPACK\tLAST SIGNAL\tWAITING\tREJECTED")
		for _, h := range health {
			last := "-"
			if at := h.Last.Received; !at.IsZero() {
				last = at.In(r.cfg.zone()).Format(time.DateTime)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\n", h.Feed.ID, h.Feed.Pack, last, h.Waiting, h.Rejected)
		}
		return w.Flush()
	})
}

type feedAdd struct {
	ID       string        `arg:"" help:"Short name: a-z, 0-9, '-', '_', '.'."`
	Pack     string        `help:"Pack that reads its signals (the feed's own name)."`
	Title    string        `help:"Title for people."`
	Urgent   bool          `help:"Its signals overtake bulk inventories."`
	Quota    int64         `help:"Rows a UTC day after which other feeds go first; 0 is none."`
	Poll     string        `placeholder:"URL" help:"Fetch it from here; 'pack' takes the pack's own address."`
	Every    time.Duration `help:"Between two fetches."`
	Disabled bool          `help:"Take nothing from it."`
	TLP      string        `help:"How what it brings is marked: clear, green, amber or amber-strict; a new feed is green." placeholder:"MARK" name:"tlp"`
}

// Run writes the feed.
func (c *feedAdd) Run(r *running) error {
	return r.with(func(in *installation) error {
		if c.Pack == "" {
			c.Pack = c.ID
		}
		pack, ok := in.packs.Pack(c.Pack)
		if !ok {
			return fault.New(fault.NotFound, "no pack is called %q; `tocsin feed packs` lists them", c.Pack)
		}
		if c.Poll == "pack" {
			if pack.Poll == nil {
				return fault.New(fault.Invalid, "pack %q names no address to fetch from", c.Pack)
			}
			c.Poll = pack.Poll.URL
			if c.Every == 0 {
				c.Every = pack.Poll.Every
			}
		}
		if c.Title == "" {
			c.Title = pack.Title
		}
		return in.loop.PutFeed(r.ctx, r.clock(), operator, loop.FeedSettings{
			ID: ident.Feed(c.ID), Pack: c.Pack, Title: c.Title, Urgent: c.Urgent || pack.Urgent, QuotaRows: c.Quota,
			PollURL: c.Poll, PollEvery: c.Every, Disabled: c.Disabled, TLP: c.TLP,
		})
	})
}

type feedToken struct {
	ID string `arg:"" help:"The feed."`
}

// Run prints a new token; the old one no longer works.
func (c *feedToken) Run(r *running) error {
	return r.with(func(in *installation) error {
		f, err := in.loop.FeedByID(r.ctx, ident.Feed(c.ID))
		if err != nil {
			return err
		}
		token := loop.NewFeedToken()
		err = in.loop.PutFeed(r.ctx, r.clock(), operator, loop.FeedSettings{
			ID: f.ID, Pack: f.Pack, Title: f.Title, Token: token, Urgent: f.Urgent, QuotaRows: f.QuotaRows,
			Disabled: !f.Disabled.IsZero(), PollURL: f.Poll.URL, PollEvery: f.Poll.Every,
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.out, "%s\n", token)
		return err
	})
}

type feedPacks struct{}

// Run prints a line per pack.
func (feedPacks) Run(r *running) error {
	c, err := r.builtIn()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(r.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PACK\tFORMAT\tPROVIDER\tTITLE")
	for _, p := range c.Packs.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, p.Format, p.Provider, p.Title)
	}
	return w.Flush()
}
