package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// bornFloor is the lowest number that a finding made at an instant or later can have: numbers and times rise together, but
// for clocks that were set back, which scanRoom allows for. 0 where the time narrows nothing.
func (t *Tx) bornFloor(ctx context.Context, since time.Time) (ident.Finding, error) {
	if since.IsZero() {
		return 0, nil
	}
	if low, ok := t.floors.get(Micros(since)); ok {
		return max(0, low-scanRoom), nil
	}
	last, err := t.LastFinding(ctx)
	low, high := ident.Finding(0), last // low was made before, what lies above high was not
	for err == nil && low < high {
		middle := low + (high-low+1)/2
		var id ident.Finding
		var made int64
		err = t.row(ctx, "select id, created_at from finding where id <= $1 order by id desc limit 1", []any{middle}, &id, &made)
		switch {
		case errors.Is(err, fault.NotFound): // none so low
			low, err = middle, nil
		case made < Micros(since):
			low = middle
		default:
			high = id - 1
		}
	}
	if err == nil {
		t.floors.put(Micros(since), low)
	}
	return max(0, low-scanRoom), err
}

// scanRoom is how far numbers and times of findings may disagree.
const scanRoom = 100_000

// floors keeps what bornFloor found, for the days that pages ask for again and again. A finding that was made before an
// instant stays so, and findings that come later come above it.
type floors struct {
	mu sync.Mutex
	of map[int64]ident.Finding
}

// mostFloors bounds what is kept.
const mostFloors = 1000

func (f *floors) get(since int64) (ident.Finding, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	low, ok := f.of[since]
	return low, ok
}

func (f *floors) put(since int64, low ident.Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil || len(f.of) >= mostFloors {
		f.of = map[int64]ident.Finding{}
	}
	f.of[since] = low
}
