package party

import (
	"net/netip"
	"slices"
	"strings"

	"tocsin/internal/asset"
)

// forSystem begins the For of a contact that is a system's; the system's name follows.
const forSystem = "system:"

// object names a resource as a contact's For does.
func (r Resource) object() string {
	if r.Kind == ASN {
		return "AS" + r.Value
	}
	return r.Value
}

// contactObject reads what a contact is for and returns it in canonical spelling.
func contactObject(s, field string, c complain) string {
	s = strings.TrimSpace(s)
	if name, ok := strings.CutPrefix(s, forSystem); ok {
		if name = text(name, field, c); name == "" {
			c(field, "%q names no system; \"system:Mail gateway\" was expected", clip(s))
		}
		return forSystem + name
	}
	if s == "" {
		return ""
	}
	r := Resource{Kind: guessKind(s), Value: s}
	v, err := CanonicalValue(r.Kind, r.Value)
	if err != nil {
		c(field, "%q is neither a prefix, an AS number, a domain nor \"system:NAME\"", clip(s))
		return s
	}
	r.Value = v
	return r.object()
}

// Object returns what a contact is for as people write it: a network, an AS number, a domain, a system's name; empty where
// it is for the whole party.
func (k Contact) Object() string { return strings.TrimPrefix(k.For, forSystem) }

// Same reports whether two contacts are one: the same role at the same address for the same object.
func (k Contact) Same(o Contact) bool { return k.Role == o.Role && k.sameMailbox(o) }

// sameMailbox reports whether two contacts write to the same address about the same object.
func (k Contact) sameMailbox(o Contact) bool { return k.For == o.For && k.SameAddress(o) }

// SameAddress reports whether two contacts are one mailbox, whoever they are for. The local part is compared without
// regard to case: RFC 5321, 2.4 lets a server tell cases apart, and none in use does.
func (k Contact) SameAddress(o Contact) bool { return strings.EqualFold(k.Mail, o.Mail) }

// told reports whether a contact can be written to.
func (k Contact) told() bool { return k.Mail != "" && !k.Unproved }

// ObjectOf returns for what the contacts are who answer for a finding: its system, else the narrowest network or domain of the
// party around the asset, else the party as a whole (the empty object), else the AS: of these the first that names a contact
// who can be written to. RIPE's rule has the same order: abuse-c of the inet(6)num, of its organisation, of the aut-num. No
// contact of another object is ever among them.
func (p *Party) ObjectOf(basis Basis, matched string, a asset.Asset) string {
	for _, object := range p.objects(basis, matched, a) {
		if slices.ContainsFunc(p.Contacts, func(k Contact) bool { return k.For == object && k.told() }) {
			return object
		}
	}
	return ""
}

// objects returns the objects of the party that a finding is at, in the order in which their contacts are asked.
func (p *Party) objects(basis Basis, matched string, a asset.Asset) []string {
	var out, last []string
	for _, s := range p.Systems {
		if basis == BySystem && s.Asset.Value == matched || s.Asset == a && a.Value != "" {
			out = append(out, forSystem+s.Name)
		}
	}
	switch basis {
	case ByPrefix, ByDomain:
		out = append(out, matched)
	case ByASN:
		last = append(last, "AS"+strings.TrimPrefix(matched, "AS"))
	case ByHand, ByRule, BySystem, ByRegion, Nobody:
	}
	around := slices.DeleteFunc(slices.Clone(p.Resources), func(r Resource) bool { return !r.holds(a) })
	slices.SortStableFunc(around, func(x, y Resource) int { return len(narrow(y)) - len(narrow(x)) })
	for _, r := range around {
		if r.Kind == ASN {
			last = append(last, r.object())
		} else {
			out = append(out, r.object())
		}
	}
	return slices.Concat(out, []string{""}, last)
}

// narrow is the longer the narrower a resource is.
func narrow(r Resource) string {
	if p, err := netip.ParsePrefix(r.Value); err == nil {
		return strings.Repeat("x", 256+p.Bits())
	}
	return r.Value
}

// holds reports whether a resource is the network or the domain that an asset lies in.
func (r Resource) holds(a asset.Asset) bool {
	switch r.Kind {
	case Prefix:
		p, err := netip.ParsePrefix(r.Value)
		ip, err2 := netip.ParseAddr(strings.Split(a.Value, "/")[0])
		return err == nil && err2 == nil && (a.Kind == asset.IP || a.Kind == asset.Prefix) && p.Contains(ip)
	case Domain:
		return a.Kind == asset.Domain && (a.Value == r.Value || strings.HasSuffix(a.Value, "."+r.Value))
	case ASN:
		return a.Kind == asset.ASN && a.Value == r.Value
	}
	return false
}
