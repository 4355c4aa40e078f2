package party

import (
	"tocsin/internal/asset"
	"tocsin/internal/event"
)

// SubjectOf is what the rule of attribution looks at in an observation: the asset, and what the event says around it.
func SubjectOf(ev event.Event, a asset.Asset) Subject {
	s := Subject{
		Asset: a, IP: ev.Text("source.ip"), Domain: ev.Text("source.fqdn"), ASN: uint32(ev.Int("source.asn")),
		Region: ev.Text("source.geolocation.region"), Country: ev.Text("source.geolocation.cc"),
	}
	if s.Domain == "" && a.Kind != asset.URL {
		if u := ev.Text("source.url"); u != "" {
			s.Domain = hostName(u)
		}
	}
	return s
}

// hostName returns the domain name in a canonical URL, "" where its host is an address.
func hostName(url string) string {
	host := asset.Host(url)
	if _, err := asset.ParseDomain(host); err != nil {
		return ""
	}
	return host
}
