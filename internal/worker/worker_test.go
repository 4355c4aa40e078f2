package worker

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var looks, failed int
		w := New(time.Now, slog.New(slog.DiscardHandler),
			Duty{"count", time.Minute, func(context.Context, time.Time) (bool, error) {
				looks++
				return looks == 1, nil // the first look asks for another at once
			}},
			Duty{"fail", time.Second, func(context.Context, time.Time) (bool, error) {
				failed++
				return true, errors.New("no")
			}},
		)
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		synctest.Wait()
		if looks != 2 {
			t.Errorf("%d looks at the start, want 2", looks)
		}
		w.Wake()
		synctest.Wait()
		if looks != 3 {
			t.Errorf("%d looks after a wake-up, want 3", looks)
		}
		<-time.After(10 * time.Minute) // of the bubble's own clock
		synctest.Wait()
		if looks < 12 || looks > 14 {
			t.Errorf("%d looks after ten minutes, want about 13", looks)
		}
		if failed > 12 {
			t.Errorf("%d tries of a failing duty: no back-off", failed)
		}
		stop()
		<-done
	})
}
