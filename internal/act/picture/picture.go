// Package picture holds what is seen of many findings at once: the desk's situation, a party's own, the numbers for
// everybody, and how the authority keeps its promises.
//
// It reads rollups that every change of a finding keeps equal to a recount, and shows each reader what the one predicate
// lets them read.
package picture

import (
	"sync"
	"time"

	"tocsin/internal/finding"
	"tocsin/internal/situation"
	"tocsin/internal/store"
)

// Picture answers questions about the situation. It is safe for use by many goroutines.
type Picture struct {
	store   *store.Store
	desks   memory[*situation.Situation]
	parties memory[situation.PartyPicture]
	daily   daily
}

// daily keeps what was published of a day.
type daily struct {
	mu  sync.Mutex
	day finding.Day
	of  map[string][]byte
}

// memory keeps what was worked out lately by what was asked and what its readers may read.
type memory[T any] struct {
	mu sync.Mutex
	of map[string]*remembered[T]
}

type remembered[T any] struct {
	mu   sync.Mutex // held while it is worked out: who asks for the same waits for it
	at   time.Time
	what T
}

// recall returns what is younger than age, else what work makes, and forgets whatever is older.
func (m *memory[T]) recall(key string, now time.Time, age time.Duration, work func() (T, error)) (T, error) {
	r := m.place(key, now, age)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && !now.Before(r.at) && now.Sub(r.at) < age {
		return r.what, nil
	}
	what, err := work()
	if err == nil {
		r.at, r.what = now, what
	}
	return what, err
}

func (m *memory[T]) place(key string, now time.Time, age time.Duration) *remembered[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, r := range m.of {
		if k != key && r.mu.TryLock() { // otherwise it is being worked out
			if now.Sub(r.at) >= age {
				delete(m.of, k)
			}
			r.mu.Unlock()
		}
	}
	if m.of == nil {
		m.of = map[string]*remembered[T]{}
	}
	if m.of[key] == nil {
		m.of[key] = &remembered[T]{}
	}
	return m.of[key]
}

// New returns the picture of an installation.
func New(s *store.Store) *Picture { return &Picture{store: s} }

// Window says how far back the desk's situation looks; the zero value is 30 days of cohort in 90 days of series.
type Window struct {
	Days   int // of the cohort, at most 365
	Series int // days of the series, at most 730
}
