package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Tone is a colour with a meaning. The zero value is the next of the eight colours without one.
type Tone string

// The tones.
const (
	Plain    Tone = ""
	Critical Tone = "critical"
	High     Tone = "high"
	Medium   Tone = "medium"
	Low      Tone = "low"
	Info     Tone = "info"
	Unknown  Tone = "unknown"
	Good     Tone = "good"
	Bad      Tone = "bad"
	Quiet    Tone = "quiet"
)

// Series is one line, area or kind of bar.
type Series struct {
	Name   string
	Link   string // to the list that the whole series counts; may be empty
	Tone   Tone
	Values []float64 // one for each place of the axis; NaN is a gap
	Links  []string  // to the lists that the values count, as long as they; may be empty
}

func (s Series) value(i int) float64 {
	if i >= 0 && i < len(s.Values) {
		return s.Values[i]
	}
	return math.NaN()
}

// most is how many series one chart tells apart.
const most = 8

// hue is the class that gives series i its colour.
func (s Series) hue(i int) string {
	if s.Tone != Plain {
		return "chart-" + string(s.Tone)
	}
	return fmt.Sprintf("chart-s%d", i%most+1)
}

// drawn returns the series that a chart can tell apart: counts beyond the eighth become one series, other series beyond
// it are in the table only.
func (a About) drawn(series []Series, places int) []Series {
	if len(series) <= most {
		return series
	}
	if a.Unit != Count {
		return series[:most]
	}
	rest := Series{Name: a.Lang.T("chart.rest", len(series)-most+1), Tone: Quiet, Values: make([]float64, places)}
	for _, s := range series[most-1:] {
		for i := range places {
			if v, ok := tame(s.value(i)); ok {
				rest.Values[i] += v
			}
		}
	}
	return append(append([]Series{}, series[:most-1]...), rest)
}

// rows is the table twin of series along an axis.
func (a About) rows(f Figure, x Axis, series []Series) Figure {
	f.Head = []string{x.Head}
	for _, s := range series {
		f.Head = append(f.Head, s.Name)
	}
	for i := range x.len() {
		row := []Cell{x.cell(a.Lang, i)}
		for _, s := range series {
			row = append(row, a.Unit.cell(a.Lang, s.value(i), at(s.Links, i)))
		}
		f.Rows = append(f.Rows, row)
	}
	f.recent = len(x.Times) > 0
	return f
}

// tipName is how much of a name a tool tip says.
const tipName = 40

// brief cuts a name for a tool tip.
func brief(s string) string {
	s = tidy(s)
	if r := []rune(s); len(r) > tipName {
		return string(r[:tipName-1]) + "…"
	}
	return s
}

// point says a place and the values of every series there, a line each.
func (a About) point(x Axis, i int, series []Series) string {
	var b strings.Builder
	b.WriteString(brief(x.name(a.Lang, i)))
	for _, s := range series {
		if _, ok := tame(s.value(i)); ok {
			b.WriteString("\n" + a.Lang.T("chart.point", brief(s.Name), a.Unit.say(a.Lang, s.value(i))))
		}
	}
	return b.String()
}

// markers are the shapes of points, one for each series, within a square of 2 around the origin.
var markers = [most]string{
	"M-1 0A1 1 0 1 0 1 0A1 1 0 1 0-1 0Z", "M-.9-.9H.9V.9H-.9Z", "M0-1.1L1.1 .9H-1.1Z", "M0-1.3L1.3 0L0 1.3L-1.3 0Z",
	"M0 1.1L1.1-.9H-1.1Z", "M-.4-1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z", "M-.6-1.2H.6V1.2H-.6Z", "M-1.2-.6H1.2V.6H-1.2Z",
}

// markers defines the shapes of series for this drawing.
func (p *pen) markers(series []Series) {
	p.b.WriteString("<defs>")
	for i, s := range series {
		p.printf(`<path id="%s-m%d" class="chart-mark %s" transform="scale(3.6)" d="%s"/>`, p.id, i, s.hue(i), markers[i%most])
	}
	p.b.WriteString("</defs>")
}

// marker draws the shape of series i.
func (p *pen) marker(x, y float64, i int) {
	p.printf(`<use href="#%s-m%d" x="%s" y="%s"/>`, p.id, i, px(x), px(y))
}

func marker(x, y float64, i int, class string) string {
	return fmt.Sprintf(`<path class="chart-mark %s" transform="translate(%s %s) scale(3.6)" d="%s"/>`, class, px(x), px(y), markers[i%most])
}

// textures are the patterns of filled marks, one for each series, as strokes in a square of 6; the first is plain.
var textures = [most]string{
	"", "M-1 7L7-1M-1 1L1-1M5 7L7 5", "M1.5 1.5h.1M4.5 4.5h.1", "M-1-1L7 7M-1 5L1 7M5-1L7 1", "M0 3H6", "M3 0V6", "M0 3H6M3 0V6", "M-1 7L7-1M-1-1L7 7",
}

// texture defines the texture of series i and returns what fills a mark with it: empty where the class does.
func texture(id string, s Series, i int) (def, fill string) {
	if i%most == 0 {
		return "", ""
	}
	name := fmt.Sprintf("%s-x%d", id, i%most)
	return fmt.Sprintf(`<pattern id="%s" class="%s" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="chart-fill" width="6" height="6"/><path class="chart-tex" d="%s"/></pattern>`,
		name, s.hue(i), textures[i%most]), "url(#" + name + ")"
}

// textures defines the textures of all series and returns their fills.
func (p *pen) textures(series []Series) []string {
	fills, defs := make([]string, len(series)), ""
	for i, s := range series {
		def, fill := texture(p.id, s, i)
		fills[i], defs = fill, defs+def
	}
	if defs != "" {
		p.b.WriteString("<defs>" + defs + "</defs>")
	}
	return fills
}

// filled is the class of a filled mark of series i: a texture brings its own.
func (s Series) filled(i int, fill string) string {
	if fill != "" {
		return "chart-bar"
	}
	return "chart-bar chart-fill " + s.hue(i)
}

// key opens a small drawing for a legend.
const key = `<svg class="chart-key" viewBox="0 0 26 14" aria-hidden="true" focusable="false">`

// legend lists series as lines with their markers, or as filled squares. A single series needs none.
func (f Figure) legend(series []Series, lines bool) Figure {
	if len(series) < 2 {
		return f
	}
	for i, s := range series {
		var mark string
		if lines {
			mark = fmt.Sprintf(`<path class="chart-line %s chart-d%d" d="M1 7H25"/>`, s.hue(i), i%most+1) + marker(13, 7, i, s.hue(i))
		} else {
			def, fill := texture(fmt.Sprintf("%s-k", f.ID), s, i)
			p := pen{}
			p.shape(outline(6, 0, 14, 14), s.filled(i, fill), fill)
			mark = def + p.b.String()
		}
		f.Legend = append(f.Legend, entry(s.Name, s.Link, mark))
	}
	return f
}

// local returns a link that stays on this site, else none.
func local(link string) string {
	if safeLink(link) {
		return tidy(link)
	}
	return ""
}

// entry is one line of a legend with its mark, which is made of classes and numbers only.
func entry(text, link, mark string) Entry {
	return Entry{Text: tidy(text), Link: local(link), Mark: template.HTML(key + mark + `</svg>`)} // no text of people
}
