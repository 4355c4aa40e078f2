package page

import (
	"context"
	"sync"
	"time"
)

// Kept keeps an answer that is dear to compute for a while. The zero value holds nothing.
type Kept[T any] struct {
	asking sync.Mutex // held by the one who asks
	mu     sync.Mutex
	value  T
	since  time.Time
}

// Get returns the answer and since when it stands. One that is older than age is asked for anew, by one caller at a
// time; meanwhile the others get the old one. Before the first answer all wait.
func (k *Kept[T]) Get(ctx context.Context, now time.Time, age time.Duration, ask func(context.Context) (T, error)) (T, time.Time, error) {
	value, since := k.held()
	if fresh(now, since, age) {
		return value, since, nil
	}
	if since.IsZero() {
		k.asking.Lock()
	} else if !k.asking.TryLock() {
		return value, since, nil
	}
	defer k.asking.Unlock()
	if value, since = k.held(); fresh(now, since, age) {
		return value, since, nil
	}
	value, err := ask(ctx)
	if err != nil {
		return value, now, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.value, k.since = value, now
	return value, now, nil
}

func (k *Kept[T]) held() (T, time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value, k.since
}

func fresh(now, since time.Time, age time.Duration) bool {
	return !since.IsZero() && now.Sub(since) < age && !now.Before(since)
}
