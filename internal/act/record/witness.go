package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// Witness is how a witness is reached (C2SP tlog-witness). It sends the body of an add-checkpoint request to the address
// and returns the HTTP status and what was answered; err is for where no answer came.
type Witness interface {
	AddCheckpoint(ctx context.Context, url string, body []byte) (status int, answer []byte, err error)
}

// WitnessAt is a witness that the operator named.
type WitnessAt struct {
	URL string // below which add-checkpoint lies
	Key string // verifier key of the cosignature type
}

// ParseWitness reads "URL KEY".
func ParseWitness(text string) (WitnessAt, error) {
	at, key, _ := strings.Cut(strings.TrimSpace(text), " ")
	w := WitnessAt{URL: strings.TrimRight(at, "/"), Key: strings.TrimSpace(key)}
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return w, fault.New(fault.Invalid, "witness: %q does not begin with the address of a witness", text)
	}
	if k, err := ledger.ReadKeys(w.Key); err != nil || len(k.Witnesses) != 1 {
		return w, fault.New(fault.Invalid, "witness: %q does not end with a verifier key for cosignatures (name+hash+key)", text)
	}
	return w, nil
}

// AskWitnesses asks every witness that has not cosigned the newest checkpoint to do so, and keeps the cosignatures with
// it. It returns how many came. One that fails does not keep the others from being asked.
func (l *Log) AskWitnesses(ctx context.Context) (int, error) {
	if len(l.set.Witnesses) == 0 || l.set.Witness == nil {
		return 0, nil
	}
	k, err := l.load(ctx)
	if err != nil {
		return 0, err
	}
	c, err := l.Newest(ctx)
	if errors.Is(err, fault.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	signed, err := ledger.OpenCheckpoint([]byte(c.Note), k.trust)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, w := range l.set.Witnesses {
		if slices.ContainsFunc(signed.Cosigned, func(s ledger.Cosignature) bool { return s.Key == short(w.Key) }) {
			continue
		}
		note, e := l.ask(ctx, w, c, k)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("witness %s: %w", short(w.Key), e))
			continue
		}
		c.Note = note
		n++
	}
	if n > 0 {
		err = errors.Join(err, l.cosigned(ctx, k, c))
	}
	return n, err
}

// cosigned keeps a checkpoint with further signatures.
func (l *Log) cosigned(ctx context.Context, k keys, c store.Checkpoint) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.store.Keep(ctx, func(tx *store.Tx) error { return tx.PutCheckpoint(ctx, c) }); err != nil {
		return err
	}
	return l.save(k, c)
}

// ask has one witness cosign a checkpoint. What the witness saw last is remembered; where it knows better (409) it says
// so and is asked again.
func (l *Log) ask(ctx context.Context, w WitnessAt, c store.Checkpoint, k keys) (string, error) {
	setting := "ledger.witness " + short(w.Key)
	var seen string
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		seen, err = tx.Setting(ctx, setting)
		return err
	})
	if err != nil {
		return "", err
	}
	old := min(number(seen), c.Size)
	for range 2 {
		body, err := l.question(ctx, old, c)
		if err != nil {
			return "", err
		}
		status, answer, err := l.set.Witness.AddCheckpoint(ctx, w.URL+"/add-checkpoint", body)
		switch {
		case err != nil:
			return "", err
		case status == 409:
			size, err := strconv.ParseInt(strings.TrimSpace(string(answer)), 10, 64)
			if err != nil || size < 0 || size > c.Size {
				return "", fault.New(fault.Conflict, "it has seen more of this ledger than there is: %.80q", answer)
			}
			old = size
			continue
		case status != 200:
			return "", fault.New(fault.Unavailable, "it answered with status %d: %.200q", status, answer)
		}
		before := strings.Count(c.Note, "\n")
		cosigned, err := ledger.AddCosignatures([]byte(c.Note), answer, ledger.Keys{Log: k.trust.Log, Witnesses: k.trust.Witnesses})
		if err != nil {
			return "", err
		}
		if bytes.Count(cosigned, []byte("\n")) == before {
			return "", fault.New(fault.Invalid, "its answer has no signature by its key")
		}
		return string(cosigned), l.store.Keep(ctx, func(tx *store.Tx) error {
			return tx.PutSetting(ctx, setting, strconv.FormatInt(c.Size, 10))
		})
	}
	return "", fault.New(fault.Conflict, "it does not agree on what it saw last")
}

// question is the body of an add-checkpoint request: what the witness saw last, the proof from there, the checkpoint.
func (l *Log) question(ctx context.Context, old int64, c store.Checkpoint) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	err := l.store.View(ctx, func(tx *store.Tx) error {
		hs, err := ledger.ProveConsistency(old, c.Size, files(ctx, tx))
		for _, h := range hs {
			b.WriteString(h.String() + "\n")
		}
		return err
	})
	b.WriteString("\n" + c.Note)
	return b.Bytes(), err
}
