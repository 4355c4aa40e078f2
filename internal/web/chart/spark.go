package chart

import (
	"fmt"
	"html/template"
)

// Spark draws values as a small line for a table's cell or a tile, with its last value marked. Said is what it shows in
// words, as nobody can read numbers from it. Fewer than two values draw nothing.
func Spark(said string, tone Tone, values []float64) template.HTML {
	lo, hi, any, _ := bounds(values)
	if !any || len(values) < 2 {
		return ""
	}
	const w, h = 96.0, 24.0
	hi = max(hi, lo+1e-9)
	x := func(i int) float64 { return 3 + float64(i)/float64(len(values)-1)*(w-6) }
	y := func(v float64) float64 { return h - 3 - (v-lo)/(hi-lo)*(h-6) }
	var line path
	last := -1
	for _, i := range thin(values, len(values), w) {
		v, ok := tame(values[i])
		if !ok {
			line.gap()
			continue
		}
		line.to(x(i), y(v))
		last = i
	}
	hue := Series{Tone: tone}.hue(0)
	dot := ""
	if v, ok := tame(at(values, last)); ok {
		dot = fmt.Sprintf(`<circle class="chart-fill %s" cx="%s" cy="%s" r="2.6"/>`, hue, px(x(last)), px(y(v)))
	}
	return template.HTML(fmt.Sprintf(`<svg class="chart-spark" viewBox="0 0 96 24" role="img" aria-label="%s"><title>%s</title><path class="chart-line %s" d="%s"/>%s</svg>`,
		escape(said), escape(said), hue, line.b.String(), dot)) // the words are escaped, the rest is numbers
}
