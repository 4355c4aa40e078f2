package party

import (
	"cmp"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/ident"
)

// registryText is an RPSL input cut into what it claims and what it says about who claims it.
type registryText struct {
	*draft
	o      Options
	claims []object          // inetnum, inet6num, aut-num, route, route6
	orgs   map[string]object // by handle, lower case
	people map[string]object // role and person by nic-hdl; irt and mntner by name, under "irt:" and "mntner:"
	asns   map[string]object // aut-num by number
}

// readRPSL reads the claims of a registry's text. The party of a claim is its organisation ("org"), else the network's
// own name ("netname", "as-name"). A route belongs to its organisation or that of its origin. Contacts are the abuse-c,
// irt, tech-c and admin-c: those of an object are for the object, those of its organisation for the whole party.
func readRPSL(r io.Reader, o Options) (Import, error) {
	aliases := make(map[string]ident.Party, len(o.Aliases))
	for handle, id := range o.Aliases {
		aliases[strings.ToLower(handle)] = id
	}
	o.Aliases = aliases
	t := &registryText{draft: newDraft(o), o: o, orgs: map[string]object{}, people: map[string]object{}, asns: map[string]object{}}
	t.source = Registry
	if err := newRPSLReader(r).objects(t.draft, t.take); err != nil {
		return Import{}, err
	}
	for _, c := range t.claims {
		if t.full() {
			break
		}
		t.claim(c)
	}
	for _, p := range t.order {
		p.Resources = newest(p.Resources)
	}
	return t.finish()
}

func (t *registryText) take(o object) {
	key := strings.ToLower(o.value())
	switch o.class() {
	case "organisation":
		t.orgs[key] = o
	case "role", "person":
		t.people[strings.ToLower(o.first("nic-hdl").value)] = o
	case "irt", "mntner":
		t.people[o.class()+":"+key] = o
	case "aut-num":
		t.asns[strings.TrimPrefix(key, "as")] = o
		t.claims = append(t.claims, o)
	default:
		t.claims = append(t.claims, o)
	}
}

func (t *registryText) note(o object, format string, args ...any) {
	t.notes.add(o.line(), o.class(), format, args...)
}

// claim adds the resources of one object to its party.
func (t *registryText) claim(o object) {
	values := t.values(o)
	if len(values) == 0 {
		return
	}
	owner, fallback := o, "netname"
	switch o.class() {
	case "aut-num":
		fallback = "as-name"
	case "route", "route6":
		if o.first("org").value == "" {
			as, ok := t.asns[strings.TrimPrefix(strings.ToLower(o.first("origin").value), "as")]
			if !ok {
				t.note(o, "left out: neither its organisation nor its origin %s is in the file", clip(o.first("origin").value))
				return
			}
			owner, fallback = as, "as-name"
		}
	}
	p := t.owner(owner, fallback)
	if p == nil {
		return
	}
	from, verified := t.times(o)
	for _, v := range values {
		r := t.resource(p, Resource{Kind: kindOf(o), Value: v, From: from, Verified: verified}, o.line(), o.class()+" ")
		t.contacts(p, o, owner, r.object())
	}
}

func kindOf(o object) ResourceKind {
	if o.class() == "aut-num" {
		return ASN
	}
	return Prefix
}

// values returns the prefixes, or the AS number, of an object.
func (t *registryText) values(o object) []string {
	if o.class() == "aut-num" {
		return []string{o.value()}
	}
	lo, hi, isRange := strings.Cut(o.value(), "-")
	if !isRange {
		return t.onePrefix(o)
	}
	a, err := asset.ParseIP(lo)
	b, err2 := asset.ParseIP(hi)
	if err != nil || err2 != nil || a.BitLen() != b.BitLen() || b.Less(a) {
		t.add(o.line(), o.class(), "%q is not a range such as \"192.0.2.0 - 192.0.2.255\", lowest address first", clip(o.value()))
		return nil
	}
	var out []string
	for _, p := range RangePrefixes(a, b) {
		if p.Bits() == 0 {
			t.note(o, "left out: it is the whole internet")
			return nil
		}
		out = append(out, p.String())
	}
	return out
}

