package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

// header is the real header of a Shadowserver Accessible SIP report: 30 columns.
const header = `"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","region","city","naics",` +
	`"hostname_source","sector","sip","sip_code","sip_reason","user_agent","sip_via","sip_to","sip_from","content_length",` +
	`"content_type","server","contact","cseq","call_id","allow","amplification","response_size"` + "\n"

// seed of every generated file.
const seed = 20261123

// mix describes a file: rows observations on one day, of which share (0 to 1) are of the known findings 0 to known-1
// and the rest of findings from fresh on.
type mix struct {
	rows, known, fresh int
	share              float64
	random             bool // order of the known ones: random, or that of the day before
	day                time.Time
}

// generate writes a report. A finding k is an address of 198.18.0.0/15 (RFC 2544) and a port.
func generate(path string, m mix) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.WriteString(header); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, uint64(m.rows)))
	known, fresh, due := 0, m.fresh, 0.0
	row := make([]byte, 0, 600)
	for i := range m.rows {
		k := fresh
		if due += m.share; due >= 1-1e-9 && m.known > 0 {
			due--
			k = known % m.known
			if m.random {
				k = r.IntN(m.known)
			}
			known++
		} else {
			fresh++
		}
		row = appendRow(row[:0], k, m.day.Add(time.Duration(i*86399/m.rows)*time.Second))
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func appendRow(b []byte, k int, at time.Time) []byte {
	ip, port := k%131072, 1+k/131072
	address := fmt.Appendf(nil, "198.%d.%d.%d", 18+ip>>16, ip>>8&255, ip&255)
	b = append(b, '"')
	b = at.AppendFormat(b, time.DateTime)
	b = append(b, `","medium","`...)
	b = append(b, address...)
	b = append(b, `","udp","`...)
	b = strconv.AppendInt(b, int64(port), 10)
	b = append(b, `","host-`...)
	b = strconv.AppendInt(b, int64(ip), 10)
	b = append(b, `.example.net","sip","64496","ZZ","EXAMPLE REGION","EXAMPLE CITY","517311","ptr","Communications","SIP/2.0","200","OK",`...)
	b = append(b, `"ExamplePhone ""X1"", 4.2","SIP/2.0/UDP `...)
	b = append(b, address...)
	b = append(b, `:5060;branch=z9hG4bK-`...)
	b = strconv.AppendInt(b, int64(k), 16)
	b = append(b, `","<sip:nm@nm>;tag=root","<sip:nm2@nm2>","0","","","<sip:`...)
	b = append(b, address...)
	b = append(b, `>","42 OPTIONS","50000","INVITE, ACK, CANCEL, OPTIONS, BYE","1.6","`...)
	b = strconv.AppendInt(b, int64(300+k%200), 10)
	return append(b, "\"\n"...)
}
