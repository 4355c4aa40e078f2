package finding

import (
	"errors"
	"testing"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields map[string]any
		want   Identity
	}{
		"a service": {
			map[string]any{"classification.type": "vulnerable-system", "classification.identifier": "Open-Telnet", "source.ip": "192.0.2.1", "source.port": 23, "protocol.transport": "TCP"},
			Identity{Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.1"}, Port: 23, Transport: "tcp", Type: "vulnerable-system", Identifier: "open-telnet"},
		},
		"an infection has no port of its own": {
			map[string]any{"classification.type": "infected-system", "source.ip": "192.0.2.1", "source.port": 40123, "protocol.transport": "tcp", "malware.name": "Mirai"},
			Identity{Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.1"}, Type: "infected-system", Malware: "mirai"},
		},
		"malware tells only malicious code apart": {
			map[string]any{"classification.type": "brute-force", "source.ip": "192.0.2.1", "malware.name": "mirai"},
			Identity{Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.1"}, Type: "brute-force"},
		},
		"a phishing page": {
			map[string]any{"classification.type": "phishing", "source.ip": "192.0.2.1", "source.url": "http://a.example/login"},
			Identity{Asset: asset.Asset{Kind: asset.URL, Value: "http://a.example/login"}, Type: "phishing"},
		},
		"the host where the type is no page's": {
			map[string]any{"classification.type": "system-compromise", "source.ip": "192.0.2.1", "source.url": "http://a.example/x"},
			Identity{Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.1"}, Type: "system-compromise"},
		},
		"a domain has no port": {
			map[string]any{"classification.type": "c2-server", "source.fqdn": "a.example", "source.port": 443},
			Identity{Asset: asset.Asset{Kind: asset.Domain, Value: "a.example"}, Type: "c2-server"},
		},
		"a prefix": {
			map[string]any{"classification.type": "other", "source.network": "192.0.2.0/25", "source.asn": 64496},
			Identity{Asset: asset.Asset{Kind: asset.Prefix, Value: "192.0.2.0/25"}, Type: "other"},
		},
		"a prefix of one address": {
			map[string]any{"classification.type": "other", "source.network": "192.0.2.7/32"},
			Identity{Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.7"}, Type: "other"},
		},
		"an AS": {
			map[string]any{"classification.type": "other", "source.asn": 64496},
			Identity{Asset: asset.Asset{Kind: asset.ASN, Value: "64496"}, Type: "other"},
		},
		"an account": {
			map[string]any{"classification.type": "data-leak", "source.account": "sealed:0011223344556677"},
			Identity{Asset: asset.Asset{Kind: asset.Account, Value: "sealed:0011223344556677"}, Type: "data-leak"},
		},
	} {
		var e event.Event
		for f, v := range c.fields {
			if err := e.Set(f, v); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := Identify(e); err != nil || got != c.want {
			t.Errorf("%s: %+v and %v, want %+v", name, got, err, c.want)
		}
	}
	for _, fields := range []map[string]any{{"source.ip": "192.0.2.1"}, {"classification.type": "other"}} {
		if _, err := Identify(event.Event{Fields: fields}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", fields, err)
		}
	}
}
