package party_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tocsin/internal/party"
)

// mmdb makes the smallest MMDB file: one node that sends addresses below 128.0.0.0 (or 8000::) to record and leaves
// the rest empty.
func mmdb(kind string, record func(b *bytes.Buffer)) []byte {
	var b bytes.Buffer
	node := func(left, right uint32) {
		b.Write([]byte{byte(left >> 16), byte(left >> 8), byte(left), byte(right >> 16), byte(right >> 8), byte(right)})
	}
	node(1+16, 1) // record size 24: 1 node, so 1 is "nothing" and 1+16 the first byte of data
	b.Write(make([]byte, 16))
	record(&b)
	b.WriteString("\xab\xcd\xefMaxMind.com")
	fields(&b, 7)
	text(&b, "binary_format_major_version")
	number(&b, 5, 2)
	text(&b, "binary_format_minor_version")
	number(&b, 5, 0)
	text(&b, "build_epoch")
	b.Write([]byte{8, 2}) // 8 bytes of the extended type uint64
	_ = binary.Write(&b, binary.BigEndian, uint64(1_700_000_000))
	text(&b, "database_type")
	text(&b, kind)
	text(&b, "ip_version")
	number(&b, 5, 4)
	text(&b, "node_count")
	number(&b, 6, 1)
	text(&b, "record_size")
	number(&b, 5, 24)
	return b.Bytes()
}

func fields(b *bytes.Buffer, n int) { b.WriteByte(7<<5 | byte(n)) }

func text(b *bytes.Buffer, s string) {
	if len(s) < 29 {
		b.WriteByte(2<<5 | byte(len(s)))
	} else {
		b.Write([]byte{2<<5 | 29, byte(len(s) - 29)})
	}
	b.WriteString(s)
}

// number writes n as type 5 (uint16) or 6 (uint32).
func number(b *bytes.Buffer, kind byte, n uint32) {
	size := byte(4)
	if kind == 5 {
		size = 2
	}
	b.WriteByte(kind<<5 | size)
	if kind == 5 {
		_ = binary.Write(b, binary.BigEndian, uint16(n))
		return
	}
	_ = binary.Write(b, binary.BigEndian, n)
}

func TestTables(t *testing.T) {
	t.Parallel()
	open := func(kind string, record func(b *bytes.Buffer)) *party.Table {
		table, err := party.OpenTable(mmdb(kind, record), kind+".mmdb")
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	asn := open("GeoLite2-ASN", func(b *bytes.Buffer) {
		fields(b, 1)
		text(b, "autonomous_system_number")
		number(b, 6, 64496)
	})
	country := open("Country", func(b *bytes.Buffer) {
		fields(b, 1)
		text(b, "country")
		fields(b, 1)
		text(b, "iso_code")
		text(b, "XA")
	})
	flat := open("ipinfo", func(b *bytes.Buffer) {
		fields(b, 2)
		text(b, "asn")
		text(b, "AS64500")
		text(b, "country_code")
		text(b, "xb")
	})
	inside, outside := netip.MustParseAddr("100.64.0.1"), netip.MustParseAddr("203.0.113.1")
	for _, c := range []struct {
		locate party.Locate
		asn    uint32
		cc     string
	}{
		{asn.Locate, 64496, ""},
		{country.Locate, 0, "XA"},
		{flat.Locate, 64500, "XB"},
		{party.LocateAll(asn, country, flat), 64496, "XA"},
		{party.LocateAll(country, flat), 64500, "XA"},
	} {
		if n, cc := c.locate(inside); n != c.asn || cc != c.cc {
			t.Errorf("%d %q, want %d %q", n, cc, c.asn, c.cc)
		}
		if n, cc := c.locate(outside); n != 0 || cc != "" {
			t.Errorf("an address outside: %d %q", n, cc)
		}
	}
	if party.LocateAll() != nil {
		t.Error("no tables should locate nothing")
	}
	if got := asn.String(); got != "GeoLite2-ASN.mmdb (GeoLite2-ASN, 2023-11-14)" || !asn.Built().Equal(time.Unix(1_700_000_000, 0)) {
		t.Error(got)
	}
	if _, err := party.OpenTable([]byte("hello"), "x.mmdb"); err == nil || !strings.Contains(err.Error(), "x.mmdb is not an MMDB file") {
		t.Error(err)
	}
}
