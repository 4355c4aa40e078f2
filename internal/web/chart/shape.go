package chart

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"tocsin/internal/fault"
)

// Limits of an operator's map. The greatest real one that a page can show is far below them.
const (
	MaxShapeBytes = 4 << 20
	maxShapeDepth = 32 // of objects and lists within each other
	maxShapes     = 500
	maxRings      = 20_000
	maxPoints     = 200_000
)

// Shapes are the areas of an operator's map, from GeoJSON (RFC 7946), with their outlines as they are drawn. The zero
// Shapes is no map.
type Shapes struct {
	Areas []Area
	lands []contour // of the areas, in their order
	high  float64
}

// Area is one feature: the region that it shows and what the file calls it.
type Area struct {
	ID    string            // in capitals, as the codes of regions are
	Names map[string]string // by language, "" for the one without
}

// point is a longitude and a latitude, in degrees.
type point [2]float64

// survey is a map as it is read: the rings of each area, outer ones and holes alike.
type survey struct {
	areas         []Area
	land          [][][]point
	places        map[string]int // of areas by id, from 1
	points, rings int
}

type geoFile struct {
	Type     string            `json:"type"`
	Features []json.RawMessage `json:"features"`
}

type geoFeature struct {
	Type       string          `json:"type"`
	ID         json.RawMessage `json:"id"`
	Properties struct {
		ID     json.RawMessage `json:"id"`
		Code   json.RawMessage `json:"code"`
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
		return Shapes{}, fault.New(fault.TooLarge, "a map has at most %d bytes; simplify it", MaxShapeBytes)
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if depth(raw) > maxShapeDepth {
		return Shapes{}, fault.New(fault.Invalid, "not GeoJSON: objects and lists lie more than %d deep", maxShapeDepth)
	}
	var file geoFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return Shapes{}, fault.New(fault.Invalid, "not GeoJSON: %v", err)
	}
	if file.Type != "FeatureCollection" {
		return Shapes{}, fault.New(fault.Invalid, "a map is a FeatureCollection, not %q", clip(file.Type, 1, 40))
	}
	if len(file.Features) > maxShapes {
		return Shapes{}, fault.New(fault.TooLarge, "a map has at most %d areas, this one %d", maxShapes, len(file.Features))
	}
	if len(file.Features) == 0 {
		return Shapes{}, fault.New(fault.Invalid, "the map has no areas")
	}
	s := survey{places: map[string]int{}}
	for i, f := range file.Features {
		if err := s.add(f); err != nil {
			return Shapes{}, fault.New(kindOf(err), "area %d: %s", i+1, err.Error())
		}
	}
	return s.draw()
}

// depth is how deep objects and lists lie within each other; texts do not count.
func depth(raw []byte) int {
	most, now, text := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '[' || c == '{':
			now++
			most = max(most, now)
		case c == ']' || c == '}':
			now--
		}
	}
	return most
}

func kindOf(err error) error {
	if fault.Status(err) == fault.Status(fault.TooLarge) {
		return fault.TooLarge
	}
	return fault.Invalid
}

func (s *survey) add(raw json.RawMessage) error {
	var f geoFeature
	if err := json.Unmarshal(raw, &f); err != nil {
		return fault.New(fault.Invalid, "not a feature of GeoJSON: %v", err)
	}
	area := Area{Names: map[string]string{}}
	for _, id := range []string{scalar(f.Properties.Code), scalar(f.Properties.ID), scalar(f.ID)} {
		if area.ID == "" {
			area.ID = strings.ToUpper(tidy(id))
		}
	}
	if area.ID == "" {
		return fault.New(fault.Invalid, "properties.code is missing; it holds the code of the region (properties.id or the feature's id do too)")
	}
	if first := s.places[area.ID]; first > 0 {
		return fault.New(fault.Invalid, "%s is area %d already; make one MultiPolygon of them", clip(area.ID, 1, 40), first)
	}
	for l, n := range map[string]string{"": f.Properties.Name, "en": f.Properties.NameEN, "zh": f.Properties.NameZH} {
		if n != "" {
			area.Names[l] = n
		}
	}
	polygons, err := f.polygons()
	if err != nil {
		return err
	}
	var rings [][]point
	for _, polygon := range polygons {
		for _, ring := range polygon {
			r, err := s.ring(ring)
			if err != nil {
				return err
			}
			rings = append(rings, r)
		}
	}
	if len(rings) == 0 {
		return fault.New(fault.Invalid, "its geometry is empty")
	}
	s.areas, s.land = append(s.areas, area), append(s.land, rings)
	s.places[area.ID] = len(s.areas)
	return nil
}

func (f *geoFeature) polygons() (polygons [][][][]float64, err error) {
	switch f.Geometry.Type {
	case "Polygon":
		polygons = make([][][][]float64, 1)
		err = json.Unmarshal(f.Geometry.Coordinates, &polygons[0])
	case "MultiPolygon":
		err = json.Unmarshal(f.Geometry.Coordinates, &polygons)
	default:
		return nil, fault.New(fault.Invalid, "draw it as a Polygon or MultiPolygon, not as %q", clip(f.Geometry.Type, 1, 40))
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "its coordinates cannot be read")
	}
	return polygons, nil
}

// ring checks one ring of an area.
func (s *survey) ring(points [][]float64) ([]point, error) {
	s.rings++
	s.points += len(points)
	if s.rings > maxRings || s.points > maxPoints {
		return nil, fault.New(fault.TooLarge, "a map has at most %d rings and %d points; simplify it", maxRings, maxPoints)
	}
	if len(points) < 3 {
		return nil, fault.New(fault.Invalid, "a ring of %d points; three are the least", len(points))
	}
	ring := make([]point, 0, len(points))
	for _, p := range points {
		if len(p) < 2 || math.Abs(p[0]) > 180 || math.Abs(p[1]) > 90 {
			return nil, fault.New(fault.Invalid, "a point is longitude and latitude in degrees (WGS 84)")
		}
		ring = append(ring, point{p[0], p[1]})
	}
	return ring, nil
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
