package chart

import (
	"encoding/json"
	"math"
	"strings"

	"tocsin/internal/fault"
)

// Limits of an operator's map. The greatest real one that a map of this size can show is far below them.
const (
	MaxShapeBytes = 4 << 20
	maxShapes     = 1000
	maxRings      = 20_000
	maxPoints     = 200_000
)

// Shapes are the areas of an operator's map, from GeoJSON (RFC 7946).
type Shapes struct {
	Areas                    []Area
	west, south, east, north float64
	points, rings            int
}

// Area is one feature: what it is called and its rings, outer ones and holes alike.
type Area struct {
	ID    string
	Names map[string]string // by language, "" for the one without
	rings [][][2]float64    // longitude, latitude
}

type geoFile struct {
	Type     string       `json:"type"`
	Features []geoFeature `json:"features"`
}

type geoFeature struct {
	ID         json.RawMessage `json:"id"`
	Properties struct {
		ID     json.RawMessage `json:"id"`
		Code   string          `json:"code"`
		Name   string          `json:"name"`
		NameEN string          `json:"name_en"`
		NameZH string          `json:"name_zh"`
	} `json:"properties"`
	Geometry struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	} `json:"geometry"`
}

// ParseShapes reads a FeatureCollection of Polygons and MultiPolygons in longitude and latitude. A feature is known by
// properties.code, properties.id or its own id, in this order. It fails with fault.TooLarge and fault.Invalid.
func ParseShapes(raw []byte) (Shapes, error) {
	if len(raw) > MaxShapeBytes {
		return Shapes{}, fault.New(fault.TooLarge, "a map has at most %d bytes", MaxShapeBytes)
	}
	var file geoFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return Shapes{}, fault.New(fault.Invalid, "not GeoJSON: %v", err)
	}
	if file.Type != "FeatureCollection" {
		return Shapes{}, fault.New(fault.Invalid, "a map is a FeatureCollection, not %q", clip(file.Type, 1, 40))
	}
	if len(file.Features) > maxShapes {
		return Shapes{}, fault.New(fault.TooLarge, "a map has at most %d areas", maxShapes)
	}
	s := Shapes{west: 180, east: -180, south: 90, north: -90}
	for i, f := range file.Features {
		if err := s.add(f); err != nil {
			return Shapes{}, fault.New(kindOf(err), "area %d: %s", i+1, err.Error())
		}
	}
	if s.points == 0 {
		return Shapes{}, fault.New(fault.Invalid, "the map has no areas")
	}
	return s, nil
}

func kindOf(err error) error {
	if fault.Status(err) == fault.Status(fault.TooLarge) {
		return fault.TooLarge
	}
	return fault.Invalid
}

func (s *Shapes) add(f geoFeature) error {
	area := Area{Names: map[string]string{}}
	for _, id := range []string{f.Properties.Code, scalar(f.Properties.ID), scalar(f.ID)} {
		if area.ID == "" {
			area.ID = id
		}
	}
	for l, n := range map[string]string{"": f.Properties.Name, "en": f.Properties.NameEN, "zh": f.Properties.NameZH} {
		if n != "" {
			area.Names[l] = n
		}
	}
	var polygons [][][][]float64
	var err error
	switch f.Geometry.Type {
	case "Polygon":
		polygons = make([][][][]float64, 1)
		err = json.Unmarshal(f.Geometry.Coordinates, &polygons[0])
	case "MultiPolygon":
		err = json.Unmarshal(f.Geometry.Coordinates, &polygons)
	default:
		return fault.New(fault.Invalid, "draw it as a Polygon or MultiPolygon, not as %q", clip(f.Geometry.Type, 1, 40))
	}
	if err != nil {
		return fault.New(fault.Invalid, "its coordinates cannot be read")
	}
	for _, rings := range polygons {
		for _, ring := range rings {
			if err := s.ring(&area, ring); err != nil {
				return err
			}
		}
	}
	s.Areas = append(s.Areas, area)
	return nil
}

