package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// A payload lies beside its entry, opens under the right key only, and is gone once its subject was erased; the entry
// then is what it was, commitment and all.
func TestPayload(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx, at, key := t.Context(), time.Unix(1_800_000_000, 0).UTC(), bytes.Repeat([]byte{7}, 32)
		by, data := access.ForSoftware("command"), []byte(`{"name":"Ada"}`)
		put := func(subject string) (id int64, err error) {
			err = s.Update(ctx, func(tx *store.Tx) error {
				id, err = tx.AppendSealed(ctx, at, by, "person.put", access.On(subject), "", nil, key, subject, data)
				return err
			})
			return id, err
		}
		open := func(key []byte, id int64) (out []byte, err error) {
			err = s.View(ctx, func(tx *store.Tx) error {
				out, err = tx.OpenPayload(ctx, key, id)
				return err
			})
			return out, err
		}
		a, err := put("person:a")
		if err != nil {
			t.Fatal(err)
		}
		b, err := put("person:b")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := open(key, a); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%s %v", got, err)
		}
		if _, err := open(bytes.Repeat([]byte{8}, 32), a); !errors.Is(err, fault.Conflict) {
			t.Errorf("under another key: %v", err)
		}
		before := entryOf(t, s, "person:a")
		if len(before.Commitment) != 32 || bytes.Equal(before.Commitment, entryOf(t, s, "person:b").Commitment) {
			t.Errorf("commitments to the same data: %x", before.Commitment)
		}
		if err := s.Keep(ctx, func(tx *store.Tx) error { return tx.EraseSubject(ctx, "person:a", at) }); err != nil {
			t.Fatal(err)
		}
		if _, err := open(key, a); !errors.Is(err, fault.Expired) {
			t.Errorf("an erased payload opens: %v", err)
		}
		if got, err := open(key, b); err != nil || !bytes.Equal(got, data) {
			t.Errorf("somebody else's payload: %s %v", got, err)
		}
		after := entryOf(t, s, "person:a")
		if after.ID != before.ID || !bytes.Equal(after.Commitment, before.Commitment) || !bytes.Equal(after.Salt, before.Salt) || after.Body != before.Body {
			t.Errorf("erasing changed the entry: %+v", after)
		}
		if _, err := put("person:a"); !errors.Is(err, fault.Conflict) {
			t.Errorf("sealed for somebody who was erased: %v", err)
		}
	})
}

func entryOf(t *testing.T, s *store.Store, subject string) ledger.Entry {
	t.Helper()
	var e ledger.Entry
	err := s.View(t.Context(), func(tx *store.Tx) (err error) {
		e, err = tx.NewestOf(t.Context(), subject)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
