package chart

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
)

// room is one width that a chart is drawn for, in units of its view box, which are about CSS pixels.
type room struct {
	name string  // of the class that the sheet shows or hides
	w    float64 // of the view box
	font float64 // of labels
}

var (
	narrow = room{"n", 340, 12}
	half   = room{"m", 540, 13}
	whole  = room{"w", 1040, 13}
	every  = room{"e", 380, 13} // of maps, which the sheet shows at any width: their outlines are too long to be there twice
)

// rooms are the widths that a figure is drawn for. The last one carries the tool tips: it is the one for pointers.
func (a About) rooms() []room {
	if a.Full {
		return []room{narrow, half, whole}
	}
	return []room{narrow, half}
}

// pen draws one SVG. Every text goes through text or upright, which note the box it takes: tests hold that no two of
// them meet and none leaves the picture.
type pen struct {
	room
	b      strings.Builder
	id     string // of this drawing, unique on the page
	h      float64
	tips   bool // tool tips are drawn
	linked bool // a mark is a link
	boxes  []box
}

type box struct {
	x0, y0, x1, y1 float64
}

func (b box) meets(o box) bool { return b.x0 < o.x1 && o.x0 < b.x1 && b.y0 < o.y1 && o.y0 < b.y1 }

// meets reports whether a box meets a text that is there already.
func (p *pen) meets(b box) bool { return slices.ContainsFunc(p.boxes, b.meets) }

// take notes the box of a text where it is free, and reports whether it was.
func (p *pen) take(b box) bool {
	if b.x0 < -1 || b.x1 > p.w+1 || p.meets(b) {
		return false
	}
	p.boxes = append(p.boxes, b)
	return true
}

// paint draws the figure once for each room; draw returns the height it took.
func (a About) paint(f Figure, draw func(*pen) float64) Figure { return paint(f, a.rooms(), draw) }

func paint(f Figure, rooms []room, draw func(*pen) float64) Figure {
	var out strings.Builder
	for i, r := range rooms {
		p := &pen{room: r, id: f.ID + "-" + r.name, tips: i == len(rooms)-1}
		p.h = draw(p)
		out.WriteString(p.svg(f.Title, f.Description))
	}
	f.SVG = template.HTML(out.String()) // the one place: pen escapes every text
	return f
}

// svg closes the drawing. What holds links is a group, as the parts of an image cannot be reached.
func (p *pen) svg(title, description string) string {
	role := "img"
	if p.linked {
		role = "group"
	}
	labels, desc := p.id+"-t", ""
	if description != "" {
		labels += " " + p.id + "-d"
		desc = fmt.Sprintf(`<desc id="%s-d">%s</desc>`, p.id, escape(description))
	}
	return fmt.Sprintf(`<svg class="chart-svg chart-%s" viewBox="0 0 %s %s" role="%s" aria-labelledby="%s"><title id="%s-t">%s</title>%s%s</svg>`,
		p.name, px(p.w), px(p.h), role, labels, p.id, escape(title), desc, p.b.String())
}

