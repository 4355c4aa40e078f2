package chart

import (
	"math"
	"slices"
	"strings"

	"tocsin/internal/fault"
)

// How outlines are cut to what a page may hold: points are moved to a grid of half a pixel, and those that matter least to
// the shape are left out, more of them until all outlines together are short enough.
const (
	mesh         = .5                        // units
	coarsest     = 2 * 12 * 12 / mesh / mesh // twice the squares of the grid that may be lost with one point
	leastBytes   = 4500                      // of all outlines together
	bytesPerArea = 24                        // more for each area: the least that a shape takes
)

// outlineBytes is how many bytes the outlines of so many areas may take.
func outlineBytes(areas int) int { return leastBytes + areas*bytesPerArea }

// contour is one area as it is drawn, with where one line of text, two and three fit best into it.
type contour struct {
	d     string
	rings [][]knot // none where it is too small to have a shape
	lines [3]berth
}

// berth is room for a text: its middle and how wide it may be; 0 where there is none.
type berth struct{ x, y, w float64 }

// draw makes the outlines of a map.
func (s *survey) draw() (Shapes, error) {
	v, most := s.fit(every), outlineBytes(len(s.areas))
	land, meets := make([][]loop, len(s.land)), meeting(s.land)
	for i, rings := range s.land {
		for _, r := range rings {
			land[i] = append(land[i], v.snap(r, meets))
			land[i][len(land[i])-1].weigh()
		}
	}
	for least := int64(1); ; least *= 2 {
		lands, size := trace(land, least)
		if size <= most {
			for i := range lands {
				lands[i].moor(every.font * 1.3)
			}
			return Shapes{Areas: s.areas, lands: lands, high: v.high}, nil
		}
		if least > coarsest {
			return Shapes{}, fault.New(fault.TooLarge, "the outlines are too ragged to be drawn in %d bytes; simplify them", most)
		}
	}
}

// view maps degrees to units of a view box: latitude and longitude to one scale at the middle of the map, which suits a
// province or a country and not the world.
type view struct {
	west, north, perX, perY, left, high float64
	east                                bool // the map crosses the 180th meridian: what lies west of Greenwich follows in the east
}

func (s *survey) fit(r room) view {
	west, east, south, north := 180.0, -180.0, 90.0, -90.0
	westward, eastward := 360.0, 0.0 // of the same, going on east of 180 degrees
	for _, rings := range s.land {
		for _, ring := range rings {
			for _, p := range ring {
				west, east, south, north = min(west, p[0]), max(east, p[0]), min(south, p[1]), max(north, p[1])
				westward, eastward = min(westward, onward(p[0])), max(eastward, onward(p[0]))
			}
		}
	}
	v := view{west: west, north: north, east: eastward-westward < east-west}
	if v.east {
		v.west, west, east = westward, westward, eastward
	}
	shrink := max(math.Cos((south+north)/2*math.Pi/180), .05)
	dx, dy := max((east-west)*shrink, 1e-6), max(north-south, 1e-6)
	per := min((r.w-4)/dx, r.w*.8/dy)
	v.perX, v.perY, v.left, v.high = per*shrink, per, (r.w-dx*per)/2, dy*per+4
	return v
}

// onward counts a longitude from Greenwich to the east.
func onward(longitude float64) float64 {
	if longitude < 0 {
		return longitude + 360
	}
	return longitude
}

// trace draws every area with the points that weigh so much and returns how many bytes that takes.
func trace(land [][]loop, least int64) (out []contour, size int) {
	for _, rings := range land {
		var d path
		var c contour
		for _, r := range rings {
			knots := r.thinned(least)
			if len(knots) < 3 {
				continue
			}
			c.rings = append(c.rings, knots)
			for _, k := range knots {
				d.to(float64(k.x)*mesh, float64(k.y)*mesh)
			}
			d.close()
		}
		if c.d = d.b.String(); c.d == "" { // it still is a region
			k := rings[0].knots[0]
			c.d = outline(float64(k.x)*mesh-2, float64(k.y)*mesh-2, 4, 4)
		}
		size += len(c.d)
		out = append(out, c)
	}
	return out, size
}

