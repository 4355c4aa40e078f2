package finding

import (
	"slices"
	"strings"

	"tocsin/internal/event"
)

// AssetFields are the fields that name an asset, in the order in which Identify takes them.
var AssetFields = []string{"source.ip", "source.fqdn", "source.network", "source.url", "source.asn", "source.account"}

// vital are the fields besides the asset that identify a finding, or tell its time.
var vital = []string{"source.port", "protocol.transport", "classification.identifier", "malware.name", "time.source", "status"}

// Vital reports whether a field can identify a finding or tell its time or state. A default never takes the place of
// such a value that is there and cannot be read.
func Vital(field string) bool {
	return slices.Contains(AssetFields, field) || slices.Contains(vital, field)
}

// Unread returns the field of a value that is there, cannot be read (it has a note and no value), and would identify the
// finding or tell its time or state, with the reason; empty where there is none. It is for events that come whole; the
// mapping of cells has the same rule.
func Unread(e event.Event, recheck bool) (field, reason string) {
	if status := e.Text("status"); recheck && status != "" && !strings.EqualFold(status, "online") && !strings.EqualFold(status, "offline") {
		return "status", quoted(status) + " is neither online nor offline"
	}
	if len(e.Notes) == 0 {
		return "", ""
	}
	scope := ScopeOf(e.Text("classification.type"))
	fields := []string{"classification.identifier", "time.source"}
	asset := assetField(e, scope)
	fields = append(fields, asset...)
	if scope.Service && slices.Equal(asset, AssetFields[:1]) {
		if fields = append(fields, "source.port"); e.Int("source.port") > 0 {
			fields = append(fields, "protocol.transport")
		}
	}
	if scope.Malware {
		fields = append(fields, "malware.name")
	}
	if recheck {
		fields = append(fields, "status")
	}
	for _, n := range e.Notes {
		if _, has := e.Fields[n.Field]; has || !slices.Contains(fields, n.Field) {
			continue
		}
		reason := strings.TrimPrefix(n.Reason, n.Field+": ")
		if shown := quoted(n.Raw); !strings.Contains(reason, shown) {
			reason = shown + " " + reason
		}
		return n.Field, reason
	}
	return "", ""
}

func quoted(s string) string { return `"` + s + `"` }

// assetField returns the fields up to the one that names the asset: each of them has precedence over what follows.
func assetField(e event.Event, scope Scope) []string {
	order := AssetFields
	if scope.URL {
		order = append([]string{"source.url"}, order...)
	}
	for i, f := range order {
		if _, ok := e.Fields[f]; ok {
			return order[:i+1]
		}
	}
	return order
}
