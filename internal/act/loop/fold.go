package loop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/feed/format"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// folder is the one writer of findings. Whoever folds holds the fold lock of the database and the index in memory.
type folder struct {
	mu     sync.Mutex // one fold at a time
	idx    *index
	unlock func() error
	term   string // of the fold lock, checked in every transaction

	open   []*openFold          // signals between two turns, the one opened first first
	turns  map[ident.Feed]int64 // the number of each feed's last turn
	count  int64
	urgent bool // the last turn was an urgent signal's
}

// acquire takes the fold lock and loads the index; fault.Conflict where another process folds.
func (f *folder) acquire(ctx context.Context, s *store.Store) error {
	if f.idx != nil {
		return nil
	}
	if f.unlock == nil {
		unlock, term, err := s.LockFold(ctx)
		if err != nil {
			return err
		}
		f.unlock, f.term = unlock, term
	}
	idx, err := loadIndex(ctx, s)
	if err != nil {
		return err
	}
	f.idx = idx
	return nil
}

// forget drops the index after a failure: the outcome of a commit may be unknown, so everything is read again. A fold
// that has changed hands is given up.
func (f *folder) forget(why error) error {
	f.putAway()
	f.idx = nil
	if !errors.Is(why, fault.Conflict) || f.unlock == nil {
		return nil
	}
	err := f.unlock()
	f.unlock = nil
	return err
}

func (f *folder) close(ctx context.Context, s *store.Store) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.putAway()
	err := f.writeBack(ctx, s)
	f.idx = nil
	if f.unlock != nil {
		err = errors.Join(err, f.unlock())
		f.unlock = nil
	}
	return err
}

// run is the folding of one part.
type run struct {
	l        *Loop
	now      time.Time
	signal   *store.Signal
	pack     *feed.Pack
	tlp      marking.TLP // of the feed
	part     int
	opened   *feed.Part
	stream   int64            // of the part; of sourced ones that of the rows that name no source
	sources  map[string]int64 // streams of the feed by name, of sourced parts
	pending  map[int64]int64  // by stream: rows kept aside before any row of it told its day
	register *party.Register
	version  int64 // of register
	by       access.Actor
	act      string
	turn     *openFold // nil in a replay
	from     int64     // offset at which the current chunk begins
}

// foldSignal folds what is left of a signal, part by part, and finishes it. What cannot be read ends the signal with
// the reason; only failures of our own are errors.
func (l *Loop) foldSignal(ctx context.Context, o *openFold) error {
	s := &o.signal
	register, version, err := l.registerAt(ctx, o.now)
	if err != nil {
		return err
	}
	pack, tlp, err := l.packOf(ctx, s.Feed)
	if errors.Is(err, fault.NotFound) { // nothing can be read until somebody acts: let others through
		return l.finish(ctx, o, 0, fault.New(fault.NotFound, "%v", err))
	}
	if err != nil {
		return err
	}
	if err := l.countKept(ctx, o); err != nil {
		return err
	}
	blob, err := l.archive.Get(s.Blob)
	if errors.Is(err, fault.NotFound) {
		return l.finish(ctx, o, 0, fault.New(fault.NotFound, "%v", err))
	}
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }() // only read from
	part, opened := -1, 0
	var failed error
	err = l.eachPart(s.Name, blob, func(name string, r io.Reader) error {
		part++
		if part < s.Cursor.Part {
			return nil
		}
		p, err := format.Open(pack, name, r, feed.Options{Key: l.set.Key})
		if err != nil {
			text, ours := problemText(err)
			if !ours {
				return err
			}
			failed = l.skipPart(ctx, o, fmt.Sprintf("%s: %s", name, text))
			return failed
		}
		opened++
		x := run{
			l: l, now: o.now, signal: s, pack: pack, tlp: tlp, part: part, opened: p, register: register, version: version,
			by: access.ForSoftware("fold"), act: "finding.fold", turn: o,
		}
		err, failed = x.fold(ctx)
		register, version = x.register, x.version
		return errors.Join(err, failed)
	})
	if failed != nil { // whatever else is wrong with the signal, it is not read to its end
		return failed
	}
	return l.finish(ctx, o, opened, err)
}

