package loop

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// Limits of one signal and of its turn. A chunk ends with the first of its bounds.
const (
	chunkBytes = 8 << 20 // of the part, read for one chunk

	maxKept      = 10_000   // rejected rows of a signal that are stored; the rest is counted
	maxKeptBytes = 16 << 20 // of what is stored of them

	giveUpRows = 1000 // rejected rows from which a signal is given up where they are more than half of its rows

	maxOpen = 3 // signals that stay open between their turns, with what was parsed ahead

	maxProblems = 20 // parts of a signal whose problem is told; of the rest the number
)

// errStopped ends a fold that waits for its next turn; its cursor keeps the place.
var errStopped = errors.New("the fold was put away")

// openFold is a signal whose folding has begun. It is a coroutine: it runs while FoldNext waits for it, and it waits
// in pause while signals of other feeds have their turn.
type openFold struct {
	signal   store.Signal
	now      time.Time          // of this turn
	progress func(store.Signal) // of this turn
	used     bool               // this turn has had its chunk
	base     store.Counts       // when it was opened
	kept     store.Kept         // rejected rows that are stored
	problems []string           // what could not be read
	more     int                // problems that are not told
	yield    func(struct{}) bool
	next     func() (struct{}, bool)
	stop     func()
	cancel   context.CancelFunc
	err      error
}

// begin opens a signal for folding. The fold outlives the call's context, but is cancelled with that of each turn.
func (l *Loop) begin(ctx context.Context, s store.Signal) *openFold {
	o := &openFold{signal: s, base: s.Counts}
	ctx, o.cancel = context.WithCancel(context.WithoutCancel(ctx))
	o.next, o.stop = iter.Pull(func(yield func(struct{}) bool) {
		o.yield = yield
		o.err = l.foldSignal(ctx, o)
	})
	return o
}

// turn goes on with a signal until it is read or another feed waits; done says which.
func (o *openFold) turn(ctx context.Context, now time.Time, progress func(store.Signal)) (done bool, err error) {
	o.now, o.progress, o.used = now, progress, false
	unwatch := context.AfterFunc(ctx, o.cancel)
	_, more := o.next()
	unwatch()
	if more {
		return false, nil
	}
	o.cancel()
	return true, o.err
}

func (o *openFold) close() {
	o.cancel()
	o.stop()
}

// pause is called before each chunk. After the first of a turn it gives the turn away where a signal of another feed
// waits, and returns when it comes back.
func (l *Loop) pause(ctx context.Context, o *openFold) error {
	if !o.used {
		o.used = true
		return nil
	}
	var others bool
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		others, err = tx.OthersWait(ctx, o.signal.Feed)
		return err
	})
	if err != nil || !others {
		return err
	}
	if !o.yield(struct{}{}) {
		return errStopped
	}
	o.used = true
	return nil
}

// putAway closes all open folds.
func (f *folder) putAway() {
	for _, o := range f.open {
		o.close()
	}
	f.open = nil
}

// FoldNext folds one signal: to its end, or for one chunk where signals of other feeds wait. It reports the signal and
// whether there was one; fault.Conflict where another process is the one that folds. progress, which may be nil, is
// called after every committed chunk. What was committed when the process dies is neither lost nor counted twice.
func (l *Loop) FoldNext(ctx context.Context, now time.Time, progress func(store.Signal)) (ident.Signal, bool, error) {
	f := &l.fold
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.acquire(ctx, l.store); err != nil {
		return 0, false, err
	}
	var s store.Signal
	err := l.store.View(ctx, func(tx *store.Tx) error {
		all, err := tx.WaitingSignals(ctx, now.UTC().Truncate(24*time.Hour))
		if err != nil || len(all) == 0 {
			return err
		}
		s, err = tx.SignalByID(ctx, f.choose(all))
		return err
	})
	if err != nil || s.ID == 0 {
		return 0, false, err
	}
	i := slices.IndexFunc(f.open, func(o *openFold) bool { return o.signal.ID == s.ID })
	if i < 0 {
		i, f.open = len(f.open), append(f.open, l.begin(ctx, s))
	}
	done, err := f.open[i].turn(ctx, now, progress)
	if err != nil {
		return s.ID, true, errors.Join(fmt.Errorf("fold signal %d: %w", s.ID, err), f.forget(err))
	}
	if !done && i < maxOpen {
		return s.ID, true, nil
	}
	// Too many are open: the newest goes on from its cursor another time, the others keep what they have read.
	f.open[i].close()
	f.open = slices.Delete(f.open, i, i+1)
	return s.ID, true, nil
}

