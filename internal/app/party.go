package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
)

type partyCommand struct {
	Import partyImport `cmd:"" help:"Import parties, contacts and resources from CSV, YAML or RIPE-style text."`
	Export partyExport `cmd:"" help:"Export them to standard output."`
	List   partyList   `cmd:"" help:"List the parties."`

	Clients partyClients `cmd:"" help:"Say which parties are registered clients of a party: they may be shown its findings up to TLP:AMBER."`
	Observe partyObserve `cmd:"" help:"Let the members of a party see findings of others, on a legal basis."`
}

type partyImport struct {
	File   string            `arg:"" help:"File to read, - for standard input."`
	Format string            `default:"" enum:",csv,yaml,rpsl" help:"csv, yaml or rpsl; told from the file's name where not given."`
	Source string            `help:"Who says so, for resources that name nobody (import:FILE)."`
	Alias  map[string]string `placeholder:"HANDLE=PARTY" help:"RIPE-style: organisation handles of parties with another id here."`
	DryRun bool              `help:"Say what would change and change nothing."`
}

// Run reads the whole file, and imports it or names everything that is wrong with it.
func (c *partyImport) Run(r *running) error {
	return r.with(func(in *installation) error {
		got, err := c.read(r, in)
		if err != nil {
			return err
		}
		for _, n := range got.Notes {
			fmt.Fprintln(r.errOut, "note:", n)
		}
		now := r.clock()
		plan, err := in.loop.PlanImport(r.ctx, now, got.Parties, got.Regions)
		if err == nil && !c.DryRun {
			plan, err = in.loop.ImportParties(r.ctx, now, operator, got.Parties, got.Regions)
		}
		if err != nil {
			return err
		}
		for _, change := range plan.Changes {
			fmt.Fprintf(r.out, "%-8s %-9s %-24s %s %s\n", change.Do, change.What, change.Party, change.Name, strings.Join(change.Fields, ", "))
		}
		if len(plan.Changes) == 0 {
			fmt.Fprintln(r.out, "nothing to change")
		}
		if c.DryRun {
			return nil
		}
		due, err := in.loop.ReattributeDue(r.ctx, now)
		if err != nil || !due {
			return err
		}
		done, err := in.loop.Reattribute(r.ctx, now, operator)
		if err == nil && done.Moved > 0 {
			fmt.Fprintf(r.out, "%d findings moved to another party\n", done.Moved)
		}
		return err
	})
}

func (c *partyImport) read(r *running, in *installation) (party.Import, error) {
	format := party.Format(c.Format)
	if format == "" {
		var ok bool
		if format, ok = party.FormatOf(c.File); !ok {
			return party.Import{}, fault.New(fault.Invalid, "%s: the name does not tell the format; say --format csv, yaml or rpsl", c.File)
		}
	}
	regions, err := in.loop.Regions(r.ctx)
	if err != nil {
		return party.Import{}, err
	}
	o := party.Options{Source: c.Source, Regions: regions, Aliases: map[string]ident.Party{}}
	for handle, id := range c.Alias {
		o.Aliases[handle] = ident.Party(id)
	}
	if o.Source == "" {
		o.Source = "import:" + filepath.Base(c.File)
	}
	if c.File == "-" {
		return party.Read(format, r.in, o)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return party.Import{}, err
	}
	got, err := party.Read(format, f, o)
	return got, errors.Join(err, f.Close())
}

type partyExport struct {
	Format string `default:"yaml" enum:"csv,yaml,rpsl" help:"csv, yaml or rpsl."`
}

// Run writes every party that exists now.
func (c *partyExport) Run(r *running) error {
	return r.with(func(in *installation) error {
		return in.loop.ExportParties(r.ctx, r.clock(), r.out, party.Format(c.Format))
	})
}

type partyList struct{}

// Run prints a line per party.
func (partyList) Run(r *running) error {
	return r.with(func(in *installation) error {
		rows, err := in.loop.PartyList(r.ctx, r.clock(), operator, "", 100_000)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(r.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "PARTY\tKIND\tSECTOR\tREGION\tNAME")
		for _, p := range rows.Rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.ID, p.Kind, p.Sector, p.Region, p.Name)
		}
		return w.Flush()
	})
}
