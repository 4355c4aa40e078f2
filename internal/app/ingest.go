package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

type ingestCommand struct {
	Feed    string   `default:"shadowserver" help:"Feed that the files come from; a pack's name makes the feed where it is new."`
	Rejects int      `default:"10" help:"Rejected rows to print of each signal."`
	Files   []string `arg:"" name:"file" help:"Files, folders, or - for standard input."`
}

// Run takes each file in, folds it and prints what became of its rows.
func (c *ingestCommand) Run(r *running) error {
	in, err := r.open(r.ctx, nil)
	if err != nil {
		return err
	}
	err = c.ingest(r, in)
	return errors.Join(err, in.close(context.WithoutCancel(r.ctx)))
}

func (c *ingestCommand) ingest(r *running, in *installation) error {
	if err := r.ensureFeed(in, c.Feed); err != nil {
		return err
	}
	files, err := expand(c.Files)
	if err != nil {
		return err
	}
	for _, path := range files {
		if err := c.one(r, in, path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// ensureFeed makes the feed called name from the pack of that name where the feed is new.
func (r *running) ensureFeed(in *installation, name string) error {
	_, err := in.loop.FeedByID(r.ctx, ident.Feed(name))
	if !errors.Is(err, fault.NotFound) {
		return err
	}
	pack, ok := in.packs.Pack(name)
	if !ok {
		return fault.New(fault.NotFound, "no feed and no pack is called %q; `tocsin feed packs` lists the packs", name)
	}
	return in.loop.PutFeed(r.ctx, r.clock(), operator, loop.FeedSettings{
		ID: ident.Feed(name), Pack: name, Title: pack.Title, Urgent: pack.Urgent,
	})
}

// expand replaces folders by the files in them, by name; hidden files are left out.
func expand(args []string) ([]string, error) {
	var out []string
	for _, a := range args {
		info, err := os.Stat(a)
		if a == "-" || err == nil && !info.IsDir() {
			out = append(out, a)
			continue
		}
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && d.Name()[0] != '.' {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *ingestCommand) one(r *running, in *installation, path string) error {
	start := time.Now()
	receipt, err := c.accept(r, in, path)
	if err != nil {
		return err
	}
	s, err := r.await(in, receipt, r.progress())
	if err != nil {
		return err
	}
	if err := in.loop.WriteBack(r.ctx); err != nil {
		return err
	}
	return c.summary(r, in, path, receipt, s, time.Since(start))
}

func (c *ingestCommand) accept(r *running, in *installation, path string) (loop.Receipt, error) {
	q := loop.AcceptRequest{Feed: ident.Feed(c.Feed), Name: filepath.Base(path), Body: r.in, By: operator}
	if path == "-" {
		q.Name = "stdin"
		return in.loop.Accept(r.ctx, r.clock(), q)
	}
	f, err := os.Open(path)
	if err != nil {
		return loop.Receipt{}, err
	}
	q.Body = f
	receipt, err := in.loop.Accept(r.ctx, r.clock(), q)
	return receipt, errors.Join(err, f.Close())
}

// await folds until the signal is done, here or, where another process holds the fold, there.
func (r *running) await(in *installation, receipt loop.Receipt, progress func(store.Signal)) (store.Signal, error) {
	for {
		s, err := in.loop.Signal(r.ctx, receipt.Signal)
		if err != nil || s.State != "received" {
			progress(s)
			return s, err
		}
		_, _, err = in.loop.FoldNext(r.ctx, r.clock(), func(at store.Signal) {
			if at.ID == receipt.Signal {
				progress(at)
			}
		})
		if errors.Is(err, fault.Conflict) {
			progress(s)
			select {
			case <-r.ctx.Done():
				return s, r.ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
			continue
		}
		if err != nil {
			return s, err
		}
	}
}

// progress shows a bar on a terminal and nothing elsewhere. Its unit is bytes of the signal where they are known.
func (r *running) progress() func(store.Signal) {
	f, ok := r.errOut.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(store.Signal) {}
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(r.errOut), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("rows"), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond))
	return func(s store.Signal) {
		if s.Bytes > 0 && bar.GetMax64() != s.Bytes && s.State == "received" {
			bar.ChangeMax64(s.Bytes)
		}
		if s.State != "received" {
			_ = bar.Finish() // the summary follows
			return
		}
		bar.Describe(fmt.Sprintf("%s: %d rows", s.Name, s.Counts.Rows))
		_ = bar.Set64(min(s.Cursor.Offset, s.Bytes)) // a packed signal expands beyond its bytes
	}
}

// summary prints what became of a signal's rows.
func (c *ingestCommand) summary(r *running, in *installation, path string, receipt loop.Receipt, s store.Signal, took time.Duration) error {
	w := r.out
	n := s.Counts
	fmt.Fprintf(w, "%s\n  signal    %d, sha256 %s, %d bytes", path, s.ID, receipt.Hash, receipt.Bytes)
	if receipt.Known {
		fmt.Fprint(w, ", known before")
	}
	d, err := in.loop.SignalByID(r.ctx, r.clock(), operator, s.ID, loop.RejectCursor{}, max(1, c.Rejects))
	if err != nil {
		return err
	}
	if d.Stream != "" {
		fmt.Fprintf(w, "\n  type      %s", d.Stream)
	}
	fmt.Fprintf(w, "\n  rows      %d = %d events + %d rejected + %d outside the remit\n", n.Rows, n.Read(), n.Rejected, n.Refused)
	if n.Events != n.Read() {
		fmt.Fprintf(w, "  assets    %d events of %d rows: some rows name several assets\n", n.Events, n.Read())
	}
	if n.Held > 0 {
		fmt.Fprintf(w, "  held      %d of the rejected are marked TLP:RED and wait for a person\n", n.Held)
	}
	fmt.Fprintf(w, "  findings  %d new, %d events of known ones, %d reopened, %d closed by re-check\n", n.Found, n.Seen, n.Reopened, n.Closed)
	if !receipt.Known && took > 0 {
		fmt.Fprintf(w, "  speed     %.0f events/s in %s\n", float64(n.Events)/took.Seconds(), took.Round(time.Millisecond))
	}
	c.rejected(w, &d)
	if s.Error != "" {
		return fault.New(fault.Invalid, "signal %d: %s", s.ID, s.Error)
	}
	return nil
}

func (c *ingestCommand) rejected(w io.Writer, d *loop.SignalDetail) {
	if d.Counts.Rejected == 0 || c.Rejects == 0 {
		return
	}
	for _, j := range d.Rejected {
		field := j.Field
		if field != "" {
			field += ": "
		}
		fmt.Fprintf(w, "  line %-6d %s%s\n", j.Line, field, j.Reason)
	}
	if more := d.Counts.Rejected - int64(len(d.Rejected)); more > 0 {
		fmt.Fprintf(w, "  and %d more; the first 10,000 are on the signal's page\n", more)
	}
}
