package feed

import (
	"strings"
	"testing"
)

// vitalPlan reads everything that identifies a finding, in a pack that re-checks.
func vitalPlan(class string) Plan {
	return Plan{
		Columns: []string{"ip", "fqdn", "net", "url", "asn", "account", "port", "transport", "malware", "seen", "state", "cc", "host"},
		Rules: []Rule{
			{Field: "source.ip", Column: "ip"},
			{Field: "source.fqdn", Column: "fqdn"},
			{Field: "source.network", Column: "net"},
			{Field: "source.url", Column: "url"},
			{Field: "source.asn", Column: "asn"},
			{Field: "source.account", Column: "account"},
			{Field: "source.port", Column: "port"},
			{Field: "protocol.transport", Column: "transport"},
			{Field: "malware.name", Column: "malware"},
			{Field: "time.source", Column: "seen"},
			{Field: "status", Column: "state"},
			{Field: "source.geolocation.cc", Column: "cc"},
			{Field: "source.reverse_dns", Column: "host"},
		},
		Default: map[string]string{"classification.type": class, "source.port": "22", "time.source": "2026-01-01"},
		Recheck: true,
	}
}

// TestUnreadableIsNeverNothing: a cell that is filled and cannot be read keeps the record aside where it would be part
// of the finding's key, its time or its state; elsewhere it is a note.
func TestUnreadableIsNeverNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ class, row, err string }{
		{"vulnerable-system", "192.0.2.1|a.example|||||23|tcp||2026-11-20|online||", ""},
		{"vulnerable-system", "192.0.2.010|a.example|||||23|tcp|||||", `ip: "192.0.2.010" is not an IP address`},
		{"vulnerable-system", "192.0.2.1|not a name|||||23|tcp|||||", ""}, // the address is the asset
		{"vulnerable-system", "|not a name|192.0.2.0/24||||23|tcp|||||", `fqdn: "not a name"`},
		{"vulnerable-system", "||192.0.2.0/99||||||||||", `net: "192.0.2.0/99"`},
		{"vulnerable-system", "||||many||||||||", `asn: "many"`},
		{"vulnerable-system", "192.0.2.1||||many||||||||", ""},
		{"vulnerable-system", "192.0.2.1||||||telnet|tcp|||||", `port: "telnet"`},
		{"vulnerable-system", "192.0.2.1||||||23.5|tcp|||||", `port: "23.5"`},
		{"vulnerable-system", "192.0.2.1||||||65536|tcp|||||", `port: "65536"`},
		{"vulnerable-system", "192.0.2.1||||||-1|tcp|||||", `port: "-1"`},
		{"vulnerable-system", "192.0.2.1||||||true|tcp|||||", `port: "true"`},
		{"vulnerable-system", "192.0.2.1||||||23|tpc|||||", `transport: "tpc"`},
		{"scanner", "192.0.2.1||||||telnet|tpc|||||", ""}, // ports of single connections identify nothing
		{"vulnerable-system", "|a.example|||||telnet|tpc|||||", ""},
		{"phishing", "192.0.2.1|||http://|||||||||", `url: "http://" cannot be read as URL`},
		{"scanner", "192.0.2.1|||http://|||||||||", ""},
		{"infected-system", "192.0.2.1||||||||Ünï||||", `malware: "Ünï"`},
		{"scanner", "192.0.2.1||||||||Ünï||||", ""},
		{"scanner", "192.0.2.1|||||||||01.11.2026 05:12|||", `seen: "01.11.2026 05:12" is no date and time`},
		{"scanner", "192.0.2.1|||||||||20-11-26|||", `seen: "20-11-26"`},
		{"scanner", "192.0.2.1|||||||||1795151553|||", `seen: "1795151553"`},
		{"scanner", "192.0.2.1|||||||||2026-02-30 00:00|||", `seen: "2026-02-30 00:00"`},
		{"scanner", "192.0.2.1||||||||||closed||", `state: "closed" is neither online nor offline`},
		{"scanner", "192.0.2.1||||||||||OFFLINE||", ""},
		{"scanner", "192.0.2.1|||||||||||XYZ|not a name", ""},
		{"scanner", "||||||||||||", reasonNoAsset},
		{"scanner", "0.0.0.0||||||||||||", `ip: "0.0.0.0"`},
	} {
		m := mapping(t, vitalPlan(c.class))
		cells := cellsOf(c.row)
		agreeCells(t, m, cells)
		_, err := m.Event(cells)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s %s: %v, want %q", c.class, c.row, err, c.err)
		}
	}
}

var placeholders = []string{"-", "N/A", "n/a", "None", "none", "UNKNOWN", "unknown", "null", "NULL", `""`, "''", " - "}

// TestPlaceholdersAreEmpty: for every field that identifies a finding, and for every conversion.
func TestPlaceholdersAreEmpty(t *testing.T) {
	t.Parallel()
	for _, p := range placeholders {
		empty := mapping(t, vitalPlan("infected-system"))
		filled := "192.0.2.1||||||||||||"
		want, _, err := empty.Row(cellsOf(filled), nil)
		if err != nil {
			t.Fatal(err)
		}
		row := "192.0.2.1" + strings.Repeat("|"+p, 12)
		agreeCells(t, empty, cellsOf(row))
		got, _, err := empty.Row(cellsOf(row), nil)
		if err != nil || got != want {
			t.Errorf("%q: %+v and %v, want what empty cells give: %+v", p, got, err, want)
		}
		if _, _, err := empty.Row(cellsOf(p+strings.Repeat("|"+p, 12)), nil); err == nil || err.Error() != reasonNoAsset {
			t.Errorf("%q: %v, want no asset", p, err)
		}
		for _, c := range Conversions() {
			name := c[0]
			if name == "text" || name == "category_or_detail" || strings.HasPrefix(name, "scan_exchange_") {
				continue // text stays as it stands under extra.; the others read other cells
			}
			switch name {
			case "time":
				name = "time 2006"
			case "pair":
				name = "pair family"
			}
			if got, notes := converted(t, name, "extra.x", p, "", nil); got != nil || len(notes) > 0 {
				t.Errorf("%s of %q: %v, %v", name, p, got, notes)
			}
		}
		if got, _ := converted(t, "text", "extra.x", p, "", nil); got != strings.TrimSpace(p) {
			t.Errorf("extra.x of %q is %v: what a source wrote there stays", p, got)
		}
	}
}
