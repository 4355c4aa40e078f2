package loop

import (
	"context"

	"tocsin/internal/notice"
	"tocsin/internal/store"
)

// Measures are the numbers that tell whether the loop keeps up; the states of notices are package notice's.
type Measures = store.Measures

// Measure reads them. It shows counts of the whole installation and nothing of anybody.
func (l *Loop) Measure(ctx context.Context) (m Measures, err error) {
	err = l.store.View(ctx, func(tx *store.Tx) error {
		m, err = tx.Measure(ctx, string(notice.Planned), string(notice.Held), string(notice.Sending), string(notice.Failed))
		return err
	})
	return m, err
}
