package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/upkeep"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/web/chart"
	"tocsin/internal/worker"
)

type serveCommand struct{}

// Run serves until the process is told to stop, then finishes what is under way.
func (serveCommand) Run(r *running) error {
	mailer, err := r.mailer()
	if err != nil {
		return err
	}
	in, err := r.open(r.ctx, mailer)
	if err != nil {
		return err
	}
	if err = r.offerSetup(r.ctx, in); err == nil {
		err = r.serve(in, serving{drop: r.cfg.Drop, mail: mailer != nil})
	}
	return errors.Join(err, in.close(context.WithoutCancel(r.ctx)))
}

// serving says what a server does beyond its pages.
type serving struct {
	drop    string // watched folder; empty = none
	mail    bool   // notices are delivered
	mailbox bool   // sent mails can be read on a page (demo)
	ready   func(addr string)
	stop    <-chan struct{} // closed when the server stops: streams of events end then
	streams *gate.Streams   // made from stop; nil: they are not bounded
	system  *system
	shapes  chart.Shapes // of the operator's map
}

// stopTimeout is how long requests under way get to end.
const stopTimeout = 20 * time.Second

// serve listens, runs the duties and returns after a graceful stop.
func (r *running) serve(in *installation, s serving) error {
	if err := in.log.Ready(r.ctx); err != nil {
		return err
	}
	var err error
	if s.shapes, err = r.shapes(r.ctx, in); err != nil {
		return err
	}
	if err := r.moveSecrets(in); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	s.stop = ctx.Done()
	var w *worker.Worker
	s.system = newSystem(r, in, s.mail)
	w = worker.New(r.clock, r.log, r.duties(in, s, func() { w.Wake() })...)
	s.system.standings = w.Standings
	doors, err := r.doors(in, s, w.Wake)
	if err != nil {
		return err
	}
	open, err := r.listen(ctx, doors)
	if err != nil {
		return err
	}
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		w.Run(ctx)
	}()
	served := open.serve()
	if s.ready != nil {
		s.ready(open.address())
	} else {
		open.tell(ctx, r)
	}
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	stop()
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err = errors.Join(err, open.shutdown(quiet))
	<-worked
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// duties lists what runs beside the pages, and how often each looks when nothing wakes it.
func (r *running) duties(in *installation, s serving, wake func()) []worker.Duty {
	l := in.loop
	ds := []worker.Duty{
		{Name: "fold", Every: time.Second, Do: foldDuty(l, wake)},
		{Name: "attribute", Every: time.Minute, Do: func(ctx context.Context, now time.Time) (bool, error) {
			due, err := l.ReattributeDue(ctx, now)
			if err == nil && due {
				_, err = l.Reattribute(ctx, now, access.ForSoftware("attribute"))
			}
			return false, err
		}},
		{Name: "verify", Every: time.Minute, Do: func(ctx context.Context, now time.Time) (bool, error) {
			_, err := l.Verify(ctx, now)
			return false, err
		}},
		{Name: "health", Every: time.Minute, Do: func(ctx context.Context, now time.Time) (bool, error) {
			_, err := l.WatchFeeds(ctx, now)
			return false, err
		}},
		{Name: "poll", Every: 10 * time.Second, Do: func(ctx context.Context, now time.Time) (bool, error) {
			p, err := l.PollNext(ctx, now, rand.Float64())
			return p.Feed != "", err
		}},
		{Name: "plan", Every: time.Minute, Do: func(ctx context.Context, now time.Time) (bool, error) {
			_, err := l.Plan(ctx, now)
			return false, err
		}},
		{Name: "chase", Every: time.Minute, Do: some(l.Chase)},
		{Name: "tally", Every: 3 * time.Second, Do: some(in.picture.Compact)},
		{Name: "publish", Every: time.Minute, Do: some(in.picture.Publish)},
		{Name: "forget", Every: time.Hour, Do: some(in.work.ForgetOld)},
		{Name: "prune", Every: time.Hour, Do: some(upkeep.New(in.store).PruneRejected)},
		{Name: "rules", Every: time.Minute, Do: some(in.rules.Review)},
		{Name: "proposals", Every: time.Minute, Do: some(in.staff.LapseProposals)},
	}
	if s.mail {
		ds = append(ds, worker.Duty{Name: "letters", Every: 5 * time.Second, Do: some(in.register.Send)})
		ds = append(ds, worker.Duty{Name: "deliver", Every: 5 * time.Second, Do: some(l.Deliver)},
			worker.Duty{Name: "acknowledge", Every: 5 * time.Second, Do: some(in.work.Acknowledge)})
	}
	ds = append(ds, r.ledgerDuties(in)...)
	ds = append(ds, r.programDuties(in)...)
	if s.system != nil {
		ds = append(ds, worker.Duty{Name: "measure", Every: time.Hour, Do: s.system.measure})
	}
	if s.drop != "" {
		ds = append(ds, r.dropDuty(l, s.drop))
	}
	return ds
}

// foldDuty folds what waits and, when nothing is left, writes the counters back and wakes those that read them.
func foldDuty(l *loop.Loop, wake func()) func(context.Context, time.Time) (bool, error) {
	folded := true // a process that was killed may have left counters in the journal
	return func(ctx context.Context, now time.Time) (bool, error) {
		_, worked, err := l.FoldNext(ctx, now, nil)
		switch {
		case errors.Is(err, fault.Conflict):
			return false, nil // another process folds
		case err != nil:
			return false, err
		case worked:
			folded = true
			return true, nil
		case !folded:
			return false, nil
		}
		folded = false
		if err := l.WriteBack(ctx); err != nil {
			return false, err
		}
		wake()
		return false, nil
	}
}

// dropDuty watches the drop folder.
func (r *running) dropDuty(l *loop.Loop, dir string) worker.Duty {
	var seen loop.Listing
	return worker.Duty{Name: "drop", Every: 2 * time.Second, Do: func(ctx context.Context, now time.Time) (bool, error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return false, fmt.Errorf("drop folder: %w", err)
		}
		defer func() { _ = root.Close() }() // its files were closed one by one
		is, taken, err := l.TakeDropped(ctx, now, root, seen)
		seen = is
		for _, d := range taken {
			if d.Refused != "" {
				r.log.WarnContext(ctx, "dropped file refused", "path", d.Path, "reason", d.Refused)
			}
		}
		return false, err
	}}
}

// some makes a duty of an act that returns how much it did: some more may wait.
func some(do func(context.Context, time.Time) (int, error)) func(context.Context, time.Time) (bool, error) {
	return func(ctx context.Context, now time.Time) (bool, error) {
		n, err := do(ctx, now)
		return n > 0, err
	}
}
