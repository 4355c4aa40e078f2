// Package worker runs the duties of the loop on time: it binds clocks and wake-ups to acts.
//
// What waits is a row in the store, so a missed tick or wake-up costs a moment and never data. The package decides
// nothing about findings; it logs what failed and tries again at the next tick.
package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
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
}

// New makes a worker; clock is the time that acts are given.
func New(clock func() time.Time, log *slog.Logger, duties ...Duty) *Worker {
	w := &Worker{duties: duties, clock: clock, log: log}
	for range duties {
		w.wake = append(w.wake, make(chan struct{}, 1))
	}
	return w
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
		all.Go(func() { w.run(ctx, d, w.wake[i]) })
	}
	all.Wait()
}

func (w *Worker) run(ctx context.Context, d Duty, wake <-chan struct{}) {
	failures := 0
	for ctx.Err() == nil {
		more, err := d.Do(ctx, w.clock())
		if err != nil && ctx.Err() == nil {
			failures++
			w.log.ErrorContext(ctx, "duty failed", "duty", d.Name, "error", err, "failures", failures)
		} else {
			failures = 0
		}
		if more && err == nil {
			continue
		}
		timer := time.NewTimer(pause(d.Every, failures))
		select {
		case <-ctx.Done():
		case <-wake:
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
