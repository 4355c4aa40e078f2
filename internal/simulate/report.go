package simulate

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/ident"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Signal is one delivery of a feed.
type Signal struct {
	Feed ident.Feed
	Name string
	Body []byte
}

const common = "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector"

// headers of the reports that the simulation writes, as Shadowserver publishes them.
var headers = map[string]string{
	"scan_telnet": common + ",banner",
	"scan_rdp": common + ",handshake,rdp_protocol,cert_length,subject_common_name,issuer_common_name,cert_issue_date," +
		"cert_expiration_date,sha1_fingerprint,cert_serial_number,ssl_version,signature_algorithm,key_algorithm," +
		"sha256_fingerprint,sha512_fingerprint,md5_fingerprint,tlsv13_support,tlsv13_cipher,jarm",
	"scan_smb":     common + ",arch,key,smb_major_number,smb_minor_number,smb_revision,smb_version_string",
	"scan_mongodb": common + ",version,gitversion,sysinfo,opensslversion,allocator,javascriptengine,bits,maxbsonobjectsize,ok,visible_databases",
	"scan_redis": common + ",version,git_sha1,git_dirty_flag,build_id,mode,os,architecture,multiplexing_api,gcc_version," +
		"process_id,run_id,uptime,connected_clients",
	"scan_snmp": common + ",device_vendor,device_type,device_model,device_version,device_sector,version,sysname,sysdesc,community," +
		"response_size,amplification,uptime,mac_address,vendor_id,vendor",
	"scan_dns": common + ",dns_version,min_amplification",
	"scan_ics": common + ",device_vendor,device_type,device_model,device_version,device_sector,device_id,response_size,raw_response",
	"compromised_website": common + ",application,url,http_host,category,system,detected_since,server,redirect_target,cc_url,family," +
		"status,account,detail,public_source",
	"event4_sinkhole": "timestamp,severity,protocol,src_ip,src_port,src_asn,src_geo,src_region,src_city,src_hostname,src_naics," +
		"src_sector,device_vendor,device_type,device_model,dst_ip,dst_port,dst_asn,dst_geo,dst_region,dst_city,dst_hostname," +
		"dst_naics,dst_sector,domain_source,public_source,infection,family,tag,application,version,event_id",
	"event4_honeypot_brute_force": "timestamp,severity,protocol,src_ip,src_port,src_asn,src_geo,src_region,src_city,src_hostname," +
		"src_naics,src_sector,device_vendor,device_type,device_model,dst_ip,dst_port,dst_asn,dst_geo,dst_region,dst_city," +
		"dst_hostname,dst_naics,dst_sector,public_source,infection,family,tag,application,version,event_id,service,start_time," +
		"end_time,client_version,username,password,payload_url,payload_md5",
}

// detailColumn is where a report says what the problem's detail holds.
var detailColumn = map[string]string{
	"scan_telnet": "banner", "scan_rdp": "handshake", "scan_smb": "smb_version_string", "scan_mongodb": "version", "scan_redis": "version",
	"scan_snmp": "community", "scan_dns": "min_amplification", "scan_ics": "tag", "compromised_website": "category",
	"event4_sinkhole": "infection", "event4_honeypot_brute_force": "service",
}

// udp are the reports about services over UDP.
var udp = map[string]bool{"scan_snmp": true, "scan_dns": true}

// severities that the reports carry.
var severities = map[string]string{
	"scan_telnet": "high", "scan_rdp": "high", "scan_smb": "critical", "scan_mongodb": "critical", "scan_redis": "critical", "scan_snmp": "medium",
	"scan_dns": "medium", "scan_ics": "high", "compromised_website": "critical", "event4_sinkhole": "critical",
	"event4_honeypot_brute_force": "critical",
}

// Days returns the number of days from the first report to today.
func (p *Province) Days() int { return p.days }

// Day returns the UTC midnight on which day d begins.
func (p *Province) Day(d int) time.Time { return p.start.AddDate(0, 0, d) }

