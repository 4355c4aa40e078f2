package shadowserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"tocsin/internal/feed"
)

// benchHeader is that of scan_ssl's little sisters: 30 columns of a scan.
var benchHeader = "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,http,http_code,http_reason,content_type,connection,www_authenticate,set_cookie,server,content_length,transfer_encoding,http_date,version,device_vendor,device_type,device_model,device_version"

func benchRow(i int, quote string) string {
	q := quote
	sep := q + "," + q
	return q + fmt.Sprintf("2026-11-20 05:%02d:%02d", i/60%60, i%60) + sep + "medium" + sep + fmt.Sprintf("198.51.%d.%d", i>>8&255, i&255) +
		sep + "tcp" + sep + "8080" + sep + "host.example.net" + sep + "http" + sep + "64496" + sep + "XZ" + sep + "REGION" + sep + "CITY" + sep + "0" + sep + "ptr" +
		sep + "" + sep + "HTTP/1.1" + sep + "200" + sep + "OK" + sep + "text/html" + sep + "close" + sep + "" + sep + "" + sep + "nginx/1.24" + sep + "612" + sep + "" +
		sep + "2026-11-20 05:12:33" + sep + "" + sep + "Vendor" + sep + "router" + sep + "Model X" + sep + "1.2.3" + q + "\n"
}

func benchFile(rows int, quote string) []byte {
	var b bytes.Buffer
	b.WriteString(benchHeader + "\n")
	for i := range rows {
		b.WriteString(benchRow(i, quote))
	}
	return b.Bytes()
}

func benchPart(b *testing.B, quote string) (*feed.Part, []feed.Record) {
	b.Helper()
	p := open(b, "2026-11-20-scan_http-xz.csv", bytes.NewReader(benchFile(1000, quote)))
	batch, err := p.Next(1000)
	if err != nil {
		b.Fatal(err)
	}
	return p, batch.Records
}

func BenchmarkRow(b *testing.B) {
	for _, quote := range []string{"", `"`} {
		b.Run("quote="+quote, func(b *testing.B) {
			p, records := benchPart(b, quote)
			var scratch feed.Scratch
			b.ReportAllocs()
			b.SetBytes(int64(len(records[0].Bytes)))
			for i := 0; b.Loop(); i++ {
				if _, err := p.Decoder.Row(records[i%len(records)], &scratch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEvent(b *testing.B) {
	p, records := benchPart(b, `"`)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := p.Decoder.Event(records[i%len(records)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	p, records := benchPart(b, `"`)
	e, err := p.Decoder.Event(records[0])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		if buf, err = e.Encode(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCut(b *testing.B) {
	for _, quote := range []string{"", `"`} {
		b.Run("quote="+quote, func(b *testing.B) {
			const rows = 100_000
			data := benchFile(rows, quote)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				p := open(b, "2026-11-20-scan_http-xz.csv", bytes.NewReader(data))
				n := 0
				for {
					batch, err := p.Next(4096)
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					n += len(batch.Records)
					batch.Release()
				}
				if n != rows {
					b.Fatalf("%d rows, want %d", n, rows)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	data := benchFile(1, "")
	b.ReportAllocs()
	for b.Loop() {
		open(b, "2026-11-20-scan_http-xz.csv", bytes.NewReader(data))
	}
}
