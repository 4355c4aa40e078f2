package gate

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// Pace is how slowly a client may send and take. The zero value sets no limit.
type Pace struct {
	Clock  func() time.Time // of the machine: deadlines of connections go by it
	Window time.Duration    // over which the average counts; also the longest wait for the next byte
	Bytes  int64            // that must move in a window, more than 0
	Form   time.Duration    // in which a whole form must arrive
}

// UsualPace is 1 KiB/s over half a minute; a form has half a minute in all.
func UsualPace(clock func() time.Time) Pace {
	return Pace{Clock: clock, Window: 30 * time.Second, Bytes: 30 << 10, Form: 30 * time.Second}
}

// ErrSlow says that a client moved too few bytes.
var ErrSlow = errors.New("the client is too slow")

// Wrap puts deadlines around h: bodies must keep coming, forms must come whole in time, answers must be taken. stream
// tells the requests whose body is an upload of any length.
func (p Pace) Wrap(h http.Handler, stream func(*http.Request) bool) http.Handler {
	if p.Window == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		now := p.Clock()
		// Without the deadline of an earlier request on the connection, and before the body is read or left unread.
		_ = c.SetWriteDeadline(time.Time{}) // a writer without deadlines is a test's
		if r.Body != nil && r.Body != http.NoBody {
			b := &body{ReadCloser: r.Body, pace: p, c: c, start: now}
			first := p.Window
			if !stream(r) {
				first, b.whole = p.Form, true
			}
			_ = c.SetReadDeadline(now.Add(first))
			r.Body = b
		}
		h.ServeHTTP(&writer{ResponseWriter: w, pace: p, c: c}, r)
		_ = c.SetWriteDeadline(p.Clock().Add(p.Window)) // for what is still buffered
	})
}

// body is a request's body that must keep coming.
type body struct {
	io.ReadCloser
	pace  Pace
	c     *http.ResponseController
	start time.Time // of the window
	got   int64     // bytes in it
	whole bool      // one deadline for all of it
}

func (b *body) Read(p []byte) (int, error) {
	if !b.whole {
		now := b.pace.Clock()
		if now.Sub(b.start) >= b.pace.Window {
			if b.got < b.pace.Bytes {
				_ = b.c.SetReadDeadline(now) // what is left of it is not waited for
				return 0, ErrSlow
			}
			b.start, b.got = now, 0
		}
		_ = b.c.SetReadDeadline(now.Add(b.pace.Window))
	}
	n, err := b.ReadCloser.Read(p)
	b.got += int64(n)
	if err == io.EOF {
		_ = b.c.SetReadDeadline(time.Time{}) // else it would end the work on the request
	}
	return n, err
}

// writer is an answer that must be taken. Only the time in which the client lets us wait counts.
type writer struct {
	http.ResponseWriter
	pace   Pace
	c      *http.ResponseController
	set    time.Time     // when the deadline was set last
	waited time.Duration // in this window
	sent   int64
	slow   bool
}

// Unwrap gives http.ResponseController the writer beneath.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write sends p in pieces of what must move in a window, each with a deadline of its own: a page may be long, and who
// takes nothing is let go all the same.
func (w *writer) Write(p []byte) (n int, err error) {
	for {
		piece := p[n:]
		if int64(len(piece)) > w.pace.Bytes {
			piece = piece[:w.pace.Bytes]
		}
		m, err := w.piece(piece)
		if n += m; err != nil || n >= len(p) {
			return n, err
		}
	}
}

func (w *writer) piece(p []byte) (int, error) {
	if w.slow {
		return 0, ErrSlow
	}
	before := w.pace.Clock()
	if before.Sub(w.set) > w.pace.Window/30 || w.set.IsZero() {
		w.set = before
		_ = w.c.SetWriteDeadline(before.Add(2 * w.pace.Window))
	}
	n, err := w.ResponseWriter.Write(p)
	w.waited += w.pace.Clock().Sub(before)
	w.sent += int64(n)
	if w.waited >= w.pace.Window {
		w.slow = w.sent < w.pace.Bytes
		w.waited, w.sent = 0, 0
	}
	return n, err
}
