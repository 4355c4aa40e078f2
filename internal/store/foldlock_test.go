package store_test

import (
	"errors"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

func TestOneFolds(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		unlock, term, err := s.LockFold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.LockFold(t.Context()); !errors.Is(err, fault.Conflict) {
			t.Errorf("a second one: %v", err)
		}
		if err := unlock(); err != nil {
			t.Fatal(err)
		}
		again, _, err := s.LockFold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = s.Keep(t.Context(), func(tx *store.Tx) error { return tx.CheckFold(t.Context(), term) })
		if !errors.Is(err, fault.Conflict) {
			t.Errorf("the term before: %v", err)
		}
		if err := again(); err != nil {
			t.Fatal(err)
		}
	})
}
