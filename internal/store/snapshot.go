package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// snapshot is a transaction that the Views under one context share.
type snapshot struct {
	store *Store
	ctx   context.Context //nolint:containedctx // of whoever holds the snapshot: the deadline of one View does not end it
	stale atomic.Bool     // something was written since

	mu   sync.Mutex // held by the View that uses it
	tx   *Tx        // nil: none is open
	over bool
}

type snapshotKey struct{}

// Snapshot returns a context under which the Views of this store see one state of the database, the one that the first of
// them sees, so that what they say agrees; and what must be called to end it. After an Update or a Keep under the same
// context, and after a View that failed, the next View sees the state as it is then. A View within another, or beside it in
// another goroutine, has a transaction of its own, and so has each where many snapshots hold a connection: whoever holds one
// may wait for somebody who needs one.
func (s *Store) Snapshot(ctx context.Context) (held context.Context, end func()) {
	n := &snapshot{store: s, ctx: ctx}
	return context.WithValue(ctx, snapshotKey{}, n), n.end
}

// snapshotOf returns the snapshot of this store that the context holds; nil where there is none.
func (s *Store) snapshotOf(ctx context.Context) *snapshot {
	n, _ := ctx.Value(snapshotKey{}).(*snapshot)
	if n == nil || n.store != s {
		return nil
	}
	return n
}

// View runs f in one read-only transaction over a consistent snapshot.
func (s *Store) View(ctx context.Context, f func(*Tx) error) error {
	if n := s.snapshotOf(ctx); n != nil && n.mu.TryLock() {
		defer n.mu.Unlock()
		if ok, err := n.begin(); err != nil {
			return s.dialect.outage(err)
		} else if ok {
			return s.dialect.outage(n.view(f))
		}
	}
	return s.dialect.outage(s.once(ctx, s.read, s.dialect.readOptions(), f))
}

// begin sees to it that a transaction is open; false where there is none to be had.
func (n *snapshot) begin() (bool, error) {
	if n.stale.Swap(false) {
		n.drop()
	}
	if n.over || n.tx != nil {
		return !n.over, nil
	}
	select {
	case n.store.held <- struct{}{}:
	default:
		return false, nil
	}
	tx, err := n.store.read.BeginTx(n.ctx, n.store.dialect.readOptions())
	if err != nil {
		<-n.store.held
		return false, fmt.Errorf("begin: %w", err)
	}
	n.tx = n.store.newTx(tx)
	n.tx.said = map[any]any{}
	return true, nil
}

func (n *snapshot) view(f func(*Tx) error) error {
	err := f(n.tx)
	if err != nil {
		n.drop() // PostgreSQL answers nothing more in a transaction that has failed
	}
	return err
}

// drop ends the transaction, if one is open. It has written nothing, so that how it ends makes no difference.
func (n *snapshot) drop() {
	if n.tx != nil {
		_ = n.tx.tx.Rollback()
		n.tx = nil
		<-n.store.held
	}
}

// end waits for a View under way.
func (n *snapshot) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	n.drop()
}

// written says that what a snapshot shows is no longer what there is, and frees its connection for whoever writes.
func (n *snapshot) written() {
	if n == nil {
		return
	}
	n.stale.Store(true)
	if n.mu.TryLock() {
		n.drop()
		n.mu.Unlock()
	}
}

// remembered reads what the Views of a snapshot ask again and again, each for itself, one time; in any other transaction each
// time. The key's type says what is asked. Whoever gets the answer must not change what others get.
func remembered[K comparable, T any](t *Tx, key K, read func() (T, error)) (T, error) {
	if said, ok := t.said[key]; ok {
		return said.(T), nil
	}
	out, err := read()
	if err == nil && t.said != nil {
		t.said[key] = out
	}
	return out, err
}
