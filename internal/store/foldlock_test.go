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
		unlock, err := s.LockFold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.LockFold(t.Context()); !errors.Is(err, fault.Conflict) {
			t.Errorf("a second one: %v", err)
		}
		if err := unlock(); err != nil {
			t.Fatal(err)
		}
		again, err := s.LockFold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := again(); err != nil {
			t.Fatal(err)
		}
	})
}
