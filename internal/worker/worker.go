// Package worker runs the duties of the loop on time: it binds clocks and wake-ups to acts.
//
// What waits is a row in the store, so a missed tick or wake-up costs a moment and never data. The package decides
// nothing about findings; it logs what failed and tries again at the next tick.
package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Duty is something to do again and again.
type Duty struct {
	Name  string
	Every time.Duration // between two looks when there was nothing to do
	// Do does one piece of work. more asks for another call at once.
	Do func(ctx context.Context, now time.Time) (more bool, err error)
}

// maxPause bounds the pause after failures in a row.
const maxPause = 5 * time.Minute

// Worker runs duties until its context ends.
type Worker struct {
	duties []Duty
	clock  func() time.Time
	log    *slog.Logger
	wake   []chan struct{}

	mu    sync.Mutex
	stats []Standing
}

// Standing is how a duty is doing since the process began.
type Standing struct {
	Name     string
	Every    time.Duration
	Runs     int64
	Failures int       // in a row
	Last     time.Time // when it last looked; zero = not yet
	Good     time.Time // when it last did so without a failure
	Took     time.Duration
	Failed   time.Time // when it last failed
	Error    string    // of that failure; empty where there was none
	Running  bool
}

// New makes a worker; clock is the time that acts are given.
func New(clock func() time.Time, log *slog.Logger, duties ...Duty) *Worker {
	w := &Worker{duties: duties, clock: clock, log: log}
	for _, d := range duties {
		w.wake = append(w.wake, make(chan struct{}, 1))
		w.stats = append(w.stats, Standing{Name: d.Name, Every: d.Every})
	}
	return w
}

// Standings returns how every duty is doing, in the order of the duties.
func (w *Worker) Standings() []Standing {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.stats)
}

// begin notes that duty i looks.
func (w *Worker) begin(i int) time.Time {
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.stats[i]
	s.Last, s.Running = now, true
	return now
}

// end notes how that went.
func (w *Worker) end(i, failures int, err error) {
	now := w.clock()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.stats[i]
	s.Runs++
	s.Running, s.Failures, s.Took = false, failures, max(0, now.Sub(s.Last))
	if err != nil {
		s.Failed, s.Error = now, err.Error()
		return
	}
	s.Good = now
}

// Wake makes every duty look now instead of at its next tick.
func (w *Worker) Wake() {
	for _, c := range w.wake {
		select {
		case c <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Run runs each duty in a goroutine of its own and returns when ctx has ended and all have stopped.
func (w *Worker) Run(ctx context.Context) {
	var all sync.WaitGroup
	for i, d := range w.duties {
		all.Go(func() { w.run(ctx, i, d) })
	}
	all.Wait()
}

func (w *Worker) run(ctx context.Context, i int, d Duty) {
	failures := 0
	for ctx.Err() == nil {
		more, err := d.Do(ctx, w.begin(i))
		if err != nil && ctx.Err() == nil {
			failures++
			w.log.ErrorContext(ctx, "duty failed", "duty", d.Name, "error", err, "failures", failures)
		} else {
			failures = 0
		}
		w.end(i, failures, err)
		if more && err == nil {
			continue
		}
		timer := time.NewTimer(pause(d.Every, failures))
		select {
		case <-ctx.Done():
		case <-w.wake[i]:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pause doubles with every failure up to maxPause and varies by a tenth, so that several processes do not march in
// step.
func pause(every time.Duration, failures int) time.Duration {
	p := every
	for range min(failures, 16) {
		p = min(2*p, max(maxPause, every))
	}
	return p - p/20 + rand.N(p/10+1)
}
