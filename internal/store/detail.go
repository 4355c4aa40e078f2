package store

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"tocsin/internal/event"
	"tocsin/internal/ident"
)

// unpacker reads the blobs of first events. It is safe for use by many goroutines.
var unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))
})

// EachEvent calls f for every finding of ids, which are in ascending order, with its place among them and the event that
// made it; with the zero event where that is not kept.
func (t *Tx) EachEvent(ctx context.Context, ids []ident.Finding, f func(i int, ev event.Event)) error {
	if len(ids) == 0 {
		return nil
	}
	z, err := unpacker()
	if err != nil {
		return err
	}
	next := 0
	err = t.EachDetail(ctx, ids[0], ids[len(ids)-1], func(first, last ident.Finding, blob []byte) error {
		for ; next < len(ids) && ids[next] < first; next++ {
			f(next, event.Event{})
		}
		if next == len(ids) || ids[next] > last {
			return nil
		}
		plain, err := z.DecodeAll(blob, nil)
		if err != nil {
			return fmt.Errorf("events of findings %d to %d: %w", first, last, err)
		}
		at := first
		for line := range bytes.Lines(plain) {
			if next == len(ids) || ids[next] > last {
				break
			}
			if ids[next] == at {
				ev, err := event.Decode(bytes.TrimSuffix(line, []byte{'\n'}))
				if err != nil {
					return fmt.Errorf("event of finding %d: %w", at, err)
				}
				f(next, ev)
				next++
			}
			at++
		}
		return nil
	})
	for ; err == nil && next < len(ids); next++ {
		f(next, event.Event{})
	}
	return err
}
