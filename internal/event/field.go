package event

import (
	"slices"
	"strings"

	"tocsin/internal/fault"
)

// Kind is the kind of value a field holds.
type Kind uint8

// Kinds of value, after IntelMQ's harmonisation.
const (
	String Kind = iota
	Lower       // text in lower case
	Upper       // text in upper case
	IP
	Network // prefix in CIDR notation
	FQDN
	URL
	ASN
	Port
	Integer
	Float
	Boolean
	DateTime
	JSON
	Base64
	TLP
	PAP
	Registry
	Accuracy // percent
	ClassType
	ClassTaxonomy
	SeverityName
	Transport
)

var kindNames = [...]string{
	"String", "LowercaseString", "UppercaseString", "IPAddress", "IPNetwork", "FQDN", "URL", "ASN",
	"Port", "Integer", "Float", "Boolean", "DateTime", "JSON", "Base64", "TLP", "PAP", "Registry", "Accuracy", "ClassificationType",
	"ClassificationTaxonomy", "Severity", "Transport",
}

func (k Kind) String() string { return kindNames[k] }

// Field is one field of the harmonisation and its rule.
type Field struct {
	Name  string
	Kind  Kind
	Max   int               // most characters; 0 is maxText
	Valid func(string) bool // further rule of text kinds; nil is none
}

// maxText bounds text fields without a limit of their own. It is the limit of a record.
const maxText = 1 << 20

// side lists the fields that exist for source and destination alike.
var side = []Field{
	{Name: "abuse_contact", Kind: Lower},
	{Name: "account", Kind: String},
	{Name: "allocated", Kind: DateTime},
	{Name: "as_name", Kind: String},
	{Name: "asn", Kind: ASN},
	{Name: "domain_suffix", Kind: Lower},
	{Name: "fqdn", Kind: FQDN},
	{Name: "geolocation.cc", Kind: Upper, Max: 2, Valid: twoLetters},
	{Name: "geolocation.city", Kind: String},
	{Name: "geolocation.country", Kind: String},
	{Name: "geolocation.latitude", Kind: Float},
	{Name: "geolocation.longitude", Kind: Float},
	{Name: "geolocation.region", Kind: String},
	{Name: "geolocation.state", Kind: String},
	{Name: "ip", Kind: IP},
	{Name: "local_hostname", Kind: String},
	{Name: "local_ip", Kind: IP},
	{Name: "network", Kind: Network},
	{Name: "port", Kind: Port},
	{Name: "registry", Kind: Registry},
	{Name: "reverse_dns", Kind: FQDN},
	{Name: "tor_node", Kind: Boolean},
	{Name: "url", Kind: URL},
	{Name: "urlpath", Kind: String},
}

var single = []Field{
	{Name: "classification.identifier", Kind: String},
	{Name: "classification.taxonomy", Kind: ClassTaxonomy},
	{Name: "classification.type", Kind: ClassType},
	{Name: "comment", Kind: String},
	{Name: "event_description.target", Kind: String},
	{Name: "event_description.text", Kind: String},
	{Name: "event_description.url", Kind: URL},
	{Name: "event_hash", Kind: Upper, Max: 40, Valid: hashChars},
	{Name: "feed.accuracy", Kind: Accuracy},
	{Name: "feed.code", Kind: String, Max: 100},
	{Name: "feed.documentation", Kind: String},
	{Name: "feed.name", Kind: String},
	{Name: "feed.provider", Kind: String},
	{Name: "feed.url", Kind: URL},
	{Name: "malware.hash.md5", Kind: String, Max: 200, Valid: printable},
	{Name: "malware.hash.sha1", Kind: String, Max: 200, Valid: printable},
	{Name: "malware.hash.sha256", Kind: String, Max: 200, Valid: printable},
	{Name: "malware.name", Kind: Lower, Valid: printable},
	{Name: "malware.version", Kind: String, Valid: printable},
	{Name: "misp.attribute_uuid", Kind: Lower, Max: 36, Valid: uuid},
	{Name: "misp.event_uuid", Kind: Lower, Max: 36, Valid: uuid},
	{Name: "output", Kind: JSON},
	{Name: "product.full_name", Kind: String},
	{Name: "product.name", Kind: String},
	{Name: "product.vendor", Kind: String},
	{Name: "product.version", Kind: String},
	{Name: "product.vulnerabilities", Kind: String},
	{Name: "protocol.application", Kind: Lower, Max: 100, Valid: printable},
	{Name: "protocol.transport", Kind: Transport},
	{Name: "raw", Kind: Base64},
	{Name: "rtir_id", Kind: Integer},
	{Name: "screenshot_url", Kind: URL},
	{Name: "severity", Kind: SeverityName},
	{Name: "source.geolocation.cymru_cc", Kind: Upper, Max: 2, Valid: twoLetters},
	{Name: "source.geolocation.geoip_cc", Kind: Upper, Max: 2, Valid: twoLetters},
	{Name: "status", Kind: String},
	{Name: "time.observation", Kind: DateTime},
	{Name: "time.source", Kind: DateTime},
	{Name: "tlp", Kind: TLP},
}

var fields, fieldNames = func() (map[string]*Field, []string) {
	m := map[string]*Field{}
	for i := range single {
		m[single[i].Name] = &single[i]
	}
	for _, prefix := range []string{"source.", "destination."} {
		for _, f := range side {
			f.Name = prefix + f.Name
			m[f.Name] = &f
		}
	}
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	m["extra.pap"] = &Field{Name: "extra.pap", Kind: PAP} // IntelMQ has no field for it
	return m, names
}()

// FieldNames returns the names of the harmonisation in order, without extra.
func FieldNames() []string { return slices.Clone(fieldNames) }

// extraField is the rule of every field under extra.
var extraField = Field{Name: "extra.", Kind: JSON}

// FieldOf returns the rule of a field: one of the harmonisation, or extra.<name> of at most 200 characters. The error
// is fault.Invalid and names the nearest field.
func FieldOf(name string) (*Field, error) {
	if f, ok := fields[name]; ok {
		return f, nil
	}
	if key, ok := strings.CutPrefix(name, "extra."); ok && key != "" && len(key) <= 200 && textOK(key) {
		return &extraField, nil
	}
	return nil, fault.New(fault.Invalid, "%q is no field of an event; the nearest is %q", clip(name), nearest(name, fieldNames))
}
