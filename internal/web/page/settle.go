package page

import (
	"bytes"
	"fmt"
	"html/template"
	"sync"
	"sync/atomic"
	"text/template/parse"
)

// settled are the functions whose result is the same on every page of a language when their argument stands in the template.
var settled = map[string]func(funcs template.FuncMap, arg string) string{
	"t":     func(f template.FuncMap, key string) string { return f["t"].(func(string, ...any) string)(key) },
	"asset": func(f template.FuncMap, name string) string { return f["asset"].(func(string) string)(name) },
}

// settle writes those texts into the tree once, where they would be looked up, handed on by reflection and escaped for every
// row of every page: filling its template is half of what a list costs. They stand between tags or in quoted attributes,
// where one escaping serves both; a house test keeps scripts and styles, where it would not, out of templates.
func settle(n parse.Node, funcs template.FuncMap) {
	visit(n, func(n parse.Node) {
		if list, ok := n.(*parse.ListNode); ok {
			list.Nodes = settleAll(list.Nodes, funcs)
		}
	})
}

// settleAll settles the nodes of a list and joins neighbouring texts.
func settleAll(nodes []parse.Node, funcs template.FuncMap) []parse.Node {
	out := nodes[:0]
	for _, n := range nodes {
		text, ok := n.(*parse.TextNode)
		if said, is := constant(n, funcs); is {
			text, ok = &parse.TextNode{NodeType: parse.NodeText, Pos: n.Position(), Text: []byte(template.HTMLEscapeString(said))}, true
		}
		if ok && len(out) > 0 {
			if before, is := out[len(out)-1].(*parse.TextNode); is {
				before.Text = append(bytes.Clone(before.Text), text.Text...)
				continue
			}
		}
		if ok {
			n = text
		}
		out = append(out, n)
	}
	return out
}

// constant is what {{t "key"}} and its like say.
func constant(n parse.Node, funcs template.FuncMap) (string, bool) {
	a, ok := n.(*parse.ActionNode)
	if !ok || len(a.Pipe.Decl) > 0 || len(a.Pipe.Cmds) != 1 || len(a.Pipe.Cmds[0].Args) != 2 {
		return "", false
	}
	name, ok := a.Pipe.Cmds[0].Args[0].(*parse.IdentifierNode)
	if !ok || settled[name.Ident] == nil {
		return "", false
	}
	arg, ok := a.Pipe.Cmds[0].Args[1].(*parse.StringNode)
	if !ok {
		return "", false
	}
	return settled[name.Ident](funcs, arg.Text), true
}

// badges draws parts that have a value out of a small closed list (a severity, a state, a TLP label), each once a language.
type badges struct {
	parts *template.Template
	drawn sync.Map // badge to template.HTML
	count atomic.Int64
}

type badge struct {
	part  string
	value any
}

// mostBadges bounds what is kept: the lists together have some fifty values.
const mostBadges = 500

// draw returns the part for a value, which must be comparable.
func (b *badges) draw(part string, value any) (template.HTML, error) {
	key := badge{part, value}
	if is, ok := b.drawn.Load(key); ok {
		return is.(template.HTML), nil
	}
	var out bytes.Buffer
	if err := b.parts.ExecuteTemplate(&out, part, value); err != nil {
		return "", fmt.Errorf("draw %s of %v: %w", part, value, err)
	}
	made := template.HTML(out.String()) //nolint:gosec // what the template escaped
	if b.count.Add(1) <= mostBadges {
		b.drawn.Store(key, made)
	}
	return made, nil
}
