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

// What a duty did is remembered: how often it looked, when it last did well, and why it failed.
func TestStandings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var mended atomic.Bool
		w := New(time.Now, slog.New(slog.DiscardHandler),
			Duty{"well", time.Minute, func(context.Context, time.Time) (bool, error) {
				<-time.After(3 * time.Second) // of the bubble's own clock
				return false, nil
			}},
			Duty{"mends", time.Minute, func(context.Context, time.Time) (bool, error) {
				if !mended.Load() {
					return false, errors.New("no")
				}
				return false, nil
			}},
			Duty{"stuck", time.Minute, func(ctx context.Context, _ time.Time) (bool, error) {
				<-ctx.Done()
				return false, nil
			}},
		)
		began := time.Now()
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		<-time.After(10 * time.Second)
		synctest.Wait()
		got := w.Standings()
		well, mends, stuck := got[0], got[1], got[2]
		if well.Name != "well" || well.Runs != 1 || !well.Good.Equal(began.Add(3*time.Second)) || well.Took != 3*time.Second || well.Running || well.Error != "" {
			t.Errorf("%+v", well)
		}
		if mends.Failures != 1 || mends.Error != "no" || !mends.Failed.Equal(began) || !mends.Good.IsZero() {
			t.Errorf("%+v", mends)
		}
		if !stuck.Running || stuck.Runs != 0 || !stuck.Last.Equal(began) {
			t.Errorf("%+v", stuck)
		}
		mended.Store(true)
		<-time.After(5 * time.Minute)
		synctest.Wait()
		if m := w.Standings()[1]; m.Failures != 0 || m.Error != "no" || m.Good.Before(m.Failed) {
			t.Errorf("after it was mended: %+v", m)
		}
		stop()
		<-done
	})
}
