package party

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"tocsin/internal/fault"
)

// Table is a table of AS numbers or countries by address, in MMDB form, that the operator supplied. It is safe for
// use by many goroutines.
type Table struct {
	db     *maxminddb.Reader
	source string
}

// OpenTable reads the bytes of an MMDB file and keeps hold of them. source says where they came from; pages show it.
func OpenTable(data []byte, source string) (*Table, error) {
	db, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s is not an MMDB file: %s", source, err)
	}
	return &Table{db: db, source: source}, nil
}

// Source returns where the table came from.
func (t *Table) Source() string { return t.source }

// Kind returns the type that the file gives itself, such as "GeoLite2-ASN".
func (t *Table) Kind() string { return t.db.Metadata.DatabaseType }

// Built returns the instant at which the table was made.
func (t *Table) Built() time.Time { return t.db.Metadata.BuildTime().UTC() }

// String says which table this is and of what day.
func (t *Table) String() string {
	return fmt.Sprintf("%s (%s, %s)", t.source, t.Kind(), t.Built().Format(time.DateOnly))
}

// Locate answers from the record of an address, in the spellings of MaxMind, IPinfo and ip-location-db; 0 and "" where
// the table has none.
func (t *Table) Locate(a netip.Addr) (asn uint32, country string) {
	r := t.db.Lookup(a)
	if !r.Found() {
		return 0, ""
	}
	if r.DecodePath(&asn, "autonomous_system_number") != nil || asn == 0 {
		var text string
		if r.DecodePath(&text, "asn") == nil {
			var n uint32
			if _, err := fmt.Sscanf(strings.ToUpper(text), "AS%d", &n); err == nil {
				asn = n
			}
		}
	}
	for _, path := range [][]any{{"country", "iso_code"}, {"country_code"}, {"country"}, {"registered_country", "iso_code"}} {
		if r.DecodePath(&country, path...) == nil && len(country) == 2 {
			return asn, strings.ToUpper(country)
		}
		country = ""
	}
	return asn, ""
}

// LocateAll asks tables one after the other and takes the first AS number and the first country that one knows; nil
// without tables.
func LocateAll(tables ...*Table) Locate {
	if len(tables) == 0 {
		return nil
	}
	return func(a netip.Addr) (asn uint32, country string) {
		for _, t := range tables {
			n, c := t.Locate(a)
			if asn == 0 {
				asn = n
			}
			if country == "" {
				country = c
			}
		}
		return asn, country
	}
}
