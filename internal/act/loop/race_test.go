//go:build race

package loop

// raced is whether the race detector watches: it slows down tenfold.
const raced = true
