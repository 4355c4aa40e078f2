package upkeep_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/upkeep"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// An empty installation has nothing that waits, and knows which database it lies in.
func TestEmpty(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		u, now := upkeep.New(s), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		b, err := u.Backlog(t.Context(), now)
		if err != nil || b.Signals != 0 || !b.Oldest.IsZero() || b.Notices["planned"] != 0 || b.Overdue != 0 || b.Queue != 0 || b.Refused != 0 || b.Failing != 0 {
			t.Errorf("%+v, %v", b, err)
		}
		e, err := u.Engine(t.Context())
		if err != nil || !strings.Contains(e.Name, "SQL") || e.Bytes < 1<<14 || !strings.HasSuffix(e.Schema, ".sql") {
			t.Errorf("%+v, %v", e, err)
		}
		days, err := u.Days(t.Context(), now, 30)
		if err != nil || len(days) != 0 {
			t.Errorf("%+v, %v", days, err)
		}
	})
}