// Signals returns what arrives on day d: the Shadowserver reports of the day before in one zip, once a week a
// blocklist, and now and then the result of a re-check.
func (p *Province) Signals(d int) ([]Signal, error) {
	r := rand.New(rand.NewPCG(Seed, uint64(1000+d)))
	rows := map[string][][]string{}
	for i := range p.problems {
		if one := &p.problems[i]; one.seen(r, d-1) {
			rows[one.report] = append(rows[one.report], p.row(one, r, d-1))
		}
	}
	var pack bytes.Buffer
	z := zip.NewWriter(&pack)
	for _, report := range reports() {
		if len(rows[report]) == 0 {
			continue
		}
		if r.IntN(150) == 0 {
			rows[report] = append(rows[report], broken(report)) // a line that lost its address on the way
		}
		w, err := z.Create(fmt.Sprintf("%s-%s-aurelia.csv", p.Day(d-1).Format(time.DateOnly), report))
		if err != nil {
			return nil, err
		}
		c := csv.NewWriter(w)
		if err := c.Write(strings.Split(headers[report], ",")); err != nil {
			return nil, err
		}
		if err := c.WriteAll(rows[report]); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	out := []Signal{{"shadowserver", p.Day(d-1).Format(time.DateOnly) + "-reports.zip", pack.Bytes()}}
	if d%7 == 0 {
		out = append(out, Signal{"ipsum", "ipsum.txt", p.blocklist(r, d)})
	}
	if d%10 == 5 {
		out = append(out, Signal{"recheck", "recheck.csv", p.recheck(d)})
	}
	return out, nil
}

// reports returns the report types in the order in which they arrive.
func reports() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.report)
	}
	slices.Sort(names)
	return names
}

// row writes one observation in the columns of its report.
func (p *Province) row(one *problem, r *rand.Rand, day int) []string {
	at := p.Day(day).Add(time.Duration(r.IntN(86400)) * time.Second)
	region, host := "", ""
	if one.member >= 0 {
		m := &p.Members[one.member]
		region, host = m.Region, "h"+itoa(one.port)+"."+string(m.ID)+".example"
	}
	protocol := "tcp"
	if udp[one.report] {
		protocol = "udp"
	}
	cells := map[string]string{
		"timestamp": at.Format(time.DateTime), "severity": severities[one.report], "ip": one.ip, "src_ip": one.ip, "protocol": protocol,
		"port": itoa(one.port), "src_port": itoa(1024 + r.IntN(60000)), "hostname": host, "src_hostname": host, "geo": "ZZ", "src_geo": "ZZ",
		"region": region, "src_region": region, "dst_ip": "192.0.2.53", "dst_port": "80", "asn": "64511", "src_asn": "64511", "dst_asn": "64510",
		"tag": strings.TrimPrefix(one.report, "scan_"),
	}
	if one.report == "compromised_website" {
		cells["url"], cells["http_host"] = "/wp-content/", host
	}
	if one.report == "event4_honeypot_brute_force" {
		cells["username"], cells["password"] = "root", "hunter2"
	}
	cells[detailColumn[one.report]] = one.detail
	names := strings.Split(headers[one.report], ",")
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = cells[n]
	}
	return out
}

// broken is a row without an address.
func broken(report string) []string {
	n := strings.Count(headers[report], ",") + 1
	out := make([]string, n)
	out[0] = "not a time"
	return out
}

// blocklist lists hosts of which others complained.
func (p *Province) blocklist(r *rand.Rand, d int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# simulated list of suspicious addresses\n# %s\n#\n", p.Day(d).Format(time.DateOnly))
	for i := range p.problems {
		if one := &p.problems[i]; one.report == "event4_honeypot_brute_force" && one.seen(r, d) {
			fmt.Fprintf(&b, "%s\t%d\n", one.ip, 1+r.IntN(8))
		}
	}
	return b.Bytes()
}

// recheck tells of services that the desk's own look found gone.
func (p *Province) recheck(d int) []byte {
	var b bytes.Buffer
	b.WriteString("ip,port,transport,identifier,type,result,checked_at\n")
	for i := range p.problems {
		one := &p.problems[i]
		if one.report != "scan_rdp" || one.to > d || one.to < d-8 {
			continue
		}
		fmt.Fprintf(&b, "%s,%d,tcp,open-rdp,vulnerable-system,gone,%s\n", one.ip, one.port, p.Day(d).Add(3*time.Hour).Format(time.RFC3339))
	}
	return b.Bytes()
}
