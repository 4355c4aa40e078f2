package store_test

import (
	"testing"

	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// An installation in which nothing has happened measures nothing.
func TestMeasure(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			m, err := tx.Measure(t.Context(), "planned", "failed")
			if m.Signals+m.Waiting+m.Unplaced+m.Size != 0 || len(m.Notices) != 2 || !m.Checkpoint.IsZero() {
				t.Errorf("%+v", m)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