// choose returns the signal whose turn it is, of the first ones of each feed. Feeds over their quota come last. Urgent
// feeds come first, but after a turn of an urgent one a turn is another's. Among equals it is that whose last turn is
// the longest ago, then the oldest signal.
func (f *folder) choose(all []store.WaitingSignal) ident.Signal {
	rank := func(w store.WaitingSignal) [3]int64 {
		var r [3]int64
		if w.OverQuota {
			r[0] = 1
		}
		if w.Urgent == f.urgent {
			r[1] = 1
		}
		r[2] = f.turns[w.Feed]
		return r
	}
	best := slices.MinFunc(all, func(a, b store.WaitingSignal) int {
		ra, rb := rank(a), rank(b)
		if c := slices.Compare(ra[:], rb[:]); c != 0 {
			return c
		}
		return int(a.Signal - b.Signal)
	})
	if f.turns == nil {
		f.turns = map[ident.Feed]int64{}
	}
	f.count++
	f.turns[best.Feed], f.urgent = f.count, best.Urgent
	return best.Signal
}

// keep returns the rejected rows of a chunk that are stored. The others are only counted.
func (o *openFold) keep(rejected []store.Rejected) ([]store.Rejected, store.Kept) {
	kept := o.kept
	for i := range rejected {
		size := int64(len(rejected[i].Raw) + len(rejected[i].Reason))
		if kept.Rows >= maxKept || kept.Bytes+size > maxKeptBytes {
			return rejected[:i], kept
		}
		kept.Rows, kept.Bytes = kept.Rows+1, kept.Bytes+size
	}
	return rejected, kept
}

// hopeless is an error of kind Invalid where so many rows of a signal were rejected since it was opened that its
// pack cannot be the right one.
func (o *openFold) hopeless() error {
	rows, rejected := o.signal.Counts.Rows-o.base.Rows, o.signal.Counts.Rejected-o.base.Rejected
	rejected -= o.signal.Counts.Held - o.base.Held // those were read
	if rejected <= giveUpRows || rejected*2 <= rows {
		return nil
	}
	return fault.New(fault.Invalid, "given up: %d of %d rows could not be read, up to line %d", rejected, rows, o.signal.Cursor.Line-1)
}

// countKept counts the rows that earlier turns stored.
func (l *Loop) countKept(ctx context.Context, o *openFold) error {
	if o.signal.Error != "" {
		o.problems = []string{o.signal.Error}
	}
	return l.store.View(ctx, func(tx *store.Tx) (err error) {
		o.kept, err = tx.RejectedKept(ctx, o.signal.ID)
		return err
	})
}

// problemText returns what is told of a signal that cannot be read; false where the failure is our own.
func problemText(err error) (string, bool) {
	if broken, ok := errors.AsType[*feed.ReadError](err); ok {
		return broken.Error(), true
	}
	return fault.Message(err)
}

// addProblem adds one problem of the signal unless it is told already, and reports whether it did.
func (o *openFold) addProblem(text string) bool {
	if strings.Contains(o.reason(), text) {
		return false
	}
	if len(o.problems) >= maxProblems {
		o.more++
		return false
	}
	o.problems = append(o.problems, text)
	return true
}

// reason is what is wrong with the signal; empty where nothing is.
func (o *openFold) reason() string {
	text := strings.Join(o.problems, "\n")
	if o.more > 0 {
		text += fmt.Sprintf("\nand %d more", o.more)
	}
	return text
}

// skipPart notes in the signal's row that a part could not be read, so that it is not forgotten when the rest is read
// in a later turn.
func (l *Loop) skipPart(ctx context.Context, o *openFold, problem string) error {
	if err := l.pause(ctx, o); err != nil {
		return err
	}
	if !o.addProblem(problem) {
		return nil
	}
	o.signal.Error = o.reason()
	return l.store.Keep(ctx, func(tx *store.Tx) error { return tx.NoteSignal(ctx, o.signal.ID, o.signal.Error) })
}
