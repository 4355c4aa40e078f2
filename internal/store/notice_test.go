package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

var noticeDay = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// putNotices writes n planned notices of one party, a minute apart, the severity rising.
func putNotices(ctx context.Context, s *store.Store, n int) error {
	return s.Keep(ctx, func(tx *store.Tx) error {
		if err := tx.PutParty(ctx, noticeDay, party.Party{ID: "p", Name: "P", Kind: "company", Language: "en", Rank: 100}); err != nil {
			return err
		}
		for i := range n {
			at := noticeDay.Add(time.Duration(i) * time.Minute)
			err := tx.InsertNotice(ctx, &notice.Notice{
				ID: ident.Notice(fmt.Sprintf("ntc_%02d", i)), Party: "p", Contact: "c", Language: "en", Kind: notice.Urgent,
				Severity: event.Severity(1 + i*5/n), Reason: notice.WhySeverity, State: notice.Planned, Created: at, Next: at,
				Rendition: 1, MessageID: "m", Subject: "s",
			}, []ident.Finding{ident.Finding(i + 1), ident.Finding(i + 2)})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// However many workers claim at once, each notice goes to one of them, the most severe first, and none twice.
func TestClaimNotice(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if err := putNotices(ctx, s, 20); err != nil {
			t.Fatal(err)
		}
		now := noticeDay.Add(time.Hour)
		claim := func(ctx context.Context, now time.Time) (n notice.Notice, ok bool, err error) {
			err = s.Keep(ctx, func(tx *store.Tx) error {
				n, ok, err = tx.ClaimNotice(ctx, now, now.Add(notice.Lease))
				return err
			})
			return n, ok, err
		}
		first, ok, err := claim(ctx, now)
		if err != nil || !ok || first.Severity != event.Critical || first.State != notice.Sending || !first.Leased.Equal(now.Add(notice.Lease)) {
			t.Fatalf("%+v %v %v", first, ok, err)
		}
		var mu sync.Mutex
		taken := map[ident.Notice]int{first.ID: 1}
		g, gctx := errgroup.WithContext(ctx)
		for range 4 {
			g.Go(func() error {
				for {
					n, ok, err := claim(gctx, now)
					if err != nil || !ok {
						return err
					}
					mu.Lock()
					taken[n.ID]++
					mu.Unlock()
				}
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		for id, n := range taken {
			if n != 1 {
				t.Errorf("%s was taken %d times", id, n)
			}
		}
		if len(taken) != 20 {
			t.Errorf("%d of 20 were taken", len(taken))
		}
		if _, ok, err := claim(ctx, now.Add(notice.Lease)); !ok || err != nil {
			t.Errorf("after the lease: %v %v", ok, err)
		}
	})
}

func TestNoticesOneByOne(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if err := putNotices(ctx, s, 7); err != nil {
			t.Fatal(err)
		}
		err := s.Keep(ctx, func(tx *store.Tx) error {
			var have []ident.Notice
			var after store.NoticeCursor
			for {
				page, err := tx.ListNotices(ctx, store.NoticeFilter{Party: "p", State: notice.Planned, May: access.Always}, after, 3)
				if err != nil || len(page) == 0 {
					if d := cmp.Diff([]ident.Notice{"ntc_06", "ntc_05", "ntc_04", "ntc_03", "ntc_02", "ntc_01", "ntc_00"}, have); d != "" {
						t.Error(d)
					}
					return err
				}
				for _, n := range page {
					have = append(have, n.ID)
				}
				last := page[len(page)-1]
				after = store.NoticeCursor{Created: last.Created, ID: last.ID}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Keep(ctx, func(tx *store.Tx) error {
			n, err := tx.NoticeByID(ctx, "ntc_03")
			if err != nil {
				return err
			}
			n.State, n.Sent, n.Next, n.Error, n.Tries, n.Attempts, n.Rendition = notice.Sent, noticeDay, noticeDay.Add(time.Hour), "x", 2, 3, 4
			n.Contact, n.Language, n.MessageID, n.Subject, n.Leased, n.Answered = "d", "zh", "m2", "s2", noticeDay, noticeDay
			if err := errors.Join(tx.PutNotice(ctx, &n), tx.SetMessage(ctx, n.ID, []byte("mail"))); err != nil {
				return err
			}
			back, err := tx.NoticeByID(ctx, n.ID)
			if d := cmp.Diff(n, back); d != "" {
				t.Error(d)
			}
			if b, err := tx.NoticeMessage(ctx, n.ID); err != nil || string(b) != "mail" {
				t.Errorf("%q %v", b, err)
			}
			if b, err := tx.NoticeMessage(ctx, "ntc_04"); err != nil || b != nil {
				t.Errorf("%q %v", b, err)
			}
			due, err2 := tx.NoticesToChase(ctx, noticeDay.Add(time.Hour), 10)
			past, err3 := tx.PastNotices(ctx, "p", noticeDay.Add(3*time.Minute))
			of, err4 := tx.NoticesOfFinding(ctx, 4, access.Always)
			if len(due) != 1 || past.Today != 4 || !past.LastDigest.IsZero() || len(of) != 2 {
				t.Errorf("%v %+v %d", due, past, len(of))
			}
			if _, err := tx.NoticeByID(ctx, "ntc_99"); !errors.Is(err, fault.NotFound) {
				t.Errorf("a notice that is not there: %v", err)
			}
			return errors.Join(err, err2, err3, err4)
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
