package page

import (
	"context"
	"sync"
	"time"
)

// Kept keeps an answer that is dear to compute for a while. The zero value holds nothing.
type Kept[T any] struct {
	mu    sync.Mutex
	value T
	since time.Time
}

// Get returns the answer kept, or asks anew where it is older than age. Of several callers one asks, the others wait.
func (k *Kept[T]) Get(ctx context.Context, now time.Time, age time.Duration, ask func(context.Context) (T, error)) (T, time.Time, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.since.IsZero() && now.Sub(k.since) < age && !now.Before(k.since) {
		return k.value, k.since, nil
	}
	v, err := ask(ctx)
	if err != nil {
		return v, now, err
	}
	k.value, k.since = v, now
	return v, now, nil
}
