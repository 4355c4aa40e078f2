package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/gate"
	"tocsin/internal/ident"
	"tocsin/internal/web"
)

// patience is how long the listeners wait for whom.
type patience struct {
	header time.Duration // for the head of a request
	idle   time.Duration // between two requests
	pace   gate.Pace
}

func (r *running) usualPatience() patience {
	return patience{10 * time.Second, 2 * time.Minute, gate.UsualPace(time.Now)}
}

const maxHeader = 64 << 10

// door is one listener: where it is and what answers there.
type door struct {
	name    string // "pages", "desk", "metrics", "to TLS"
	addr    string
	handler http.Handler
	tls     *tls.Config // nil: plain HTTP
	base    string      // as people reach it; empty where no people do
}

// doors lists the listeners that the configuration asks for; the pages come first.
func (r *running) doors(in *installation, s serving, wake func()) ([]door, error) {
	secure, plain, err := r.transport()
	if err != nil {
		return nil, err
	}
	proxies, err := r.cfg.proxies()
	if err != nil {
		return nil, err
	}
	var limit *gate.Limiter
	if r.cfg.RateFactor > 0 {
		limit = &gate.Limiter{Proxies: proxies, Factor: r.cfg.RateFactor}
	}
	numbers := newMetrics(r.cfg.ListenMetrics != "", in.loop, in.triage, r.cfg.Data, r.clock)
	apart := r.cfg.ListenConsole != ""
	s.streams = gate.NewStreams(mostStreams, eachStreams, s.stop)
	pages, err := r.pages(in, s, limit, proxies, apart)
	if err != nil {
		return nil, err
	}
	calls := api.New(api.Config{
		Loop: in.loop, Triage: in.triage, Staff: in.staff, Record: in.log, Programs: in.programs, Casework: in.work, Picture: in.picture, Rules: in.rules,
		Register: in.register, Exposure: in.exposure, Stage: newStage(in), Clock: r.clock, Log: r.log, Limit: limit, Secure: r.cfg.secure(), Zone: r.cfg.zone(),
		Streams: s.streams,
	})
	front := http.NewServeMux()
	front.Handle("/api/", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		calls.ServeHTTP(w, q)
		wake()
	}))
	front.Handle("/healthz", calls)
	front.Handle("/readyz", calls)
	front.Handle("/", pages)
	out := []door{{"pages", r.cfg.Listen, numbers.count(gate.Compress(front)), secure, r.cfg.base()}}
	if apart {
		desk, err := r.pages(in, s, limit, proxies, false)
		if err != nil {
			return nil, err
		}
		back := http.NewServeMux() // programs use the other listener
		back.Handle("/healthz", calls)
		back.Handle("/readyz", calls)
		back.Handle("/", desk)
		out = append(out, door{"desk", r.cfg.ListenConsole, numbers.count(gate.Compress(back)), secure, r.cfg.baseOf(ident.Authority)})
	}
	if r.cfg.ListenMetrics != "" {
		out = append(out, door{"metrics", r.cfg.ListenMetrics, numbers.handler(), nil, ""})
	}
	if r.cfg.ListenHTTP != "" {
		out = append(out, door{"to TLS", r.cfg.ListenHTTP, plain, nil, ""})
	}
	return out, nil
}

// roomy lets the heap grow to three times what is in use before it is collected, unless whoever runs Tocsin says otherwise by
// GOGC: a page that waits for the collector is the slowest of a hundred.
func roomy() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

func (r *running) pages(in *installation, s serving, limit *gate.Limiter, proxies gate.Proxies, noDesk bool) (http.Handler, error) {
	roomy()
	c := web.Config{
		Loop: in.loop, Staff: in.staff, Record: in.log, Casework: in.work, Picture: in.picture, Exposure: in.exposure, Register: in.register, Triage: in.triage, Clock: r.clock, Log: r.log, Secure: r.cfg.secure(), Mailbox: s.mailbox, Zone: r.cfg.zone(),
		Authority: web.Authority{Fiction: s.mailbox, Name: r.cfg.Name, NameZH: r.cfg.NameZH, Mail: r.cfg.Mail, Phone: r.cfg.Phone},
		Limit:     limit, Proxies: proxies, NoDesk: noDesk, Programs: in.programs, Document: api.Document(), Streams: s.streams, Library: in.library, Rules: r.cfg.rhythm(), Fade: r.cfg.FadeAfter,
		Shapes: s.shapes, Snapshot: in.store.Snapshot,
	}
	r.rulingOf(in, &c, s.system)
	return web.New(c)
}

// listening are the open listeners with their servers.
type listening struct {
	doors     []door
	listeners []net.Listener
	servers   []*http.Server
}

// listen opens every door, or none.
func (r *running) listen(ctx context.Context, doors []door) (*listening, error) {
	proxies, err := r.cfg.proxies()
	if err != nil {
		return nil, err
	}
	how := r.usualPatience()
	if r.patience != nil {
		how = *r.patience
	}
	out := &listening{doors: doors}
	for _, d := range doors {
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, "tcp", d.addr)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen on %s (%s): %w", d.addr, d.name, err), out.close())
		}
		out.listeners = append(out.listeners, gate.Listen(ln, r.cfg.Connections, r.cfg.Connections/4, proxies))
		out.servers = append(out.servers, &http.Server{
			Handler: how.pace.Wrap(d.handler, upload), TLSConfig: d.tls.Clone(), // a server writes into its own
			ReadHeaderTimeout: how.header, IdleTimeout: how.idle, MaxHeaderBytes: maxHeader,
			BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
			ErrorLog:    log.New(complaints{r.log}, "", 0),
		})
	}
	return out, nil
}

// complaints takes what http.Server says: of a broken program aloud, of broken connections, which are anybody's to
// cause, at debug only.
type complaints struct{ to *slog.Logger }

// Write logs one line.
func (c complaints) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.HasPrefix(line, []byte("http: panic")) {
		level = slog.LevelError
	}
	c.to.Log(context.Background(), level, "listener", "says", string(bytes.TrimSpace(line)))
	return len(line), nil
}

// upload tells the requests whose body is a signal and may take its time.
func upload(q *http.Request) bool {
	return q.Method == http.MethodPost && strings.HasPrefix(q.URL.Path, "/api/")
}

// serve starts every server and returns where the first failure comes.
func (l *listening) serve() <-chan error {
	failed := make(chan error, len(l.servers))
	for i, s := range l.servers {
		go func() {
			if s.TLSConfig != nil {
				failed <- s.ServeTLS(l.listeners[i], "", "")
				return
			}
			failed <- s.Serve(l.listeners[i])
		}()
	}
	return failed
}

// address is where the pages are.
func (l *listening) address() string { return l.listeners[0].Addr().String() }

// tell logs where everything is.
func (l *listening) tell(ctx context.Context, r *running) {
	for i, d := range l.doors {
		r.log.InfoContext(ctx, "listening", "door", d.name, "address", l.listeners[i].Addr().String(), "pages", d.base)
	}
}

// shutdown lets requests under way end and closes everything.
func (l *listening) shutdown(ctx context.Context) error {
	var errs []error
	for _, s := range l.servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

func (l *listening) close() error {
	var errs []error
	for _, c := range l.listeners {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