// px writes a coordinate with one decimal. It never writes what is not a number.
func px(v float64) string {
	if math.IsNaN(v) {
		v = 0
	}
	v = math.Round(min(max(v, -1e4), 1e4)*10) / 10
	if v == 0 {
		return "0"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// escape makes s a text or an attribute of XML.
func escape(s string) string { return template.HTMLEscapeString(tidy(s)) }

func (p *pen) printf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

// Anchors of a text.
const (
	start  = "start"
	middle = "middle"
	end    = "end"
)

// text writes s, clipped to most, with its middle line at y. What would leave the picture is moved
// inside; what would meet another text is left out: the tool tip and the table have it.
func (p *pen) text(x, y float64, anchor, class, s string, most float64) {
	s = clip(s, p.font, min(most, p.w))
	if s == "" {
		return
	}
	w := width(s, p.font)
	before := map[string]float64{start: 0, middle: w / 2, end: w}[anchor]
	x = min(max(x, before), p.w-w+before)
	if !p.take(box{x - before, y - p.font*.52, x - before + w, y + p.font*.57}) {
		return
	}
	class += map[string]string{middle: " mid", end: " end"}[anchor] // the sheet has them: shorter than an attribute of every text
	p.printf(`<text class="chart-%s" x="%s" y="%s">%s</text>`, class, px(x), px(y+p.font*.35), template.HTMLEscapeString(s))
}

// upright writes s from bottom to top with its foot at y, clipped to most.
func (p *pen) upright(x, y float64, s string, most float64) {
	s = clip(s, p.font, most)
	if s == "" {
		return
	}
	if !p.take(box{x - p.font*.57, y - width(s, p.font), x + p.font*.57, y}) {
		return
	}
	p.printf(`<text class="chart-tick" transform="translate(%s %s) rotate(-90)">%s</text>`, px(x+p.font*.35), px(y), template.HTMLEscapeString(s))
}

func (p *pen) line(x0, y0, x1, y1 float64, class string) {
	to := "L" + px(x1) + " " + px(y1)
	switch {
	case px(y0) == px(y1):
		to = "H" + px(x1)
	case px(x0) == px(x1):
		to = "V" + px(y1)
	}
	p.printf(`<path class="%s" d="M%s %s%s"/>`, class, px(x0), px(y0), to)
}

// rect draws a rectangle.
func (p *pen) rect(x, y, w, h float64, class string) {
	p.printf(`<path class="%s" d="%s"/>`, class, outline(x, y, w, h))
}

// outline is a rectangle as part of a path: shorter than an element of its own.
func outline(x, y, w, h float64) string {
	w, h = max(w, 0), max(h, 0)
	return "M" + px(x) + " " + px(y) + "h" + px(w) + "v" + px(h) + "h" + px(-w) + "z"
}

// shape draws a path; fill is a reference to a texture, or empty where the class fills it.
func (p *pen) shape(d, class, fill string) {
	if d == "" {
		return
	}
	if fill != "" {
		fill = ` fill="` + fill + `"`
	}
	p.printf(`<path class="%s" d="%s"%s/>`, class, d, fill)
}

// mark opens a group that is one mark: a link where there is one, with a tool tip. Worded is whether a text will stand in
// it, which then names the link together with the tip; else a label does. The caller calls what it returns at the end of
// the mark.
func (p *pen) mark(link, tip string, worded bool) func() {
	name := "g"
	switch {
	case link == "" || !safeLink(link):
		if !p.tips || tip == "" {
			return func() {} // nothing to group: pages stay small
		}
		p.b.WriteString(`<g>`)
		p.tip(tip, true)
	case worded:
		p.printf(`<a href="%s">`, escape(link))
		p.tip(tip, true)
	default:
		p.printf(`<a href="%s" aria-label="%s">`, escape(link), oneLine(tip))
		p.tip(tip, p.tips)
	}
	if link != "" && safeLink(link) {
		name, p.linked = "a", true
	}
	return func() { p.b.WriteString("</" + name + ">") }
}

// tip writes a tool tip, whose lines stay lines.
func (p *pen) tip(text string, wanted bool) {
	if !wanted || text == "" {
		return
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = escape(lines[i])
	}
	p.printf(`<title>%s</title>`, strings.Join(lines, "\n"))
}

func oneLine(s string) string { return escape(strings.ReplaceAll(s, "\n", ", ")) }

// safeLink reports whether a link stays on this site, as escape writes it.
func safeLink(link string) bool {
	link = tidy(link)
	return strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") && !strings.HasPrefix(link, "/\\") || strings.HasPrefix(link, "#") || strings.HasPrefix(link, "?")
}

// path collects a line through points; a gap starts a new piece. Points after the first are written as steps of tenths,
// which are half as long as places and do not drift. A command that goes on is not repeated.
type path struct {
	b    strings.Builder
	open bool
	last byte // command
	x, y int  // of the last point, in tenths
}

func tenths(v float64) int {
	if math.IsNaN(v) {
		return 0
	}
	return int(math.Round(min(max(v, -1e4), 1e4) * 10))
}

func (d *path) to(x, y float64) {
	tx, ty := tenths(x), tenths(y)
	switch dx, dy := tx-d.x, ty-d.y; {
	case d.open && dx == 0 && dy == 0 && d.last != 'M': // a lone point stays, as a dot
	case !d.open:
		d.b.WriteString("M" + px(x) + " " + px(y))
		d.last = 'M'
	case dy == 0:
		d.step('h', dx)
	case dx == 0:
		d.step('v', dy)
	default:
		d.step('l', dx, dy)
	}
	d.open, d.x, d.y = true, tx, ty
}

// step writes a relative command, or only its numbers where it is the one before.
func (d *path) step(command byte, tenths ...int) {
	apart := d.last == command
	if !apart {
		d.b.WriteByte(command)
	}
	d.last = command
	for i, n := range tenths {
		text := short(n)
		if (i > 0 || apart) && text[0] != '-' {
			d.b.WriteByte(' ')
		}
		d.b.WriteString(text)
	}
}

// short writes tenths without a needless zero: -3 is "-.3".
func short(tenths int) string {
	sign := ""
	if tenths < 0 {
		sign, tenths = "-", -tenths
	}
	text := ""
	if tenths >= 10 || tenths == 0 {
		text = strconv.Itoa(tenths / 10)
	}
	if tenths%10 != 0 {
		text += "." + strconv.Itoa(tenths%10)
	}
	return sign + text
}

func (d *path) gap() { d.open = false }

func (d *path) close() {
	if d.open {
		d.b.WriteString("Z")
	}
	d.open = false
}