func (t *registryText) onePrefix(o object) []string {
	p, err := asset.ParsePrefix(o.value())
	switch {
	case err != nil:
		t.add(o.line(), o.class(), "%q is neither a range such as \"192.0.2.0 - 192.0.2.255\" nor a prefix", clip(o.value()))
		return nil
	case p.Bits() == 0:
		t.note(o, "left out: it is the whole internet")
		return nil
	}
	return []string{p.String()}
}

// RangePrefixes returns the fewest prefixes that hold the addresses from lo to hi, both included and of one family,
// in order.
func RangePrefixes(lo, hi netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for lo.IsValid() && !hi.Less(lo) {
		p := netip.PrefixFrom(lo, lo.BitLen())
		for p.Bits() > 0 {
			wider := netip.PrefixFrom(lo, p.Bits()-1)
			if wider.Masked().Addr() != lo || hi.Less(lastOf(wider)) {
				break
			}
			p = wider
		}
		out = append(out, p)
		lo = lastOf(p).Next()
	}
	return out
}

// lastOf returns the highest address in p.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// owner returns the party of an object, made on first sight.
func (t *registryText) owner(o object, fallback string) *drafted {
	handle, named := o.first("org").value, true
	if handle == "" {
		handle, named = o.first(fallback).value, false
	}
	if handle == "" {
		t.add(o.line(), o.class(), "%s has neither org nor %s, so nobody is named", clip(o.value()), fallback)
		return nil
	}
	id := t.o.Aliases[strings.ToLower(handle)]
	if id == "" {
		id = slug(handle)
	}
	if id == "" {
		t.add(o.line(), fallback, "%q has no letter or digit to make an id from", clip(handle))
		return nil
	}
	if p, ok := t.byID[id]; ok {
		return p
	}
	p := t.party(id, o.line())
	p.Name = clipText(cmp.Or(o.first("descr").value, handle))
	org, ok := t.orgs[strings.ToLower(handle)]
	switch {
	case named && ok:
		p.Name = clipText(cmp.Or(org.first("org-name").value, handle))
		if org.first("org-type").value == "LIR" || org.first("org-type").value == "NIR" {
			p.Kind = "operator"
		}
	case named:
		t.note(o, "organisation %s is not in the file", clip(handle))
	}
	p.Region = t.country(org, o)
	return p
}

// clipText cuts a registry's text to what a name may hold.
func clipText(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

// country returns the country of the organisation or the object where that is a region here.
func (t *registryText) country(os ...object) string {
	for _, o := range os {
		c := strings.ToUpper(o.first("country").value)
		if slices.ContainsFunc(t.o.Regions, func(g Region) bool { return g.ID == c }) {
			return c
		}
	}
	return ""
}

// slug makes an id of a registry's handle: lower case, everything else a dash.
func slug(s string) ident.Party {
	b := []byte(strings.ToLower(s))
	for i, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			b[i] = '-'
		}
	}
	out := strings.TrimLeft(string(b), "-_.")
	if len(out) > 64 {
		out = out[:64]
	}
	return ident.Party(out)
}

// times returns since when a claim holds and when it was last looked at.
func (t *registryText) times(o object) (from, verified time.Time) {
	for _, f := range []struct {
		name string
		to   *time.Time
	}{{"created", &from}, {"last-modified", &verified}} {
		if a := o.first(f.name); a.value != "" {
			*f.to = readInstant(a.value, f.name, t.on(a.line, ""))
		}
	}
	if !verified.IsZero() {
		return from, verified
	}
	for _, a := range o {
		if a.name != "changed" { // "changed: who@example.org 20010203", before there was last-modified
			continue
		}
		words := strings.Fields(a.value)
		if len(words) == 0 {
			continue
		}
		if d, err := time.Parse("20060102", words[len(words)-1]); err == nil && d.After(verified) {
			verified = d
		}
	}
	return from, verified
}

