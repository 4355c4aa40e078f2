package finding

import (
	"strings"
	"testing"

	"tocsin/internal/event"
)

// TestUnreadOfWholeEvents: the same rule for events that come whole.
func TestUnreadOfWholeEvents(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"classification.type":"scanner","source.ip":"192.0.2.1","time.source":"2026-11-20 05:12"}`:                    "",
		`{"classification.type":"scanner","source.ip":"192.0.2.1","time.source":"01.11.2026 05:12"}`:                    `time.source: "01.11.2026 05:12"`,
		`{"classification.type":"scanner","source.ip":"192.0.2.1","time.source":1795151553}`:                            `time.source: "1795151553"`,
		`{"classification.type":"scanner","source.ip":"192.0.2.01","source.fqdn":"a.example"}`:                          `source.ip: "192.0.2.01"`,
		`{"classification.type":"scanner","source.ip":"192.0.2.1","source.fqdn":"not a name"}`:                          "",
		`{"classification.type":"vulnerable-system","source.ip":"192.0.2.1","source.port":23.5}`:                        `source.port: "23.5"`,
		`{"classification.type":"vulnerable-system","source.ip":"192.0.2.1","source.port":true}`:                        `source.port: "true"`,
		`{"classification.type":"vulnerable-system","source.ip":"192.0.2.1","source.port":99999999999999999999}`:        `source.port: "99999999999999999999"`,
		`{"classification.type":"vulnerable-system","source.ip":"192.0.2.1","source.port":23,"protocol.transport":"x"}`: `protocol.transport: "x"`,
		`{"classification.type":"scanner","source.ip":"192.0.2.1","source.port":-1}`:                                    "",
		`{"classification.type":"phishing","source.ip":"192.0.2.1","source.url":"http://"}`:                             `source.url: "http://"`,
		`{"classification.type":"scanner","source.ip":"192.0.2.1","status":"maybe"}`:                                    `status: "maybe" is neither`,
		`{"classification.type":"scanner","source.ip":"192.0.2.1","status":"N/A","source.asn":"-","malware.name":"-"}`:  "",
	} {
		e, err := event.Decode([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		field, reason := Unread(e, true)
		got := strings.TrimPrefix(field+": "+reason, ": ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
