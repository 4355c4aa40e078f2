package page

import (
	"context"
	"net/http"
	"runtime"
)

// pagesAtOnce is how many pages of a listener are made at once. Making one is work of the processors, here or in the
// database, so that many more would only make each wait for all the others; those that wait go in the order in which they
// came, and nobody waits twice as long as the rest. One more than there are processors stands in for a page that waits for
// the disk.
func pagesAtOnce() int { return runtime.GOMAXPROCS(0) + 1 }

// take waits for the visit's turn, unless it has it; the request's error where whoever asked has gone.
func (v *Visit) take() error {
	if v.turn {
		return nil
	}
	select {
	case v.Kit.turns <- struct{}{}:
		v.turn = true
		return nil
	case <-v.R.Context().Done():
		return v.R.Context().Err()
	}
}

// yield ends the visit's turn, if it has one.
func (v *Visit) yield() {
	v.looked()
	if v.turn {
		v.turn = false
		<-v.Kit.turns
	}
}

// look lets what the visit reads in its turn be of one state of the database: the numbers of a page agree with one another
// and with its lists.
func (v *Visit) look() {
	if v.turn && v.Kit.Snapshot != nil {
		var ctx context.Context
		ctx, v.ended = v.Kit.Snapshot(v.R.Context())
		v.R = v.R.WithContext(ctx)
	}
}

// looked ends that, once everything is read: filling a template needs no connection to the database.
func (v *Visit) looked() {
	if v.ended != nil {
		v.ended()
		v.ended = nil
	}
}

// turnWriter ends the turn of a visit once its answer is on its way, which may take as long as the reader's network does,
// or for ever where it is a stream of events.
type turnWriter struct {
	http.ResponseWriter
	visit *Visit
}

func (w *turnWriter) WriteHeader(status int) {
	w.visit.yield()
	w.ResponseWriter.WriteHeader(status)
}

func (w *turnWriter) Write(b []byte) (int, error) {
	w.visit.yield()
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *turnWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
