package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/web"
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
	err = r.serve(in, serving{drop: r.cfg.Drop, mail: mailer != nil})
	return errors.Join(err, in.close(context.WithoutCancel(r.ctx)))
}

// serving says what a server does beyond its pages.
type serving struct {
	drop    string // watched folder; empty = none
	mail    bool   // notices are delivered
	mailbox bool   // sent mails can be read on a page (demo)
	ready   func(addr string)
}

// Limits of the listener. Uploads have no write limit of their own but must keep moving; see api.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 20 * time.Second
	maxHeader     = 64 << 10
)

// serve listens, runs the duties and returns after a graceful stop.
func (r *running) serve(in *installation, s serving) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(r.ctx, "tcp", r.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", r.cfg.Listen, err)
	}
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	var w *worker.Worker
	w = worker.New(r.clock, r.log, r.duties(in, s, func() { w.Wake() })...)
	handler, err := r.handler(in, s, w.Wake)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		w.Run(ctx)
	}()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	if s.ready != nil {
		s.ready(ln.Addr().String())
	} else {
		r.log.InfoContext(ctx, "listening", "address", ln.Addr().String(), "pages", r.cfg.base())
	}
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	stop()
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err = errors.Join(err, server.Shutdown(quiet))
	<-worked
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// handler joins pages and API. A signal that came in wakes the duties.
func (r *running) handler(in *installation, s serving, wake func()) (http.Handler, error) {
	pages, err := web.New(web.Config{
		Loop: in.loop, Staff: in.staff, Clock: r.clock, Log: r.log, Secure: r.cfg.Secure, Mailbox: s.mailbox, Zone: r.cfg.zone(),
		Authority: web.Authority{Fiction: s.mailbox, Name: r.cfg.Name, NameZH: r.cfg.NameZH, Mail: r.cfg.Mail, Phone: r.cfg.Phone},
	})
	if err != nil {
		return nil, err
	}
	calls := api.New(api.Config{Loop: in.loop, Clock: r.clock, Log: r.log})
	mux := http.NewServeMux()
	mux.Handle("/api/", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		calls.ServeHTTP(w, q)
		wake()
	}))
	mux.Handle("/healthz", calls)
	mux.Handle("/readyz", calls)
	mux.Handle("/", pages)
	return mux, nil
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
	}
	if s.mail {
		ds = append(ds, worker.Duty{Name: "deliver", Every: 5 * time.Second, Do: some(l.Deliver)})
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
