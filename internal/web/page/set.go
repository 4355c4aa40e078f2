package page

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
	"text/template/parse"
	"time"

	"tocsin/internal/lang"
	"tocsin/internal/web/templates"
)

// readSet reads the templates of a language. All pages share one set, in which the frame and the parts are there once: a copy
// for each page would be most of what the program keeps in memory. What a page's own file defines stays that page's.
func readSet(l lang.Language, zone *time.Location) (map[string]*template.Template, error) {
	said := funcs(l, zone)
	drawn := &badges{}
	said["badge"] = drawn.draw
	var err error
	if drawn.parts, err = template.New("").Funcs(said).ParseFS(templates.Files, "part/mark.html", "part/tlp.html"); err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	set, err := template.New("").Funcs(said).ParseFS(templates.Files, "layout.html", "part/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	for _, t := range set.Templates() {
		if t.Tree != nil {
			settle(t.Tree.Root, said)
		}
	}
	frame := set.Lookup("layout")
	if frame == nil {
		return nil, errors.New("parse templates: there is no layout")
	}
	pages := map[string]*template.Template{}
	for _, area := range []string{"public", "member", "desk", "account"} {
		names, err := fs.Glob(templates.Files, area+"/*.html")
		if err != nil {
			return nil, err
		}
		for _, file := range names {
			name := strings.TrimSuffix(file, ".html")
			if pages[name], err = addPage(set, frame, said, file, name); err != nil {
				return nil, fmt.Errorf("parse templates: %s: %w", file, err)
			}
		}
	}
	return pages, nil
}

// addPage adds a page's file to the set, everything in it under the page's name, and a frame that calls its main part.
func addPage(set, frame *template.Template, funcs template.FuncMap, file, name string) (*template.Template, error) {
	own, err := template.New("").Funcs(funcs).ParseFS(templates.Files, file)
	if err != nil {
		return nil, err
	}
	called := map[string]string{}
	for _, t := range own.Templates() {
		if t.Tree != nil {
			called[t.Name()] = name + ":" + t.Name()
		}
	}
	for _, t := range own.Templates() {
		if t.Tree == nil {
			continue
		}
		settle(t.Tree.Root, funcs)
		rename(t.Tree.Root, called)
		if _, err := set.AddParseTree(called[t.Name()], t.Tree); err != nil {
			return nil, err
		}
	}
	tree := frame.Tree.Copy()
	rename(tree.Root, called)
	return set.AddParseTree(name, tree)
}

// rename lets the calls beneath a node find what was renamed.
func rename(n parse.Node, called map[string]string) {
	visit(n, func(n parse.Node) {
		if call, ok := n.(*parse.TemplateNode); ok {
			if own, ok := called[call.Name]; ok {
				call.Name = own
			}
		}
	})
}

// visit shows f a node, and then all beneath it.
func visit(n parse.Node, f func(parse.Node)) {
	branch := func(b *parse.BranchNode) {
		visit(b.List, f)
		if b.ElseList != nil {
			visit(b.ElseList, f)
		}
	}
	f(n)
	switch n := n.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			visit(child, f)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
}
