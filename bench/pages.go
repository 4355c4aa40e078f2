package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/staff"
	"tocsin/internal/app"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/store"
)

// pageGoal is what 99 of 100 requests of a page are to take at most.
const pageGoal = 100 * time.Millisecond

// pages measures every list, the situation and the open pages on a large installation, with several readers at once, and
// compares the situation's numbers with a recount.
func pages(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("pages", flag.ContinueOnError)
	c := crowd{now: time.Now()}
	fs.IntVar(&c.findings, "findings", 1_000_000, "findings")
	fs.IntVar(&c.parties, "parties", 10_000, "parties")
	fs.IntVar(&c.notices, "notices", 200_000, "notices")
	fs.StringVar(&c.database, "postgres", "", "URL of a PostgreSQL to use instead of SQLite")
	fs.StringVar(&c.dir, "dir", "", "folder for the data (a temporary one); one that has findings is used as it is")
	readers := fs.Int("readers", 8, "readers at once")
	length := fs.Float64("seconds", 3, "how long each page is measured")
	only := fs.String("only", "", "measure only pages whose address this regular expression matches, and compare nothing")
	profile := fs.String("profile", "", "file for a profile of the processor while pages are measured")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if c.dir == "" {
		tmp, err := os.MkdirTemp("", "tocsin-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		c.dir = tmp
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
	}
	b := pageBench{crowd: c, readers: *readers, length: time.Duration(*length * float64(time.Second))}
	var err error
	if b.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	return b.run(ctx)
}

type pageBench struct {
	crowd
	readers int
	length  time.Duration
	only    *regexp.Regexp
	address string // of the server
	client  *http.Client
	missed  int
}

func (b *pageBench) run(ctx context.Context) error {
	args := []string{"serve", "--data", b.dir, "--name", "Bench", "--mail", "bench@bench.example"}
	if b.database != "" {
		args = append(args, "--database", b.database)
	}
	handler, db, stop, err := app.Pages(ctx, args, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { _ = stop(context.WithoutCancel(ctx)) }()
	// Over the loopback, as readers come: a reader that calls the handler itself never waits and starves the others.
	server := httptest.NewServer(handler)
	defer server.Close()
	b.address = server.URL
	b.client = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: b.readers, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	start := time.Now()
	made, err := b.make(ctx)
	if err != nil {
		return err
	}
	if made {
		fmt.Printf("made %d findings, %d parties, %d notices in %s\n", b.findings, b.parties, b.notices, time.Since(start).Round(time.Second))
		start = time.Now()
		if err := errors.Join(db.RebuildTally(ctx), b.tidied(ctx)); err != nil {
			return err
		}
		fmt.Printf("rollups made in %s\n", time.Since(start).Round(time.Millisecond))
	}
	start = time.Now()
	if _, err := picture.New(db).Publish(ctx, time.Now()); err != nil {
		return err
	}
	fmt.Printf("statistics and promises published in %s\n", time.Since(start).Round(time.Millisecond))
	desk, err := b.signIn(ctx, db, ident.Authority)
	if err != nil {
		return err
	}
	member, err := b.signIn(ctx, db, "party-1")
	if err != nil {
		return err
	}
	small, err := b.signIn(ctx, db, ident.Party(fmt.Sprintf("party-%d", b.parties/2)))
	if err != nil {
		return err
	}
	fmt.Printf("%d readers at once; goal: 99 of 100 within %s\n%-62s %6s %8s %8s %8s %7s\n", b.readers, pageGoal, "page", "status", "cpu ms", "p50 ms", "p99 ms", "kB")
	for _, p := range deskPages {
		b.measure(ctx, p, desk)
	}
	for _, p := range memberPages {
		b.measure(ctx, p, member)
		b.measure(ctx, p, small)
	}
	for _, p := range publicPages {
		b.measure(ctx, p, "")
	}
	pprof.StopCPUProfile()
	fmt.Printf("%d pages missed the goal\n", b.missed)
	if b.only.String() != "" {
		return nil
	}
	return b.compare(ctx, db)
}

// What is measured. A page that is not there yet is named as such.
var (
	deskPages = []string{
		"/desk", "/desk/situation", "/desk/findings", "/desk/findings?state=all", "/desk/findings?state=open", "/desk/findings?state=disputed",
		"/desk/findings?severity=critical", "/desk/findings?exactly=info", "/desk/findings?class=botnet", "/desk/findings?class=none-such",
		"/desk/findings?class=infected-system&state=all", "/desk/findings?party=party-1", "/desk/findings?party=party-5000", "/desk/findings?party=none",
		"/desk/findings?region=XA-3", "/desk/findings?sector=health", "/desk/findings?sector=health&region=XA-3", "/desk/findings?sector=health&region=XA-3&class=botnet",
		"/desk/findings?feed=feed-3", "/desk/findings?asset=10.0.0.7", "/desk/findings?asset=10.0.0.0/24", "/desk/findings?asset=10.38.", "/desk/findings?text=telnet",
		"/desk/findings?text=nowhere", "/desk/findings?stage=acknowledged&state=all&since=SINCE", "/desk/findings?since=SINCE&state=all", "/desk/findings?before=500000",
		"/desk/findings/FINDING", "/desk/parties", "/desk/parties?search=Party+77", "/desk/parties/party-1", "/desk/parties/party-5000", "/desk/notices", "/desk/notices?state=failed",
		"/desk/notices?party=party-1", "/desk/feeds", "/desk/signals", "/desk/signals?troubled=1", "/desk/reports", "/desk/rules", "/desk/changes", "/desk/ledger", "/desk/search?q=10.0.0.7",
		"/desk/search?q=Party+77", "/desk/system",
	}
	memberPages = []string{"/my", "/my/exposure", "/my/exposure?severity=high", "/my/systems", "/my/notices", "/my/contacts"}
	publicPages = []string{"/", "/statistics", "/statistics.csv", "/promises", "/duties", "/verify"}
)

// measure asks for one page again and again, by all readers at once, and prints a line.
func (b *pageBench) measure(ctx context.Context, path, session string) {
	path = strings.ReplaceAll(path, "SINCE", b.now.AddDate(0, 0, -29).UTC().Format(time.DateOnly))
	path = strings.ReplaceAll(path, "FINDING", fmt.Sprint(b.findings-7))
	if !b.only.MatchString(path) {
		return
	}
	status, size := b.ask(ctx, path, session)
	var wg sync.WaitGroup
	for range b.readers { // the first ones fill the caches of every connection, and are not counted
		wg.Go(func() { b.ask(ctx, path, session); b.ask(ctx, path, session) })
	}
	wg.Wait()
	var mu sync.Mutex
	var took []time.Duration
	used := processorTime()
	end := time.Now().Add(b.length)
	for range b.readers {
		wg.Go(func() {
			for time.Now().Before(end) {
				start := time.Now()
				is, _ := b.ask(ctx, path, session)
				d := time.Since(start)
				mu.Lock()
				took = append(took, d)
				if is != status {
					status = is
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	used = processorTime() - used
	slices.Sort(took)
	at := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000 }
	verdict := ""
	if status == http.StatusOK && at(0.99) > float64(pageGoal.Milliseconds()) {
		verdict = "  NOT MET"
		b.missed++
	}
	each := float64(used.Microseconds()) / 1000 / float64(len(took))
	fmt.Printf("%-62s %6d %8.1f %8.1f %8.1f %7.1f%s\n", path, status, each, at(0.5), at(0.99), float64(size)/1000, verdict)
}

func (b *pageBench) ask(ctx context.Context, path, session string) (status int, size int64) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.address+path, nil)
	if err != nil {
		return 0, 0
	}
	r.Header.Set("Accept-Language", "en")
	if session != "" {
		r.AddCookie(&http.Cookie{Name: "tocsin", Value: session})
	}
	w, err := b.client.Do(r)
	if err != nil {
		return 0, 0
	}
	defer w.Body.Close()
	size, err = io.Copy(io.Discard, w.Body)
	if err != nil {
		return 0, size
	}
	return w.StatusCode, size
}

// signIn founds an organisation's first person, unless it has one, and signs them in.
func (b *pageBench) signIn(ctx context.Context, db *store.Store, of ident.Party) (string, error) {
	s := staff.New(db, staff.Settings{BaseURL: "http://localhost:8080", Key: make([]byte, 32)})
	by := access.ForSoftware("command")
	now := time.Now()
	var have []people.Person
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		have, err = tx.PeopleOf(ctx, of)
		return err
	})
	if err != nil {
		return "", err
	}
	if len(have) == 0 {
		p, err := s.Found(ctx, now, by, people.Person{Party: of, Name: "Bench", Mail: string(of) + "@bench.example", Language: "en"})
		if err != nil {
			return "", err
		}
		have = append(have, p)
	}
	link, err := s.OfferLink(ctx, now, by, store.LinkOperator, have[0].ID, time.Hour)
	if err != nil {
		return "", err
	}
	session, _, err := s.OpenLink(ctx, now, link, "bench")
	return session, err
}

// processorTime is what this process has used, its readers and, on SQLite, its database among it: it tells what a page
// costs on a machine that has other work too.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var errDiffers = errors.New("the situation differs from a recount")
