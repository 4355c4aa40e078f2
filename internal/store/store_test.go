package store_test

import (
	"errors"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

func TestNotFound(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			_, err := tx.FindingByID(t.Context(), 1)
			return err
		})
		if !errors.Is(err, fault.NotFound) {
			t.Errorf("a finding that is not there: %v", err)
		}
	})
}
