package triage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/triage"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// An item of the queue is seen to, once, by the desk; nothing else can be done to it, and what waits to be released is decided
// on a page of its own.
func TestItems(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := newRoom(t, s)
		item := func(kind string) string {
			var id string
			r.keep(func(ctx context.Context, tx *store.Tx) error {
				if _, err := tx.Enqueue(ctx, store.QueueItem{Kind: kind, Object: "signal:1", Severity: event.High, Created: noon.Add(-time.Hour)}); err != nil {
					return err
				}
				all, err := tx.QueueOfKind(ctx, kind)
				id = all[len(all)-1].ID
				return err
			})
			return "queue:" + id
		}
		plain, held, seen := item("signal.unread"), item("notice.held"), item("feed.silent")
		ann, member := analyst("ann"), analyst("eve")
		member.Party, member.Seats[0].Party, member.Seats[0].Powers = "alpha", "alpha", people.PartyPowers
		if b, err := r.desk.Do(t.Context(), noon, ann, []triage.On{{Key: seen, Act: triage.Done}}, "looked"); err != nil || b.Changed != 1 {
			t.Fatal(b, err)
		}
		for _, c := range []struct {
			name string
			by   access.Actor
			on   triage.On
			want error // nil: done
		}{
			{"nothing to attribute", ann, triage.On{Key: plain, Act: triage.Attribute, To: "beta"}, fault.Conflict},
			{"nothing to discard", ann, triage.On{Key: plain, Act: triage.Discard}, fault.Conflict},
			{"nothing to reject", ann, triage.On{Key: plain, Act: triage.Reject}, fault.Conflict},
			{"what waits to be released", ann, triage.On{Key: held, Act: triage.Done}, fault.Conflict},
			{"what was seen to", ann, triage.On{Key: seen, Act: triage.Done}, fault.Conflict},
			{"what is not there", ann, triage.On{Key: "queue:none", Act: triage.Done}, fault.NotFound},
			{"by a member", member, triage.On{Key: plain, Act: triage.Done}, fault.NotFound},
			{"what waits", ann, triage.On{Key: plain, Act: triage.Done}, nil},
		} {
			before, err := r.desk.Preview(t.Context(), noon, c.by, []triage.On{c.on})
			if err == nil {
				err = before.First()
			}
			done, err2 := r.desk.Do(t.Context(), noon, c.by, []triage.On{c.on}, "x")
			if err2 == nil {
				err2 = done.First()
			}
			if !errors.Is(err, c.want) && !errors.Is(err, fault.Denied) || !errors.Is(err2, c.want) && !errors.Is(err2, fault.Denied) ||
				(err == nil) != (c.want == nil) || (err2 == nil) != (c.want == nil) || (done.Changed == 1) != (c.want == nil) {
				t.Errorf("%s: previewed %v, done %v; want %v", c.name, err, err2, c.want)
			}
		}
	})
}

// A list to choose a party from has a hundred at most; of more there is none, and people name one.
func TestChoices(t *testing.T) {
	t.Parallel()
	r := newRoom(t, testkit.SQLite(t))
	for n := 4; n <= 101; n++ { // the room has three
		r.keep(func(ctx context.Context, tx *store.Tx) error {
			return tx.PutParty(ctx, noon, party.Party{ID: ident.Party(fmt.Sprintf("p%03d", n)), Name: fmt.Sprintf("Party %03d", n)})
		})
		want := n
		if n > 100 {
			want = 0
		}
		if n < 99 {
			continue
		}
		if list, err := r.desk.Choices(t.Context(), noon, analyst("ann")); err != nil || len(list) != want {
			t.Errorf("of %d parties %d are listed, want %d: %v", n, len(list), want, err)
		}
	}
}
