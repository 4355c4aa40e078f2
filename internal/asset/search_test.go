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

		"2001:0db8:0000:0000:0000:0000:0000:0001": {Exact: []string{"2001:db8::1"}},
		"[2001:db8::1]":                {Exact: []string{"2001:db8::1"}},
		"2001:0DB8:00a":                {Prefix: "2001:db8:00a"},
		"2001:0db8:0000:":              {Prefix: "2001:db8:0:"},
		"2001:0DB8:1::/48":             within("2001:db8:1::/48", "2001:db8:1:"),
		"192.0.2.1:23":                 {Exact: []string{"192.0.2.1"}, Port: 23},
		"[2001:db8::1]:23":             {Exact: []string{"2001:db8::1"}, Port: 23},
		"[::ffff:192.0.2.1]:65535":     {Exact: []string{"192.0.2.1"}, Port: 65535},
		"192.0.2.0/24:443":             {Prefix: "192.0.2.", Port: 443},
		"WWW.Example.org:8443":         {Exact: []string{"www.example.org"}, Port: 8443},
		"192.0.2.1:0":                  {Prefix: "192.0.2.1:0"},
		"192.0.2.1:65536":              {Prefix: "192.0.2.1:65536"},
		"198[.]51[.]100[.]9":           {Exact: []string{"198.51.100.9"}},
		"198(.)51{.}100[.9":            {Exact: []string{"198.51.100.9"}},
		"198[.]51[.]100[.]9[:]23":      {Exact: []string{"198.51.100.9"}, Port: 23},
		"2001[:]db8[:][:]1":            {Exact: []string{"2001:db8::1"}},
		"hxxps://Evil[.]Example/A?B=c": {Prefix: "https://evil.example/A?B=c"},
		"hXXp[://]evil(DOT)example":    {Prefix: "http://evil.example"},
		"evil[Dot]example":             {Prefix: "evil.example"},
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

func TestHostOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "[2001:DB8::1]:23": "2001:db8::1", "192.0.2.1:23": "192.0.2.1",
		"192.0.2.9/24": "192.0.2.0/24", "hxxps://Evil[.]Example:8443/A?b": "evil.example", "abuse[at]Example.org": "example.org",
		"http://user:pw@192.0.2.7/": "192.0.2.7", "Example.ORG": "example.org", "as64496": "as64496", "": "", "Muster Bahn": "muster bahn",
	} {
		if got := HostOf(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Whatever is typed, an address is found in each of its spellings, and nothing panics.
func FuzzParseSearch(f *testing.F) {
	f.Add("198[.]51[.]100[.]9:23")
	f.Add("[2001:0db8::1]:443")
	f.Add("hxxps://evil(dot)example/A")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSearch(text)
		if err != nil {
			return
		}
		if len(s.Exact) > 4097 || s.Port > 0 && len(s.Exact) == 0 && s.Prefix == "" && !s.Within.IsValid() {
			t.Errorf("%q: %+v", text, s)
		}
		if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
			for _, spelled := range []string{ip.StringExpanded(), "[" + text + "]", strings.ToUpper(text)} {
				again, err := ParseSearch(spelled)
				if d := cmp.Diff(s, again, cmpopts.EquateComparable(netip.Prefix{})); err != nil || d != "" {
					t.Errorf("%q and %q: %v\n%s", text, spelled, err, d)
				}
			}
		}
		_ = HostOf(text)
	})
}
