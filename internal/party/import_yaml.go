package party

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/strict"
)

// Keys of the YAML form.
var (
	topKeys      = []string{"parties", "regions"}
	partyKeys    = []string{"id", "name", "kind", "sector", "region", "language", "rank", "contacts", "resources", "systems"}
	contactKeys  = []string{"role", "name", "mail", "for", "language", "pgp_key"}
	resourceKeys = []string{"prefix", "asn", "domain", "source", "from", "to", "verified"}
	systemKeys   = []string{"name", "kind", "asset", "protection", "products"}
	regionKeys   = []string{"code", "parent", "name_en", "name_zh", "default", "tile"}
)

func readYAML(r io.Reader, o Options) (Import, error) {
	b, err := whole(r, maxYAMLBytes)
	if err != nil {
		return Import{}, err
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(string(b)))
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return Import{}, fault.New(fault.Invalid, "the file is empty; it has a list of parties")
		}
		return Import{}, fault.New(fault.Invalid, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Import{}, fault.New(fault.Invalid, "more than one YAML document in the file")
	}
	d := newDraft(o)
	top := d.mapping(doc.Content[0], "", topKeys)
	for _, n := range d.sequence(top["regions"], "regions") {
		m := d.mapping(n, "regions", regionKeys)
		d.region(Region{
			ID: d.scalar(m["code"], "code"), Parent: d.scalar(m["parent"], "parent"), NameEN: d.scalar(m["name_en"], "name_en"),
			NameZH: d.scalar(m["name_zh"], "name_zh"), Default: ident.Party(d.scalar(m["default"], "default")), Tile: d.tile(m["tile"]),
		}, n.Line)
	}
	for _, n := range d.sequence(top["parties"], "parties") {
		d.yamlParty(n)
	}
	return d.finish()
}

func (d *draft) yamlParty(n *yaml.Node) {
	m := d.mapping(n, "parties", partyKeys)
	if m == nil {
		return
	}
	id := ident.Party(strings.ToLower(d.scalar(m["id"], "id")))
	if p, twice := d.byID[id]; twice {
		d.add(n.Line, "id", "party %s stands on line %d already", id, p.line)
		return
	}
	p := d.party(id, n.Line)
	p.Name, p.Kind, p.Sector = d.scalar(m["name"], "name"), d.scalar(m["kind"], "kind"), d.scalar(m["sector"], "sector")
	p.Region, p.Language = d.scalar(m["region"], "region"), d.scalar(m["language"], "language")
	p.Rank = d.number(m["rank"], "rank")
	for _, k := range d.sequence(m["contacts"], "contacts") {
		c := d.mapping(k, "contacts", contactKeys)
		d.contact(p, Contact{
			Role: Role(d.scalar(c["role"], "role")), Name: d.scalar(c["name"], "name"), Mail: d.scalar(c["mail"], "mail"),
			For: d.scalar(c["for"], "for"), Language: d.scalar(c["language"], "language"), PGPKey: d.scalar(c["pgp_key"], "pgp_key"),
		}, k.Line, "contacts.")
	}
	for _, k := range d.sequence(m["resources"], "resources") {
		d.yamlResource(p, k)
	}
	for _, k := range d.sequence(m["systems"], "systems") {
		s := d.mapping(k, "systems", systemKeys)
		var products []string
		for _, v := range d.sequence(s["products"], "products") {
			products = append(products, d.scalar(v, "products"))
		}
		d.system(p, systemOf(d.scalar(s["name"], "name"), d.scalar(s["kind"], "kind"), d.scalar(s["asset"], "asset"),
			d.number(s["protection"], "protection"), products), k.Line, "systems.")
	}
}

// yamlResource reads a mapping, or a lone value whose kind is told from its look.
func (d *draft) yamlResource(p *drafted, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		d.resource(p, Resource{Value: d.scalar(n, "resources")}, n.Line, "resources.")
		return
	}
	m := d.mapping(n, "resources", resourceKeys)
	if m == nil {
		return
	}
	c := d.on(n.Line, "resources.")
	r := Resource{
		Source: d.scalar(m["source"], "source"), From: readInstant(d.scalar(m["from"], "from"), "from", c),
		To: readInstant(d.scalar(m["to"], "to"), "to", c), Verified: readInstant(d.scalar(m["verified"], "verified"), "verified", c),
	}
	for _, k := range []ResourceKind{Prefix, ASN, Domain} {
		v := d.scalar(m[string(k)], string(k))
		if v == "" {
			continue
		}
		if r.Value != "" {
			c(string(k), "is one more than the one of prefix, asn, domain that a resource has")
		}
		r.Kind, r.Value = k, v
	}
	if r.Value == "" {
		c("", "has none of prefix, asn, domain")
		return
	}
	d.resource(p, r, n.Line, "resources.")
}

// mapping returns the values of n by key; unknown and repeated keys are problems.
func (d *draft) mapping(n *yaml.Node, path string, keys []string) map[string]*yaml.Node {
	if n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		if n != nil {
			d.add(n.Line, path, "is empty; expected the keys %s", strings.Join(keys, ", "))
		}
		return nil
	}
	if n.Kind != yaml.MappingNode {
		d.add(n.Line, path, "is %s; expected the keys %s", nodeName(n), strings.Join(keys, ", "))
		return nil
	}
	out := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(keys, key.Value):
			d.add(key.Line, clip(key.Value), "is not a key here%s", strict.Hint(key.Value, keys))
		case out[key.Value] != nil:
			d.add(key.Line, key.Value, "is given twice")
		default:
			out[key.Value] = n.Content[i+1]
		}
	}
	return out
}

// sequence returns the members of a list; none for a key that is absent or empty.
func (d *draft) sequence(n *yaml.Node, path string) []*yaml.Node {
	if n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.add(n.Line, path, "is %s; expected a list", nodeName(n))
		return nil
	}
	return n.Content
}

// scalar returns the text of a value as it is written; "" for a key that is absent or empty.
func (d *draft) scalar(n *yaml.Node, field string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		d.add(n.Line, field, "is %s; expected a single value", nodeName(n))
		return ""
	}
	if n.Tag == "!!null" {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

func (d *draft) number(n *yaml.Node, field string) int {
	s := d.scalar(n, field)
	if s == "" {
		return 0
	}
	i, err := strconv.Atoi(s)
	if err != nil {
		d.add(n.Line, field, "%q is not a whole number", clip(s))
	}
	return i
}

// tile reads a place on the grid: a list of a column and a row.
func (d *draft) tile(n *yaml.Node) Tile {
	places := d.sequence(n, "tile")
	if len(places) == 0 {
		return Tile{}
	}
	if len(places) != 2 {
		d.add(n.Line, "tile", "has %d members; expected [column, row]", len(places))
		return Tile{}
	}
	t := Tile{d.number(places[0], "tile"), d.number(places[1], "tile")}
	if t == (Tile{}) {
		d.add(n.Line, "tile", "%s is not a column and a row from 1 to %d", t, MaxTile)
	}
	return t
}

func nodeName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return "a single value"
	case yaml.AliasNode:
		return "an alias, which this form does not have"
	case yaml.DocumentNode:
	}
	return "a document"
}
