package chart

import (
	"cmp"
	"container/heap"
	"math"
)

// knot is a point of the finest grid.
type knot struct{ x, y int }

// loop is one ring on the grid, with how much each knot matters to its shape: twice the area, in squares of the grid, that
// the shape loses with it (Visvalingam and Whyatt 1993).
type loop struct {
	knots  []knot
	meets  []bool // borders meet at a knot
	weight []int64
}

// kept always stay: where borders meet, and two knots of a ring that meets no other.
const kept = math.MaxInt64

// meeting returns the points at which borders meet: those with more than two neighbours in all rings together.
func meeting(land [][][]point) map[point]bool {
	type pair [2]point
	beside, out := map[point]pair{}, map[point]bool{} // two different neighbours of each point
	for _, rings := range land {
		for _, r := range rings {
			if len(r) > 1 && r[0] == r[len(r)-1] {
				r = r[1:]
			}
			for i, p := range r {
				for _, o := range []point{r[(i+len(r)-1)%len(r)], r[(i+1)%len(r)]} {
					near, known := beside[p]
					switch {
					case !known:
						beside[p] = pair{o, o}
					case near[0] == near[1]:
						beside[p] = pair{near[0], o}
					case o != near[0] && o != near[1]:
						out[p] = true
					}
				}
			}
		}
	}
	return out
}

// weigh weighs the knots of a ring. Only what lies between two meeting points decides about a knot, so that a border that
// two areas share is thinned alike on both sides.
func (r *loop) weigh() {
	n := len(r.knots)
	r.weight = make([]int64, n)
	fixed, first, last := 0, 0, 0
	for i, k := range r.knots {
		if r.meets[i] {
			r.weight[i] = kept
			fixed++
		}
		if k.before(r.knots[first]) {
			first = i
		}
		if r.knots[last].before(k) {
			last = i
		}
	}
	if fixed < 2 {
		r.weight[first], r.weight[last] = kept, kept
	}
	t := thinning{loop: r, prev: make([]int, n), next: make([]int, n), turn: make([]int, n)}
	for i := range n {
		t.prev[i], t.next[i] = (i+n-1)%n, (i+1)%n
	}
	for i := range n {
		t.put(i, 0)
	}
	for len(t.waiting) > 0 {
		w := heap.Pop(&t).(wait)
		if w.turn != t.turn[w.i] {
			continue // it was weighed again since
		}
		r.weight[w.i] = w.area
		before, after := t.prev[w.i], t.next[w.i]
		t.next[before], t.prev[after] = after, before
		t.put(before, w.area)
		t.put(after, w.area)
	}
}

func (k knot) before(o knot) bool { return cmp.Or(cmp.Compare(k.x, o.x), cmp.Compare(k.y, o.y)) < 0 }

// thinning takes the knots of a ring away, the least important first.
type thinning struct {
	*loop
	prev, next []int
	turn       []int // how often each was weighed
	waiting    []wait
}

// wait is a knot that waits to be taken away.
type wait struct {
	area    int64
	at      knot
	i, turn int
}

// put weighs a knot by its neighbours that are left, at least as heavy as the one that was taken away beside it.
func (t *thinning) put(i int, least int64) {
	if t.weight[i] == kept {
		return
	}
	a, b, c := t.knots[t.prev[i]], t.knots[i], t.knots[t.next[i]]
	area := int64(b.x-a.x)*int64(c.y-a.y) - int64(c.x-a.x)*int64(b.y-a.y)
	t.turn[i]++
	heap.Push(t, wait{max(area, -area, least), b, i, t.turn[i]})
}

// The lightest goes first; of two that are alike, the one that comes first on the map, in whichever direction the ring runs.

func (t *thinning) Len() int { return len(t.waiting) }

func (t *thinning) Less(i, j int) bool {
	a, b := t.waiting[i], t.waiting[j]
	return a.area < b.area || a.area == b.area && a.at.before(b.at)
}

func (t *thinning) Swap(i, j int) { t.waiting[i], t.waiting[j] = t.waiting[j], t.waiting[i] }

// Push adds one at the end.
func (t *thinning) Push(x any) { t.waiting = append(t.waiting, x.(wait)) }

// Pop takes the last.
func (t *thinning) Pop() any {
	w := t.waiting[len(t.waiting)-1]
	t.waiting = t.waiting[:len(t.waiting)-1]
	return w
}
