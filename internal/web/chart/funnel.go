package chart

import "slices"

// Funnel draws the stages that things pass through, from the first, each with its count and with its share of the
// stage before it.
func Funnel(a About, head, value string, stages []Item) Figure {
	stages = slices.Clone(stages)
	for i := range stages {
		if before := at(stages, i-1); i > 0 && finite(before.Value) && finite(stages[i].Value) && before.Value > 0 {
			stages[i].share = Percent.say(a.Lang, stages[i].Value/before.Value)
			if stages[i].Sub == "" {
				stages[i].Sub = a.Lang.T("chart.of_before", stages[i].share)
			}
		}
	}
	f, hi := a.items(head, value, stages)
	if len(stages) == 0 || hi <= 0 {
		return a.nothing(f)
	}
	return a.paint(f, func(p *pen) float64 { return p.funnel(a, hi, stages) })
}

// funnel draws stages from the top down: a bar around the middle, and between two bars the fall from one to the other.
func (p *pen) funnel(a About, hi float64, stages []Item) float64 {
	tight := p.name == narrow.name
	names, thick, fall := 0.0, p.font*2.2, p.font*1.6
	for _, s := range stages {
		names = max(names, width(tidy(s.Name), p.font))
	}
	names = min(names, p.w*.34)
	left, right, top := names+14, p.w, 0.0
	if tight {
		left, top = 0, p.font*1.5
	}
	mid, full := (left+right)/2, right-left
	wide := func(i int) float64 {
		v, _ := tame(stages[i].Value)
		return max(v/hi, 0)*(full-2) + 2
	}
	y := 1.0
	for i, s := range stages {
		if i > 0 {
			w0, w1 := wide(i-1)/2, wide(i)/2
			p.printf(`<path class="chart-fall" d="M%s %sH%sL%s %sH%sZ"/>`, px(mid-w0), px(y-fall), px(mid+w0), px(mid+w1), px(y+top), px(mid-w1))
			if !tight {
				p.text(mid, y-fall/2, middle, "on-fall", s.Sub, full)
			}
		}
		done := p.mark(s.Link, a.itemTip(s), true)
		if tight {
			p.text(0, y+p.font*.6, start, "name", s.Name, p.w*.6)
			p.text(p.w, y+p.font*.6, end, "tick", s.share, p.w*.38)
			y += top
		}
		p.rect(left, y, full, thick, "chart-hit")
		p.rect(mid-wide(i)/2, y, wide(i), thick, Series{Tone: s.Tone}.filled(0, ""))
		if !tight {
			p.text(names, y+thick/2, end, "name", s.Name, names)
		}
		text := a.said(s).Text
		if w := width(text, p.font) + 12; w <= wide(i) {
			p.text(mid, y+thick/2, middle, "on", text, w)
		} else {
			p.text(mid+wide(i)/2+6, y+thick/2, start, "value", text, right-mid-wide(i)/2-6)
		}
		done()
		y += thick + fall
	}
	return y - fall + 1
}
