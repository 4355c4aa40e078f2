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
	desks   memory[situation.Situation]
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
	of map[string]remembered[T]
}

type remembered[T any] struct {
	at   time.Time
	what T
}

// get returns what is younger than age.
func (m *memory[T]) get(key string, now time.Time, age time.Duration) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.of[key]
	return r.what, ok && !now.Before(r.at) && now.Sub(r.at) < age
}

// put keeps what was worked out, and forgets what is older than age.
func (m *memory[T]) put(key string, now time.Time, age time.Duration, what T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, old := range m.of {
		if now.Sub(old.at) >= age {
			delete(m.of, k)
		}
	}
	if m.of == nil {
		m.of = map[string]remembered[T]{}
	}
	m.of[key] = remembered[T]{now, what}
}

// New returns the picture of an installation.
func New(s *store.Store) *Picture { return &Picture{store: s} }

// Window says how far back the desk's situation looks; the zero value is 30 days of cohort in 90 days of series.
type Window struct {
	Days   int // of the cohort, at most 365
	Series int // days of the series, at most 730
}
