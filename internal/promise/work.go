package promise

import (
	"time"

	"tocsin/internal/event"
)

// Work is what waits for the authority, by kind. There is one count of it (store.WorkOf): the queue's page and tabs, the menu, the
// system's page, the API, metrics and what is published have their numbers from it.
type Work map[Kind]Count

// Count is how much waits, how much of that longer than promised, and since when the oldest does.
type Count struct {
	N, Late int
	Oldest  time.Time // zero where nothing waits
}

// Add puts more of a kind to it.
func (w Work) Add(k Kind, c Count) {
	if c.N == 0 {
		return
	}
	have := w[k]
	have.N, have.Late = have.N+c.N, have.Late+c.Late
	if have.Oldest.IsZero() || c.Oldest.Before(have.Oldest) {
		have.Oldest = c.Oldest
	}
	w[k] = have
}

// Waits puts one thing to it that waits since an instant.
func (w Work) Waits(k Kind, s event.Severity, since, at time.Time, zone *time.Location) {
	c := Count{N: 1, Oldest: since}
	if at.After(Due(k, s, since, zone)) {
		c.Late = 1
	}
	w.Add(k, c)
}

// Sum adds all kinds up.
func (w Work) Sum() Count {
	sum := Work{}
	for _, c := range w {
		sum.Add("", c)
	}
	return sum[""]
}
