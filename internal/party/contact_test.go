package party_test

import (
	"strings"
	"testing"

	"tocsin/internal/asset"
	"tocsin/internal/party"
)

// Who answers for a finding is named by the narrowest object of the party that it is at; no other object's contacts count.
func TestObjectOf(t *testing.T) {
	t.Parallel()
	ip := func(v string) asset.Asset { return asset.Asset{Kind: asset.IP, Value: v} }
	p := party.Party{
		Resources: []party.Resource{
			{Kind: party.Prefix, Value: "192.0.2.0/24"},
			{Kind: party.Prefix, Value: "192.0.2.0/26"},
			{Kind: party.Prefix, Value: "198.51.100.0/24"},
			{Kind: party.ASN, Value: "64496"},
			{Kind: party.Domain, Value: "example.org"},
			{Kind: party.Prefix, Value: "2001:db8::/32"},
		},
		Systems: []party.System{{Name: "Mail gateway", Asset: ip("192.0.2.9")}, {Name: "Quiet", Asset: ip("192.0.2.10")}},
		Contacts: []party.Contact{
			{Mail: "all@x.example"},
			{Mail: "24@x.example", For: "192.0.2.0/24"},
			{Mail: "26@x.example", For: "192.0.2.0/26"},
			{Mail: "as@x.example", For: "AS64496"},
			{Mail: "d@x.example", For: "example.org"},
			{Mail: "s@x.example", For: "system:Mail gateway"},
			{For: "198.51.100.0/24"},
			{Mail: "u@x.example", For: "2001:db8::/32", Unproved: true},
		},
	}
	for _, c := range []struct {
		basis   party.Basis
		matched string
		a       asset.Asset
		want    string
	}{
		{party.ByPrefix, "192.0.2.0/24", ip("192.0.2.200"), "192.0.2.0/24"},
		{party.ByPrefix, "192.0.2.0/26", ip("192.0.2.1"), "192.0.2.0/26"},
		{party.ByPrefix, "192.0.2.0/26", ip("192.0.2.9"), "system:Mail gateway"},
		{party.BySystem, "192.0.2.9", ip("192.0.2.9"), "system:Mail gateway"},
		{party.BySystem, "192.0.2.10", ip("192.0.2.10"), "192.0.2.0/26"}, // no contact of its own: its network's
		{party.ByPrefix, "198.51.100.0/24", ip("198.51.100.1"), ""},      // the contact has no address
		{party.ByPrefix, "2001:db8::/32", ip("2001:db8::1"), ""},         // nobody has proved the address
		{party.ByPrefix, "203.0.113.0/24", ip("203.0.113.1"), ""},
		{party.ByASN, "64496", ip("203.0.113.1"), ""},                         // the organisation goes before the AS
		{party.ByPrefix, "192.0.2.128/25", ip("192.0.2.200"), "192.0.2.0/24"}, // it names nobody: the network around it does
		{party.ByDomain, "example.org", asset.Asset{Kind: asset.Domain, Value: "www.example.org"}, "example.org"},
		{party.ByRegion, "XA", ip("203.0.113.1"), ""},
		{party.ByHand, "", ip("192.0.2.70"), "192.0.2.0/24"},
		{party.ByHand, "", asset.Asset{Kind: asset.Domain, Value: "a.example.org"}, "example.org"},
		{party.ByHand, "", asset.Asset{Kind: asset.Domain, Value: "notexample.org"}, ""},
		{party.ByRule, "7", asset.Asset{Kind: asset.ASN, Value: "64496"}, ""},
	} {
		if got := p.ObjectOf(c.basis, c.matched, c.a); got != c.want {
			t.Errorf("%s %s, %s: %q, want %q", c.basis, c.matched, c.a.Value, got, c.want)
		}
	}
}

// Where the organisation names nobody, the AS does; for what lies in no AS of the party, nobody.
func TestObjectOfAS(t *testing.T) {
	t.Parallel()
	p := party.Party{
		Resources: []party.Resource{{Kind: party.ASN, Value: "64496"}, {Kind: party.Prefix, Value: "192.0.2.0/24"}},
		Contacts:  []party.Contact{{Mail: "as@x.example", For: "AS64496"}, {Unproved: true, Mail: "new@x.example"}},
	}
	ip := asset.Asset{Kind: asset.IP, Value: "192.0.2.1"}
	for _, c := range []struct {
		basis   party.Basis
		matched string
		a       asset.Asset
		want    string
	}{
		{party.ByASN, "64496", ip, "AS64496"},
		{party.ByASN, "AS64496", ip, "AS64496"},
		{party.ByRule, "7", asset.Asset{Kind: asset.ASN, Value: "64496"}, "AS64496"},
		{party.ByPrefix, "192.0.2.0/24", ip, ""},
		{party.ByASN, "64497", ip, ""},
	} {
		if got := p.ObjectOf(c.basis, c.matched, c.a); got != c.want {
			t.Errorf("%s %s, %s: %q, want %q", c.basis, c.matched, c.a.Value, got, c.want)
		}
	}
}

// What a contact is for is read in any spelling of a resource and kept in one.
func TestContactFor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "192.0.2.0/24": "192.0.2.0/24", "as64496": "AS64496", "AS64496": "AS64496", "Example.ORG": "example.org",
		"2001:DB8::/32": "2001:db8::/32", "system:Mail gateway": "system:Mail gateway", "system:": "!", "192.0.2.1/24": "!", "nonsense": "!",
	} {
		p, err := party.Party{ID: "a", Name: "A", Contacts: []party.Contact{{Mail: "x@y.example", For: in}}}.Canonical()
		switch {
		case want == "!" && (err == nil || !strings.Contains(err.Error(), "contacts[0].for")):
			t.Errorf("%q was read as %q: %v", in, p.Contacts[0].For, err)
		case want != "!" && (err != nil || p.Contacts[0].For != want):
			t.Errorf("%q: %q, %v", in, p.Contacts[0].For, err)
		}
	}
}