// ring adds one ring of an area and widens the bounds of the map.
func (s *Shapes) ring(area *Area, points [][]float64) error {
	s.rings++
	s.points += len(points)
	if s.rings > maxRings || s.points > maxPoints {
		return fault.New(fault.TooLarge, "a map has at most %d rings and %d points; simplify it", maxRings, maxPoints)
	}
	ring := make([][2]float64, 0, len(points))
	for _, p := range points {
		if len(p) < 2 || math.Abs(p[0]) > 180 || math.Abs(p[1]) > 90 {
			return fault.New(fault.Invalid, "a point is longitude and latitude in degrees (WGS 84)")
		}
		ring = append(ring, [2]float64{p[0], p[1]})
		s.west, s.east = min(s.west, p[0]), max(s.east, p[0])
		s.south, s.north = min(s.south, p[1]), max(s.north, p[1])
	}
	area.rings = append(area.rings, ring)
	return nil
}

// scalar is an id that may be a text or a number.
func scalar(raw json.RawMessage) string {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		return text
	}
	var number json.Number
	if err := json.Unmarshal(raw, &number); err == nil {
		return number.String()
	}
	return ""
}

// name returns what an area is called in a language.
func (r Area) name(l string) string {
	for _, n := range []string{r.Names[l], r.Names[""], r.Names["en"], r.Names["zh"]} {
		if n != "" {
			return n
		}
	}
	return r.ID
}

// Map draws an operator's areas with the spots of their ids. Latitude and longitude are drawn to one scale at the middle
// of the map, which suits a province or a country and not the world.
func Map(a About, head, value string, shapes Shapes, spots map[string]Spot) Figure {
	f := a.figure(head, value)
	var all []Spot
	for _, r := range shapes.Areas {
		s := spotOf(spots, r.ID)
		all = append(all, s)
		cell := a.spot(s)
		f.Rows = append(f.Rows, []Cell{{Text: r.name(string(a.Lang)), Link: cell.Link}, cell})
	}
	hi, known, unknown, wholeNumbers := reach(all)
	if !known {
		return a.nothing(f)
	}
	sh := newShades(hi, wholeNumbers && a.Unit == Count)
	f = sh.legend(a, f, unknown)
	return a.paint(f, func(p *pen) float64 {
		view := shapes.fit(p.w)
		for i, r := range shapes.Areas {
			ground, _ := all[i].ground(sh)
			done := p.mark(all[i].Link, a.Lang.T("chart.point", brief(r.name(string(a.Lang))), a.spot(all[i]).Text), false)
			p.printf(`<path class="%s chart-land" fill-rule="evenodd" d="%s"/>`, ground, view.outline(r))
			done()
		}
		return view.high
	})
}

func spotOf(spots map[string]Spot, id string) Spot {
	if s, ok := spots[id]; ok && id != "" {
		return s
	}
	return Spot{Value: nan}
}

// view maps degrees to units of a view box.
type view struct {
	west, north, perX, perY, left, high float64
}

func (s Shapes) fit(w float64) view {
	shrink := max(math.Cos((s.south+s.north)/2*math.Pi/180), .05)
	dx, dy := max((s.east-s.west)*shrink, 1e-6), max(s.north-s.south, 1e-6)
	per := min((w-4)/dx, w*.6/dy)
	return view{west: s.west, north: s.north, perX: per * shrink, perY: per, left: (w - dx*per) / 2, high: dy*per + 4}
}

// outline draws the rings of an area; points closer than a unit to the one before are left out.
func (v view) outline(r Area) string {
	var b strings.Builder
	for _, ring := range r.rings {
		var d path
		lastX, lastY := math.Inf(1), math.Inf(1)
		for _, p := range ring {
			x, y := v.left+(p[0]-v.west)*v.perX, 2+(v.north-p[1])*v.perY
			if math.Hypot(x-lastX, y-lastY) < 1 {
				continue
			}
			d.to(x, y)
			lastX, lastY = x, y
		}
		d.close()
		b.WriteString(d.b.String())
	}
	return b.String()
}
