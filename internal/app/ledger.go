package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/outside"
	"tocsin/internal/people"
	"tocsin/internal/worker"
)

type ledgerCommand struct {
	Checkpoint ledgerCheckpoint `cmd:"" help:"Print the newest signed checkpoint."`
	Proof      ledgerProof      `cmd:"" help:"Print a proof that an entry is in the ledger, to check offline."`
	Export     ledgerExport     `cmd:"" help:"Write the signed ledger into a folder that any web server can publish."`
	Rotate     ledgerRotate     `cmd:"" help:"Change the key that signs the ledger."`
}

type ledgerCheckpoint struct{}

// Run prints the checkpoint.
func (ledgerCheckpoint) Run(r *running) error {
	return r.with(func(in *installation) error {
		if err := in.log.Complete(r.ctx, r.clock()); err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		c, err := in.log.Newest(r.ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(r.out, c.Note)
		return err
	})
}

type ledgerProof struct {
	Seq  int64 `arg:"" help:"Place of the entry in the ledger, from 1."`
	JSON bool  `name:"json" help:"As a JSON document instead of a C2SP tlog-proof."`
}

// Run prints the proof.
func (c *ledgerProof) Run(r *running) error {
	return r.with(func(in *installation) error {
		if err := in.log.Complete(r.ctx, r.clock()); err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		p, err := in.log.Proof(r.ctx, c.Seq)
		if err != nil {
			return err
		}
		if !c.JSON {
			_, err = fmt.Fprint(r.out, p.Text())
			return err
		}
		e := json.NewEncoder(r.out)
		e.SetIndent("", "  ")
		return e.Encode(p)
	})
}

type ledgerExport struct {
	Dir        string `arg:"" help:"Folder; an earlier export in it is brought up to date."`
	HashesOnly bool   `help:"Leave the entries out: the hashes tell nothing of what they say."`
}

// Run exports the ledger.
func (c *ledgerExport) Run(r *running) error {
	return r.with(func(in *installation) error {
		if err := in.log.Complete(r.ctx, r.clock()); err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		x, err := in.log.Export(r.ctx, c.Dir, c.HashesOnly)
		if err == nil {
			fmt.Fprintf(r.errOut, "%d entries; %d files written to %s\n", x.Size, x.Files, c.Dir)
		}
		return err
	})
}

type ledgerRotate struct {
	Lost bool `help:"The key is lost: begin with a new one that the old one does not vouch for."`
}

// Run changes the key and signs with both.
func (c *ledgerRotate) Run(r *running) error {
	return r.with(func(in *installation) error {
		key, err := in.log.Rotate(r.ctx, r.clock(), operator, "", c.Lost)
		if err != nil {
			return err
		}
		if err := in.log.Complete(r.ctx, r.clock()); err != nil {
			return err
		}
		fmt.Fprintln(r.errOut, "the ledger is signed with a new key; tell those who verify it:")
		_, err = fmt.Fprintln(r.out, key)
		return err
	})
}

// recordSettings turns the configuration into what the ledger needs.
func (r *running) recordSettings() (record.Settings, error) {
	dir, err := filepath.Abs(r.cfg.Data)
	if err != nil {
		return record.Settings{}, fmt.Errorf("data folder: %w", err)
	}
	s := record.Settings{Dir: dir, Origin: r.cfg.Listen + "/ledger", Witness: outside.NewWitnesses()}
	if u, err := url.Parse(r.cfg.base()); err == nil && u.Host != "" {
		s.Origin = u.Host + "/ledger"
	}
	for _, text := range r.cfg.Witness {
		w, err := record.ParseWitness(text)
		if err != nil {
			return s, err
		}
		s.Witnesses = append(s.Witnesses, w)
	}
	return s, nil
}

// checkRotate refuses a proposal to change the ledger's key that names anything else, or asks for more.
func checkRotate(object, particulars string) error {
	if object != "ledger:key" || particulars != "{}" {
		return fault.New(fault.Invalid, "a proposal to change the ledger's key names ledger:key and nothing else")
	}
	return nil
}

// rotate is how an approved change of the ledger's key is done.
func (i *installation) rotate(ctx context.Context, now time.Time, by access.Actor, p people.Proposal) error {
	if err := checkRotate(p.Object, p.Particulars); err != nil {
		return err
	}
	_, err := i.log.Rotate(ctx, now, by, p.By, false)
	return err
}

// How often the ledger is looked after.
const (
	sequenceEvery = 250 * time.Millisecond
	signEvery     = time.Second
	witnessEvery  = time.Minute
)

// ledgerDuties give entries their places, sign, and ask the witnesses.
func (r *running) ledgerDuties(in *installation) []worker.Duty {
	ds := []worker.Duty{{Name: "sequence", Every: sequenceEvery, Do: func(ctx context.Context, now time.Time) (bool, error) {
		n, err := in.log.Sequence(ctx, now)
		if err != nil || n == record.MaxBatch {
			return err == nil, err // at once only where it is behind: a busy sequencer keeps acts waiting
		}
		if _, err = in.log.Checkpoint(ctx, now, signEvery); errors.Is(err, fault.NotFound) {
			err = nil // nothing has happened here yet
		}
		return false, err
	}}}
	if len(r.cfg.Witness) > 0 {
		ds = append(ds, worker.Duty{Name: "witness", Every: witnessEvery, Do: func(ctx context.Context, _ time.Time) (bool, error) {
			_, err := in.log.AskWitnesses(ctx)
			return false, err
		}})
	}
	return ds
}

// complete leaves no entry without its place and signature behind when a command ends.
func (i *installation) complete(ctx context.Context) error {
	err := i.log.Complete(ctx, i.clock())
	if errors.Is(err, fault.NotFound) {
		return nil // nothing has happened here yet
	}
	return err
}
