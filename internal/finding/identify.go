package finding

import (
	"strconv"
	"strings"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Scope says which parts of an observation tell findings of one RSIT type apart.
type Scope struct {
	URL     bool // the asset is the URL where there is one
	Service bool // port and transport belong to the identity of an address
	Malware bool // malware.name belongs to the identity
}

// pages are the types whose problem sits at a web address rather than at a host.
var pages = map[string]bool{
	"phishing": true, "malware-distribution": true, "malware-configuration": true, "masquerade": true, "copyright": true,
}

// services are the types whose problem sits at a port. With the others, ports are those of single connections.
var services = map[string]bool{
	"vulnerable-system": true, "weak-crypto": true, "potentially-unwanted-accessible": true, "ddos-amplifier": true,
	"information-disclosure": true, "misconfiguration": true, "system-compromise": true, "c2-server": true,
	"data-leak": true, "unauthorised-information-access": true, "other": true, "undetermined": true,
}

// ScopeOf returns the scope of an RSIT type.
func ScopeOf(typ string) Scope {
	return Scope{URL: pages[typ], Service: services[typ], Malware: event.Taxonomy(typ) == "malicious-code"}
}

// Identify returns what makes e a sighting of one finding and not of another. fault.Invalid where e has no class or
// names no asset.
//
// The asset is the URL for problems of pages, else the first there is of address, domain, prefix, URL, AS number and
// account.
func Identify(e event.Event) (Identity, error) {
	typ := e.Text("classification.type")
	if typ == "" {
		return Identity{}, fault.New(fault.Invalid, "classification.type: is missing")
	}
	scope := ScopeOf(typ)
	id := Identity{Type: typ, Identifier: strings.ToLower(e.Text("classification.identifier"))}
	id.Asset = assetOf(e, scope)
	if id.Asset.Value == "" {
		return Identity{}, fault.New(fault.Invalid, "the event names no address, domain, prefix, URL, AS number or account")
	}
	if scope.Service && id.Asset.Kind == asset.IP {
		if p := e.Int("source.port"); p > 0 && p <= 65535 {
			id.Port, id.Transport = uint16(p), e.Text("protocol.transport")
		}
	}
	if scope.Malware {
		id.Malware = e.Text("malware.name")
	}
	return id, nil
}

func assetOf(e event.Event, scope Scope) asset.Asset {
	if u := e.Text("source.url"); scope.URL && u != "" {
		return asset.Asset{Kind: asset.URL, Value: u}
	}
	for _, c := range []struct {
		field string
		kind  asset.Kind
	}{
		{"source.ip", asset.IP}, {"source.fqdn", asset.Domain}, {"source.network", asset.Prefix}, {"source.url", asset.URL},
	} {
		if v := e.Text(c.field); v != "" {
			return Whole(asset.Asset{Kind: c.kind, Value: v})
		}
	}
	if n := e.Int("source.asn"); n > 0 {
		return asset.Asset{Kind: asset.ASN, Value: strconv.FormatInt(n, 10)}
	}
	return asset.Asset{Kind: asset.Account, Value: e.Text("source.account")}
}

// Whole turns a prefix of one address into that address and leaves other assets as they are.
func Whole(a asset.Asset) asset.Asset {
	if a.Kind != asset.Prefix {
		return a
	}
	host, bits, _ := strings.Cut(a.Value, "/")
	if bits == "128" || bits == "32" && !strings.Contains(host, ":") {
		return asset.Asset{Kind: asset.IP, Value: host}
	}
	return a
}
