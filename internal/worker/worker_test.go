package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var looks, failed atomic.Int64
		w := New(time.Now, slog.New(slog.DiscardHandler),
			Duty{"count", time.Minute, func(context.Context, time.Time) (bool, error) {
				return looks.Add(1) == 1, nil // the first look asks for another at once
			}},
			Duty{"fail", time.Second, func(context.Context, time.Time) (bool, error) {
				failed.Add(1)
				return true, errors.New("no")
			}},
		)
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		synctest.Wait()
		if n := looks.Load(); n != 2 {
			t.Errorf("%d looks at the start, want 2", n)
		}
		w.Wake()
		synctest.Wait()
		if n := looks.Load(); n != 3 {
			t.Errorf("%d looks after a wake-up, want 3", n)
		}
		<-time.After(10 * time.Minute) // of the bubble's own clock
		synctest.Wait()
		if n := looks.Load(); n < 12 || n > 14 {
			t.Errorf("%d looks after ten minutes, want about 13", n)
		}
		if n := failed.Load(); n > 12 {
			t.Errorf("%d tries of a failing duty: no back-off", n)
		}
		stop()
		<-done
	})
}
