//go:build !race

package feed

// underRace is whether the race detector watches: it slows down tenfold and drops pooled memory at random.
const underRace = false
