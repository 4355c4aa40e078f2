package chart

import (
	"math"
	"slices"
	"strings"

	"tocsin/internal/fault"
)

// How outlines are cut to what a page may hold. Points are moved to a grid, and those that then fall together or lie on a
// straight line are left out: whatever two neighbours share stays shared, so no gap opens between them. The grid is
// widened until an outline is short enough.
const (
	finest       = .5 // units: half a pixel
	coarsest     = 12.
	bytesPerUnit = 30 // of all outlines together, for each unit of width
	bytesPerArea = 24 // more for each area: the least that a shape takes
)

// bytes is how many bytes the outlines of so many areas may take.
func (r room) bytes(areas int) int { return int(r.w)*bytesPerUnit + areas*bytesPerArea }

// sheet is the map as one room draws it.
type sheet struct {
	high  float64
	lands []contour // of the areas, in their order
}

// contour is one area as it is drawn, with where one line of text, and two, fit best into it.
type contour struct {
	d        string
	one, two berth
}

// berth is room for a text: its middle and how wide it may be; 0 where there is none.
type berth struct{ x, y, w float64 }

// draw makes the sheets of a map.
func (s *survey) draw() (Shapes, error) {
	out := Shapes{Areas: s.areas, sheets: map[string]sheet{}}
	for _, r := range []room{narrow, half, whole} {
		v, most := s.fit(r), r.bytes(len(s.areas))
		for step := finest; ; step *= 1.5 {
			lands, size := v.trace(s.land, step, r.font)
			if size <= most {
				out.sheets[r.name] = sheet{v.high, lands}
				break
			}
			if step > coarsest {
				return Shapes{}, fault.New(fault.TooLarge, "the outlines are too ragged to be drawn in %d bytes; simplify them", most)
			}
		}
	}
	return out, nil
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

// trace draws every area with its points on a grid of step units and returns how many bytes that takes.
func (v view) trace(land [][][]point, step, font float64) (out []contour, size int) {
	for _, rings := range land {
		var d path
		var kept [][]knot
		longest := rings[0]
		for _, ring := range rings {
			if len(ring) > len(longest) {
				longest = ring
			}
			knots := v.snap(ring, step)
			if len(knots) < 3 {
				continue
			}
			kept = append(kept, knots)
			for _, k := range knots {
				d.to(float64(k.x)*step, float64(k.y)*step)
			}
			d.close()
		}
		c := contour{d: d.b.String()}
		if len(kept) == 0 { // too small to have a shape: it still is a region
			x, y := v.at(longest[0])
			c.d = outline(x-2, y-2, 4, 4)
		} else {
			c.one, c.two = moor(kept, step, font*1.3), moor(kept, step, font*2.6)
		}
		size += len(c.d)
		out = append(out, c)
	}
	return out, size
}

func (v view) at(p point) (x, y float64) {
	longitude := p[0]
	if v.east {
		longitude = onward(longitude)
	}
	return v.left + (longitude-v.west)*v.perX, 2 + (v.north-p[1])*v.perY
}

// knot is a point of the grid.
type knot struct{ x, y int }

// snap moves a ring to the grid and leaves out what adds nothing.
func (v view) snap(ring []point, step float64) []knot {
	var out []knot
	add := func(k knot) {
		for len(out) > 1 && out[len(out)-1] != k && straight(out[len(out)-2], out[len(out)-1], k) {
			out = out[:len(out)-1]
		}
		if len(out) == 0 || out[len(out)-1] != k {
			out = append(out, k)
		}
	}
	for _, p := range ring {
		x, y := v.at(p)
		add(knot{int(math.Round(x / step)), int(math.Round(y / step))})
	}
	for len(out) > 1 && out[0] == out[len(out)-1] { // the path closes itself
		out = out[:len(out)-1]
	}
	return out
}

// straight reports whether b lies on the line from a to c, or is a way there and back.
func straight(a, b, c knot) bool { return (b.x-a.x)*(c.y-b.y) == (b.y-a.y)*(c.x-b.x) }

// moor finds the widest place within rings for a text of a height.
func moor(rings [][]knot, step, high float64) (best berth) {
	top, foot := math.MaxInt, math.MinInt
	for _, r := range rings {
		for _, k := range r {
			top, foot = min(top, k.y), max(foot, k.y)
		}
	}
	const tries = 16
	for i := 1; i < tries; i++ {
		y := (float64(top) + float64(foot-top)*float64(i)/tries) * step
		var free []span
		for j, line := range []float64{y - high/2, y, y + high/2} {
			in := within(rings, line/step+1e-3) // beside the grid, so that no line meets a knot
			if j == 0 {
				free = in
			} else {
				free = common(free, in)
			}
		}
		for _, s := range free {
			if w := (s.to - s.from) * step; w > best.w {
				best = berth{(s.from + s.to) / 2 * step, y, w}
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
