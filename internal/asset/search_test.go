package asset

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/fault"
)

func TestParseSearch(t *testing.T) {
	t.Parallel()
	within := func(p, text string) Search {
		return Search{Within: netip.MustParsePrefix(p), Prefix: text}
	}
	for text, want := range map[string]Search{
		"":                    {},
		"192.0.2.1":           {Exact: []string{"192.0.2.1"}},
		"::ffff:192.0.2.1":    {Exact: []string{"192.0.2.1"}},
		"2001:DB8:0::1":       {Exact: []string{"2001:db8::1"}},
		"192.0.2.9/24":        {Prefix: "192.0.2."},
		"192.0.2.2/31":        {Exact: []string{"192.0.2.2/31", "192.0.2.2", "192.0.2.3"}},
		"10.1.2.3/8":          within("10.0.0.0/8", "10."),
		"10.1.0.0/15":         within("10.0.0.0/15", "10."),
		"0.0.0.0/0":           within("0.0.0.0/0", ""),
		"2001:db8:1::/48":     within("2001:db8:1::/48", "2001:db8:1:"),
		"2001:db8:0:7::/64":   within("2001:db8:0:7::/64", "2001:db8:"),
		"::/3":                within("::/3", ""),
		"AS64496":             {Exact: []string{"64496", "AS64496"}},
		"192.0.2":             {Prefix: "192.0.2"},
		"192.0.2.*":           {Prefix: "192.0.2."},
		"Example.ORG":         {Prefix: "example.org"},
		"https://example.org": {Prefix: "https://example.org"},
		"64496":               {Prefix: "64496"},
	} {
		got, err := ParseSearch(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
	if _, err := ParseSearch(strings.Repeat("x", 501)); !errors.Is(err, fault.Invalid) {
		t.Errorf("too long: %v", err)
	}
}

// What narrows the walk over an index lets every address of the prefix through.
func FuzzPrefixMatch(f *testing.F) {
	f.Add("10.0.0.0/9", uint64(12345))
	f.Add("2001:db8:0:1::/61", uint64(99))
	f.Add("2001:db8:10:a00::/56", uint64(0))
	f.Fuzz(func(t *testing.T, text string, pick uint64) {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Zone() != "" || p.Addr().Is4In6() {
			return
		}
		p = p.Masked()
		m := prefixMatch(p)
		raw := p.Addr().AsSlice()
		for i, bit := len(raw)*8-1, 0; i >= p.Bits() && bit < 64; i, bit = i-1, bit+1 {
			raw[i/8] |= byte(pick>>bit&1) << (7 - i%8)
		}
		ip, _ := netip.AddrFromSlice(raw)
		if ip.Is4In6() {
			return // never canonical
		}
		found := strings.HasPrefix(ip.String(), m.Prefix) && m.Within.IsValid()
		for _, e := range m.Exact {
			found = found || e == ip.String()
		}
		if !p.Contains(ip) || !found {
			t.Errorf("%s in %s is not found by %+v", ip, p, m)
		}
	})
}
