package notice_test

import (
	"testing"

	"tocsin/internal/notice"
)

func TestMovesMany(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		moved, all int
		want       bool
	}{{9, 9, false}, {10, 99, true}, {10, 100, false}, {11, 100, true}, {100, 1000, false}, {101, 1000, true}, {0, 0, false}} {
		if got := notice.MovesMany(c.moved, c.all); got != c.want {
			t.Errorf("%d of %d: %v", c.moved, c.all, got)
		}
	}
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n      int
		before []int
		want   bool
	}{
		{1000, nil, false},
		{1000, []int{2, 2}, false}, // nothing is usual yet
		{1000, []int{2, 0, 2, 0}, false},
		{20, []int{2, 2, 2}, false},
		{21, []int{2, 0, 2, 2}, true},
		{19, []int{1, 1, 1}, false}, // few, however quiet it was
		{20, []int{1, 1, 1}, true},
		{50, []int{5, 5, 500}, false},
		{51, []int{5, 5, 500}, true}, // one large day is not usual
		{-1, []int{-5, -5, -5}, false},
	} {
		if got := notice.TooMany(c.n, c.before); got != c.want {
			t.Errorf("%d after %v: %v", c.n, c.before, got)
		}
	}
}
