// Package picture holds what is seen of many findings at once: the desk's situation, a party's own, the numbers for
// everybody, and how the authority keeps its promises.
//
// It reads rollups that every change of a finding keeps equal to a recount, and shows each reader what the one predicate
// lets them read.
package picture

import (
	"sync"

	"tocsin/internal/finding"
	"tocsin/internal/store"
)

// Picture answers questions about the situation. It is safe for use by many goroutines.
type Picture struct {
	store *store.Store
	bands bands
	desks desks
	daily daily
}

// daily keeps what was published of a day.
type daily struct {
	mu  sync.Mutex
	day finding.Day
	of  map[string][]byte
}

// New returns the picture of an installation.
func New(s *store.Store) *Picture { return &Picture{store: s} }

// Window says how far back the desk's situation looks; the zero value is 30 days of cohort in 90 days of series.
type Window struct {
	Days   int // of the cohort, at most 365
	Series int // days of the series, at most 730
}