// newest leaves, of claims to the same resource, the one that was looked at last.
func newest(rs []Resource) []Resource {
	best := make(map[string]Resource, len(rs))
	for _, r := range rs {
		if o, ok := best[r.Value]; !ok || r.Verified.After(o.Verified) {
			best[r.Value] = r
		}
	}
	return slices.DeleteFunc(rs, func(r Resource) bool {
		if best[r.Value] != r {
			return true
		}
		delete(best, r.Value)
		return false
	})
}

// contacts adds the contacts of an object, which are for the object alone, and those of its organisation, which are for
// the whole party (RIPE-705, "abuse-c": an object's own goes before its organisation's). Where there is neither, those of
// the network that a route begins at, and in the last resort the maintainer's, are for the object.
func (t *registryText) contacts(p *drafted, o, owner object, of string) {
	own := t.named(p, o, of)
	shared := 0
	if org, ok := t.orgs[strings.ToLower(owner.first("org").value)]; ok {
		shared = t.named(p, org, "")
	}
	if own+shared > 0 {
		return
	}
	if owner.line() != o.line() && t.named(p, owner, of) > 0 {
		return
	}
	for _, handle := range o.all("mnt-by") {
		if who, ok := t.people["mntner:"+strings.ToLower(handle)]; ok {
			t.mails(p, Technical, who, "", who.all("upd-to"), of)
		}
	}
}

// named adds the contacts that one object names, for what of says, and returns how many addresses it named.
func (t *registryText) named(p *drafted, s object, of string) int {
	n := 0
	for _, c := range []struct {
		attribute, prefix string
		role              Role
	}{{"abuse-c", "", Abuse}, {"mnt-irt", "irt:", Security}, {"tech-c", "", Technical}, {"admin-c", "", Management}} {
		for _, handle := range s.all(c.attribute) {
			if who, ok := t.people[c.prefix+strings.ToLower(handle)]; ok {
				n += t.person(p, c.role, who, of)
			}
		}
	}
	n += t.mails(p, Abuse, s, "", s.all("abuse-mailbox"), of)
	return n + t.mails(p, Security, s, "", s.all("e-mail"), of)
}

// person adds a role, person or irt: its abuse mailbox where it is the abuse contact, else its mail.
func (t *registryText) person(p *drafted, role Role, o object, of string) int {
	name := ""
	if o.class() != "irt" {
		name = clipText(o.value())
	}
	mails := o.all("e-mail")
	if boxes := o.all("abuse-mailbox"); role == Abuse && len(boxes) > 0 || len(mails) == 0 {
		mails = boxes
	}
	return t.mails(p, role, o, name, mails, of)
}

// mails adds contacts and returns how many addresses reach somebody; those that registries put in place of real ones, and
// what is no address, become notes.
func (t *registryText) mails(p *drafted, role Role, o object, name string, mails []string, of string) int {
	n := 0
	for _, m := range mails {
		bad := ""
		m = mailAddress(m, "", func(_, format string, args ...any) { bad = format })
		if bad != "" || slices.Contains(placeholders, strings.ToLower(m)) {
			t.note(o, "mail %q left out: it reaches nobody", clip(m))
			continue
		}
		n++
		k := Contact{Role: role, Name: name, Mail: m, For: of}
		if slices.ContainsFunc(p.Contacts, k.Same) {
			continue
		}
		if len(p.Contacts) >= maxMembers {
			t.note(o, "mail %q left out: party %s has %d contacts already, which is the most", clip(m), p.ID, maxMembers)
			continue
		}
		t.contact(p, k, o.line(), "")
	}
	return n
}

// placeholders stand in published registry texts where the real address was taken out.
var placeholders = []string{"unread@ripe.net", "bitbucket@ripe.net", "unread@apnic.net"}
