package store_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// setting reads one setting in a View of its own.
func setting(ctx context.Context, t *testing.T, s *store.Store, name string) string {
	t.Helper()
	var value string
	err := s.View(ctx, func(tx *store.Tx) (err error) {
		value, err = tx.Setting(ctx, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func setSetting(ctx context.Context, t *testing.T, s *store.Store, name, value string) {
	t.Helper()
	if err := s.Keep(ctx, func(tx *store.Tx) error { return tx.PutSetting(ctx, name, value) }); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshot: all Views under one context see what the first of them saw, until something is written under it, a View
// fails, or it ends.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		setSetting(ctx, t, s, "x", "one")
		held, end := s.Snapshot(ctx)
		want := func(value, why string) {
			t.Helper()
			if got := setting(held, t, s, "x"); got != value {
				t.Errorf("%s: %q, want %q", why, got, value)
			}
		}
		want("one", "the first View")
		setSetting(ctx, t, s, "x", "two")
		want("one", "another wrote")
		if got := setting(ctx, t, s, "x"); got != "two" {
			t.Errorf("without the snapshot: %q", got)
		}
		setSetting(held, t, s, "y", "mine")
		want("two", "after a write of its own")
		setSetting(ctx, t, s, "x", "three")
		want("two", "another wrote again")
		broken := errors.New("broken")
		if err := s.View(held, func(*store.Tx) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("a View that fails: %v", err)
		}
		want("three", "after a View that failed")
		setSetting(ctx, t, s, "x", "four")
		end()
		want("four", "after the end")
		end() // once more is no harm
	})
}

// TestSnapshotNested: a View within a View has a transaction of its own, and so has one beside it.
func TestSnapshotNested(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		setSetting(ctx, t, s, "x", "one")
		held, end := s.Snapshot(ctx)
		defer end()
		err := s.View(held, func(tx *store.Tx) error {
			if got, err := tx.Setting(held, "x"); err != nil || got != "one" {
				t.Errorf("outer: %q, %v", got, err)
			}
			setSetting(held, t, s, "x", "two") // within a View: it goes on seeing what it saw
			if got := setting(held, t, s, "x"); got != "two" {
				t.Errorf("inner: %q", got)
			}
			got, err := tx.Setting(held, "x")
			if got != "one" {
				t.Errorf("outer, after: %q", got)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := setting(held, t, s, "x"); got != "two" {
			t.Errorf("the next View: %q", got)
		}
	})
}

// TestSnapshotsLeaveConnections: however many hold a snapshot, others go on reading, and so do those that hold one and must
// begin anew: whoever holds one may be waiting for them.
func TestSnapshotsLeaveConnections(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // instead of for ever
		defer cancel()
		setSetting(ctx, t, s, "x", "one")
		many := runtime.GOMAXPROCS(0) + 40
		var held []context.Context
		for i := range many {
			one, end := s.Snapshot(ctx)
			defer end()
			held = append(held, one)
			if got := setting(one, t, s, "x"); got != "one" {
				t.Errorf("snapshot %d: %q", i, got)
			}
		}
		if got := setting(ctx, t, s, "x"); got != "one" {
			t.Errorf("beside them: %q", got)
		}
		broken := errors.New("broken")
		for i := range held {
			if err := s.View(held[i], func(*store.Tx) error { return broken }); !errors.Is(err, broken) {
				t.Fatal(err)
			}
			if got := setting(held[i], t, s, "x"); got != "one" {
				t.Errorf("snapshot %d, again: %q", i, got)
			}
		}
	})
}

// TestSnapshotBeside: a View in another goroutine does not wait for one under way, and the end of a snapshot does.
func TestSnapshotBeside(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		setSetting(ctx, t, s, "x", "one")
		held, end := s.Snapshot(ctx)
		var under, ended atomic.Bool
		done := make(chan struct{})
		err := s.View(held, func(tx *store.Tx) error {
			under.Store(true)
			defer under.Store(false)
			beside := make(chan string)
			go func() { beside <- setting(held, t, s, "x") }()
			if got := <-beside; got != "one" {
				t.Errorf("beside: %q", got)
			}
			go func() {
				end()
				ended.Store(true)
				if under.Load() {
					t.Error("the snapshot ended under a View")
				}
				close(done)
			}()
			_, err := tx.Setting(held, "x")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		<-done
		if got := setting(held, t, s, "x"); got != "one" || !ended.Load() {
			t.Errorf("after the end: %q", got)
		}
	})
}

// TestSnapshotReaders: within one snapshot each reader gets what they may see, at each instant.
func TestSnapshotReaders(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		now := noticeDay
		insertPopulace(t, s, populace(20))
		ann := access.Actor{Kind: access.Person, ID: "per_ann", Party: "a"}
		ben := access.Actor{Kind: access.Person, ID: "per_ben", Party: "a"}
		err := s.Keep(ctx, func(tx *store.Tx) error {
			return tx.PutGrant(ctx, store.Grant{ID: "shr_1", Object: "finding:1", Grantee: ann.String(), Created: now, By: "test", Until: now.Add(time.Hour)})
		})
		if err != nil {
			t.Fatal(err)
		}
		held, end := s.Snapshot(ctx)
		defer end()
		for range 2 {
			err = s.View(held, func(tx *store.Tx) error {
				for _, c := range []struct {
					by     access.Actor
					at     time.Time
					shares int
				}{{ann, now, 1}, {ben, now, 0}, {ann, now.Add(2 * time.Hour), 0}} {
					r, err := tx.Reader(held, c.by, c.at)
					if err != nil {
						return err
					}
					if len(r.Shares) != c.shares || r.ID != c.by.ID {
						t.Errorf("%s at %s: %d shares of %s, want %d", c.by, c.at, len(r.Shares), r.ID, c.shares)
					}
				}
				for _, c := range []struct {
					may  access.Cond
					want int
				}{{access.Always, 20}, {access.Never, 0}} {
					if n, err := tx.CountFindings(held, store.FindingFilter{May: c.may}, 100); err != nil || n != c.want {
						t.Errorf("%d findings, want %d: %v", n, c.want, err)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSnapshotRemembers: a party that is asked for again is as it was, whatever was done to the first answer; one that is not
// there is not there.
func TestSnapshotRemembers(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		err := s.Keep(ctx, func(tx *store.Tx) error {
			return tx.PutParty(ctx, noticeDay, party.Party{
				ID: "p", Name: "P", Kind: "company", Language: "en", Rank: 100,
				Contacts: []party.Contact{{ID: "con_1", Role: party.Security, Name: "Ann", Mail: "ann@p.example", Language: "en"}},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		held, end := s.Snapshot(ctx)
		defer end()
		for range 2 {
			err := s.View(held, func(tx *store.Tx) error {
				p, err := tx.PartyByID(held, "p")
				if err == nil && (len(p.Contacts) != 1 || p.Contacts[0].Name != "Ann") {
					t.Errorf("%+v", p.Contacts)
				}
				if err == nil {
					p.Contacts[0].Name = "changed by whoever asked"
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		err = s.View(held, func(tx *store.Tx) error {
			_, err := tx.PartyByID(held, "nobody")
			return err
		})
		if !errors.Is(err, fault.NotFound) {
			t.Errorf("a party that is not there: %v", err)
		}
	})
}
