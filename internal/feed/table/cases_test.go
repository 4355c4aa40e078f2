package table_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"tocsin/internal/feed"
	"tocsin/internal/feed/format"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

// tally reads a part to its end: values of one field, and the reasons of what was kept aside.
func tally(t *testing.T, pack, name, field string, r io.Reader) (values, aside []string) {
	t.Helper()
	all, err := feed.ReadPacks(packs.Feeds())
	if err != nil {
		t.Fatal(err)
	}
	p, ok := all.Pack(pack)
	if !ok {
		t.Fatalf("no pack %s", pack)
	}
	part, err := format.Open(p, name, r, feed.Options{Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := part.Next(3)
		if errors.Is(err, io.EOF) {
			return values, aside
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Bad {
			aside = append(aside, b.Bad[i].Reject.Error())
		}
		for _, rec := range b.Records {
			ev, err := part.Decoder.Event(rec)
			if err != nil {
				aside = append(aside, err.Error())
				continue
			}
			values = append(values, ev.Text(field))
		}
		b.Release()
	}
}

func caseFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../../../shared/data/cases/" + name)
	if os.IsNotExist(err) {
		testkit.Missing(t, "shared/data/cases is not beside the checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What spreadsheets add to a table is no row of it: a line that says the separator, and rows without one filled cell.
func TestSeparatorAndEmptyRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"a separator line": {caseFile(t, "excel-sep-line/feed.csv"), "192.0.2.181"},
		"another separator": {
			"sep=;\r\ntime.source;source.ip;classification.type\r\n2026-11-23T05:12:13Z;192.0.2.1;\"vulnerable-system\"\r\n;;\r\n;;;;;\r\n ; ; \r\n" +
				"2026-11-23T05:12:13Z;192.0.2.2;vulnerable-system\r\n", "192.0.2.1 192.0.2.2",
		},
	} {
		values, aside := tally(t, "generic-csv", "x.csv", "source.ip", strings.NewReader(c.body))
		if got := strings.Join(values, " "); got != c.want || len(aside) > 0 {
			t.Errorf("%s: %s, kept aside %q", name, got, aside)
		}
	}
}

// Every spelling of an address is one, and the reason of a row without one names the cell and its value.
func TestAddressForms(t *testing.T) {
	t.Parallel()
	values, aside := tally(t, "generic-csv", "x.csv", "source.ip", strings.NewReader(caseFile(t, "ip-forms/ips.csv")))
	if got := strings.Join(values, " "); got != "2001:db8::1 2001:db8::1 192.0.2.50 192.0.2.50 192.0.2.53" {
		t.Errorf("addresses %s", got)
	}
	bad := []string{
		"fe80::1%eth0", "[2001:db8::2]", "[2001:db8::3]:23", "192.0.2.51:23", "192.000.002.052", "3221226038", "0.0.0.0", "192.0.2.55, 192.0.2.56", "192.0.2.010",
	}
	if len(aside) != len(bad) {
		t.Fatalf("kept aside are %q", aside)
	}
	for i, want := range bad {
		if !strings.HasPrefix(aside[i], `source.ip: "`+want+`" is `) {
			t.Errorf("row of %s: %s", want, aside[i])
		}
	}
}

// A separator inside the one column that may hold some is part of its text, wherever in it; a row that lacks a cell is kept aside.
func TestSeparatorInText(t *testing.T) {
	t.Parallel()
	row := func(name string) string {
		return "64496  |  " + name + "  |  192.0.2.1  |  2026-11-20 10:00:00  |  sshclient\n"
	}
	body := row("ACME, ZZ") + row("ACME | Sons | Bros, ZZ") + row("|") + row("") + "64496  |  192.0.2.1  |  2026-11-20 10:00:00  |  sshclient\n"
	for field, want := range map[string]string{"source.as_name": "ACME, ZZ/ACME | Sons | Bros, ZZ/|/", "source.ip": "192.0.2.1/192.0.2.1/192.0.2.1/192.0.2.1"} {
		values, aside := tally(t, "dataplane-sshclient", "sshclient.txt", field, strings.NewReader(body))
		if got := strings.Join(values, "/"); got != want || len(aside) != 1 || aside[0] != "4 cells where the header has 5" {
			t.Errorf("%s: %q, kept aside %q", field, got, aside)
		}
	}
}
