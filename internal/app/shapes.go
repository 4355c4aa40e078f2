package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/web/atlas"
	"tocsin/internal/web/chart"
)

// shapes reads the operator's map. A file that cannot be read or drawn is an error: pages without a map, or with half of
// one, would not say that something is wrong. What does not fit the register is only warned of, as regions may come later.
func (r *running) shapes(ctx context.Context, in *installation) (chart.Shapes, error) {
	if r.cfg.Map == "" {
		return chart.Shapes{}, nil
	}
	s, err := readShapes(r.cfg.Map)
	if err != nil {
		return chart.Shapes{}, err
	}
	regions, err := in.loop.Regions(ctx)
	if err != nil {
		return chart.Shapes{}, err
	}
	areas, unmapped := atlas.Strangers(s, regions)
	if len(areas) > 0 {
		r.log.WarnContext(ctx, "the map has areas of no region; they are drawn without a number", "map", r.cfg.Map, "areas", firstTen(areas))
	}
	if len(unmapped) > 0 {
		r.log.WarnContext(ctx, "regions have no area on the map; they are in the table only", "map", r.cfg.Map, "regions", firstTen(unmapped))
	}
	return s, nil
}

func readShapes(path string) (chart.Shapes, error) {
	f, err := os.Open(path)
	if err != nil {
		return chart.Shapes{}, fault.New(fault.Invalid, "map: %v", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return chart.Shapes{}, fault.New(fault.Invalid, "map: %s is not a file", path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, chart.MaxShapeBytes+1))
	if err != nil {
		return chart.Shapes{}, fault.New(fault.Invalid, "map: %v", err)
	}
	s, err := chart.ParseShapes(raw)
	if err != nil {
		return chart.Shapes{}, fault.New(fault.Invalid, "map: %s: %v", path, err)
	}
	return s, nil
}

// firstTen names the first ten of a list.
func firstTen(list []string) string {
	const most = 10
	if more := len(list) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), more)
	}
	return strings.Join(list, ", ")
}