// moor finds where lines of text of a height fit into an area.
func (c *contour) moor(line float64) {
	for i := range c.lines {
		if len(c.rings) > 0 {
			c.lines[i] = moor(c.rings, line*float64(i+1))
		}
	}
	c.rings = nil
}

// snap moves a ring to the grid.
func (v view) snap(ring []point, meets map[point]bool) (out loop) {
	if len(ring) > 1 && ring[0] == ring[len(ring)-1] { // the path closes itself
		ring = ring[1:]
	}
	for _, p := range ring {
		longitude := p[0]
		if v.east {
			longitude = onward(longitude)
		}
		x, y := v.left+(longitude-v.west)*v.perX, 2+(v.north-p[1])*v.perY
		k := knot{int(math.Round(x / mesh)), int(math.Round(y / mesh))}
		if n := len(out.knots); n == 0 || out.knots[n-1] != k {
			out.knots, out.meets = append(out.knots, k), append(out.meets, false)
		}
		if meets[p] {
			out.meets[len(out.meets)-1] = true
		}
	}
	return out
}

// thinned leaves the knots that weigh so much, without those on a straight line.
func (r loop) thinned(least int64) []knot {
	var out []knot
	for i, k := range r.knots {
		if r.weight[i] < least {
			continue
		}
		for len(out) > 1 && straight(out[len(out)-2], out[len(out)-1], k) {
			out = out[:len(out)-1]
		}
		if len(out) == 0 || out[len(out)-1] != k {
			out = append(out, k)
		}
	}
	return out
}

// straight reports whether b lies on the line from a to c, or is a way there and back.
func straight(a, b, c knot) bool { return (b.x-a.x)*(c.y-b.y) == (b.y-a.y)*(c.x-b.x) }

// moor finds a wide place within rings, near their middle, for a text of a height.
func moor(rings [][]knot, high float64) (best berth) {
	most := 0.0
	top, foot := math.MaxInt, math.MinInt
	for _, r := range rings {
		for _, k := range r {
			top, foot = min(top, k.y), max(foot, k.y)
		}
	}
	const tries = 16
	for i := 1; i < tries; i++ {
		y := (float64(top) + float64(foot-top)*float64(i)/tries) * mesh
		var free []span
		for j, line := range []float64{y - high/2, y, y + high/2} {
			in := within(rings, line/mesh+1e-3) // beside the grid, so that no line meets a knot
			if j == 0 {
				free = in
			} else {
				free = common(free, in)
			}
		}
		for _, s := range free {
			w := (s.to - s.from) * mesh
			if good := w - math.Abs(float64(i)-tries/2)*2; good > most {
				most, best = good, berth{(s.from + s.to) / 2 * mesh, y, w}
			}
		}
	}
	return best
}

// span is a piece of a line.
type span struct{ from, to float64 }

// within returns where a level line lies within rings, by the even-odd rule, from left to right.
func within(rings [][]knot, y float64) (out []span) {
	var at []float64
	for _, r := range rings {
		for i, a := range r {
			b := r[(i+1)%len(r)]
			if (float64(a.y) > y) != (float64(b.y) > y) {
				at = append(at, float64(a.x)+(y-float64(a.y))/float64(b.y-a.y)*float64(b.x-a.x))
			}
		}
	}
	slices.Sort(at)
	for i := 0; i+1 < len(at); i += 2 {
		out = append(out, span{at[i], at[i+1]})
	}
	return out
}

// common returns what two lists of spans have in common.
func common(a, b []span) (out []span) {
	for len(a) > 0 && len(b) > 0 {
		if s := (span{max(a[0].from, b[0].from), min(a[0].to, b[0].to)}); s.from < s.to {
			out = append(out, s)
		}
		if a[0].to < b[0].to {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// Has reports whether the map has an area of an id.
func (s Shapes) Has(id string) bool {
	return slices.ContainsFunc(s.Areas, func(a Area) bool { return strings.EqualFold(a.ID, id) })
}
