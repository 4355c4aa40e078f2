package record

import (
	"bytes"
	"fmt"
	"strings"

	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// mostNamed is how many rows one error names.
const mostNamed = 20

// cover holds the digests beside an entry against the sum in it.
func (v *verifier) cover(e *ledger.Entry) error {
	if len(e.Cover) == 0 {
		return nil // that there are none beside it, their number tells
	}
	rows, err := v.tx.CoversOf(v.ctx, e.ID)
	if err != nil {
		return err
	}
	if !bytes.Equal(store.CoverSum(rows), e.Cover) {
		return wrong("cover: the digests beside entry %d (%s) are not those that it sums", e.ID, e.Act)
	}
	v.covers += int64(len(rows))
	if e.Act == "ledger.cover" && e.Reason == store.AsFound && v.sum.CoveredSince == 0 {
		v.sum.CoveredSince, v.sum.CoveredAt = e.ID, e.At
	}
	return nil
}

// covered compares every row of every covered table with what the newest entry that covers it says.
func (v *verifier) covered() error {
	all, err := v.tx.CountCovers(v.ctx)
	if err != nil {
		return err
	}
	if all != v.covers {
		return wrong("cover: %d digests of rows are there, and the entries sum %d", all, v.covers)
	}
	var named []string
	more := 0
	for i := range store.Coverage {
		n, err := v.tx.CompareCovered(v.ctx, store.Coverage[i].Table, func(u store.Uncovered) error {
			if len(named) < mostNamed {
				named = append(named, u.String())
			} else {
				more++
			}
			return nil
		})
		if err != nil {
			return err
		}
		v.sum.Covered += n
	}
	if len(named) == 0 {
		return nil
	}
	text := strings.Join(named, "; ")
	if more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return wrong("rows are not as the ledger left them: %s", text)
}

// rollups works the rollups out again from the findings.
func (v *verifier) rollups() error {
	table, err := v.tx.WrongRollup(v.ctx)
	if err == nil && table != "" {
		err = wrong("%s does not count what the findings are: finding, tally_delta or %s was changed", table, table)
	}
	return err
}