// finish ends a signal. problem is what kept the rest of it from being read.
func (l *Loop) finish(ctx context.Context, o *openFold, opened int, problem error) error {
	if problem != nil {
		text, ok := problemText(problem)
		if !ok {
			return problem
		}
		o.addProblem(text)
	}
	s, now, reason := &o.signal, o.now, o.reason()
	s.State, s.Error, s.Finished = "folded", reason, now
	if opened == 0 && s.Counts.Rows == 0 && reason != "" {
		s.State = "refused"
	}
	return l.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.FinishSignal(ctx, s.ID, s.State, reason, now); err != nil {
			return err
		}
		object := fmt.Sprintf("signal:%d", s.ID)
		if reason != "" {
			if err := tx.SpoilCycles(ctx, s.Feed, s.Received); err != nil {
				return err
			}
			_, err := tx.Enqueue(ctx, store.QueueItem{
				Kind: "signal.unread", Object: object, Code: "signal.unread", Args: []string{string(s.Feed), s.Name, reason}, Created: now,
			})
			if err != nil {
				return err
			}
		}
		if err := tellHeld(ctx, tx, now, s); err != nil {
			return err
		}
		_, err := tx.Append(ctx, now, access.ForSoftware("fold"), "signal.finish", access.On(object), s.State, s.Counts)
		return err
	})
}

// packOf returns the pack that reads a feed and how what it brings is marked.
func (l *Loop) packOf(ctx context.Context, id ident.Feed) (*feed.Pack, marking.TLP, error) {
	var f store.Feed
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		f, err = tx.FeedByID(ctx, id)
		return err
	})
	if err != nil {
		return nil, marking.Red, err
	}
	pack, ok := l.packs.Pack(f.Pack)
	if !ok {
		return nil, marking.Red, fmt.Errorf("feed %s names pack %s, which is not here: %w", id, f.Pack, fault.NotFound)
	}
	return pack, f.TLP, nil
}

// eachPart unpacks a blob and calls f for every part in order.
func (l *Loop) eachPart(name string, blob *archive.Blob, f func(name string, r io.Reader) error) error {
	return feed.Unwrap(name, blob, feed.Limits{Total: l.set.Expansion}, f)
}

// fold reads a part from the signal's cursor to its end: one goroutine cuts, several parse, this one commits in order.
// unread is what is wrong with the part; failed is a failure of our own, after which the cursor keeps the place.
func (x *run) fold(ctx context.Context) (unread, failed error) {
	if err := x.open(ctx); err != nil {
		return nil, err
	}
	if at := x.signal.Cursor; at.Part == x.part && at.Offset > 0 {
		if err := x.opened.Skip(feed.Position{Offset: at.Offset, Line: at.Line}); err != nil {
			return err, nil
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	workers := x.l.set.FoldWorkers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ordered, readErr := x.parse(ctx, workers)
	c := x.newChunk()
	x.from = x.signal.Cursor.Offset
	for done := range ordered {
		p := <-done
		if unread == nil && failed == nil {
			c.take(p)
			if c.rows >= x.chunkRows() || c.end.Offset-x.from >= chunkBytes {
				unread, failed = x.endChunk(ctx, c)
				c = x.newChunk()
				if unread != nil || failed != nil {
					stop()
				}
			}
		}
		p.batch.Release()
	}
	if unread == nil && failed == nil && c.rows > 0 {
		unread, failed = x.endChunk(ctx, c)
	}
	if unread != nil || failed != nil {
		return unread, failed
	}
	return <-readErr, ctx.Err()
}

// endChunk lets other feeds have their turn where this one has had its chunk, and commits the next.
func (x *run) endChunk(ctx context.Context, c *chunk) (unread, failed error) {
	if failed = x.l.pause(ctx, x.turn); failed != nil {
		return nil, failed
	}
	x.now = x.turn.now
	if failed = x.commit(ctx, c); failed != nil {
		return nil, failed
	}
	x.from = c.end.Offset
	return x.turn.hopeless(), nil
}

func (x *run) chunkRows() int {
	if n := x.l.set.ChunkRows; n > 0 {
		return n
	}
	return 16384
}

// Warm takes the fold lock and loads the index, which FoldNext otherwise does at its first signal.
func (l *Loop) Warm(ctx context.Context) error {
	l.fold.mu.Lock()
	defer l.fold.mu.Unlock()
	return l.fold.acquire(ctx, l.store)
}
