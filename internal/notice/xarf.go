package notice

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/ident"
)

// xarfTypes are the categories of XARF 4 with those of their types that name a technical harm; the rest (speech,
// offences by content) is outside the remit. Both spellings that versions 4.0 to 4.2 use are here.
var xarfTypes = map[string][]string{
	"messaging": {"spam", "bulk_messaging"},
	"connection": {
		"login_attack", "port_scan", "ddos", "ddos_amplification", "auth_failure", "sql_injection", "vuln_scanning",
		"vulnerability_scan", "reconnaissance", "scraping", "bot", "infected_host",
	},
	"vulnerability":  {"cve", "open", "open_service", "misconfiguration"},
	"content":        {"phishing", "malware", "fraud", "exposed_data", "remote_compromise", "suspicious_registration", "brand_infringement"},
	"infrastructure": {"botnet", "bot", "compromised_server"},
	"reputation":     {"blocklist", "threat_intelligence"},
	"copyright":      {"copyright"},
}

// xarfVersion is the version of the core schema that the reports follow.
const xarfVersion = "4.0.0"

var cveID = regexp.MustCompile(`(?i)^cve-[0-9]{4}-[0-9]{4,}$`)

type xarfContact struct {
	Org     string `json:"org"`
	Contact string `json:"contact"`
	Domain  string `json:"domain"`
}

type xarfEvidence struct {
	ContentType string `json:"content_type"`
	Description string `json:"description"`
	Payload     string `json:"payload"`
	Hash        string `json:"hash"`
	Size        int    `json:"size"`
}

// xarfReport follows xarf-core.json (https://xarf.org/schemas/v4/); the members after Confidence are those that the
// schemas of single types ask for.
type xarfReport struct {
	Version     string         `json:"xarf_version"`
	ID          string         `json:"report_id"`
	Timestamp   string         `json:"timestamp"`
	Reporter    xarfContact    `json:"reporter"`
	Sender      xarfContact    `json:"sender"`
	Source      string         `json:"source_identifier"`
	Port        int            `json:"source_port,omitempty"`
	Category    string         `json:"category"`
	Type        string         `json:"type"`
	Description string         `json:"description"`
	EvidenceBy  string         `json:"evidence_source,omitempty"`
	Evidence    []xarfEvidence `json:"evidence"`
	Tags        []string       `json:"tags"`

	Destination        string `json:"destination_ip,omitempty"`
	DestinationPort    int    `json:"destination_port,omitempty"`
	Service            string `json:"service,omitempty"`
	ServicePort        int    `json:"service_port,omitempty"`
	CVE                string `json:"cve_id,omitempty"`
	Protocol           string `json:"protocol,omitempty"`
	FirstSeen          string `json:"first_seen"`
	LastSeen           string `json:"last_seen"`
	URL                string `json:"url,omitempty"`
	MalwareFamily      string `json:"malware_family,omitempty"`
	CompromiseEvidence string `json:"compromise_evidence,omitempty"`
	CompromiseType     string `json:"compromise_type,omitempty"`
	ThreatType         string `json:"threat_type,omitempty"`
}

// XARF returns xarf.json: an array with one XARF 4 report per sighting that is told, per finding where none is. A report's id
// depends only on notice, finding and sighting, so that sending again makes no second report.
func (l *Letter) XARF() ([]byte, error) {
	reports := make([]xarfReport, 0, len(l.Items))
	told := l.told()
	for _, it := range l.Items {
		rows := told[it.ID].Rows
		for i, e := range l.eventsOf(it, rows) {
			r, err := l.report(it, e)
			if err != nil {
				return nil, fmt.Errorf("write finding %d as a XARF report: %w", it.ID, err)
			}
			if len(rows) > 0 {
				r.sighted(l.Notice.ID, it.ID, i, rows[i])
			}
			reports = append(reports, r)
		}
	}
	return json.MarshalIndent(reports, "", " ")
}

// sighted makes the report of a finding that of its i-th sighting: the time and the port of the connection.
func (r *xarfReport) sighted(n ident.Notice, id ident.Finding, i int, s Sighting) {
	r.Timestamp = s.Time()
	if i > 0 {
		r.ID = reportID(fmt.Sprintf("%s\n%s\n%s", n, s.Time(), s.Fields["source.port"]), int64(id)*sightingsTold+int64(i))
	}
	if port, err := strconv.Atoi(s.Fields["source.port"]); err == nil {
		r.Port = port
	}
	r.Destination = s.Fields["destination.ip"]
	if port, err := strconv.Atoi(s.Fields["destination.port"]); err == nil {
		r.DestinationPort = port
	}
	if p := s.Fields["protocol.transport"]; r.Protocol == "" && (p == "tcp" || p == "udp") {
		r.Protocol = p
	}
}

func (l *Letter) report(it Item, e map[string]any) (xarfReport, error) {
	payload, err := json.Marshal(e)
	if err != nil {
		return xarfReport{}, err
	}
	sum := sha256.Sum256(payload)
	_, domain, _ := strings.Cut(l.Sender.Mail, "@")
	who := xarfContact{Org: clipRunes(l.Sender.Name, 200), Contact: l.Sender.Mail, Domain: domain}
	id := it.Identity
	r := xarfReport{
		Version: xarfVersion, ID: reportID(string(l.Notice.ID), int64(it.ID)), Timestamp: utc(it.Last),
		Reporter: who, Sender: who, Source: sourceOf(id.Asset), Port: int(id.Port),
		Category: it.Class.XARF.Category, Type: it.Class.XARF.Type, Description: clipRunes(it.Class.Title.EN, 1000),
		FirstSeen: utc(it.First), LastSeen: utc(it.Last), MalwareFamily: clipRunes(id.Malware, 200),
		Evidence: []xarfEvidence{{
			ContentType: "application/json", Description: "The finding as an IntelMQ event",
			Payload: base64.StdEncoding.EncodeToString(payload), Hash: "sha256:" + hex.EncodeToString(sum[:]), Size: len(payload),
		}},
		Tags: []string{"tocsin:" + tag(it.Class.Class), "rsit:" + tag(id.Type), "tlp:" + it.TLP.Word()},
	}
	if r.Category == "" {
		r.Category, r.Type = xarfOf(id.Type)
	}
	r.fill(it)
	return r, nil
}

// fill adds what the schema of the report's type asks for, as far as the finding knows it.
func (r *xarfReport) fill(it Item) {
	id := it.Identity
	switch r.Category {
	case "vulnerability":
		r.Service, r.ServicePort, r.EvidenceBy = it.Class.Class, int(id.Port), "automated_scan"
		if r.Type == "cve" {
			r.EvidenceBy = "vulnerability_scan"
			if cveID.MatchString(id.Identifier) && id.Port != 0 {
				r.CVE = strings.ToUpper(id.Identifier)
			} else {
				r.Type, r.EvidenceBy = "misconfiguration", "automated_scan" // a CVE report must name one CVE and a port
			}
		}
	case "connection":
		if id.Transport == "tcp" || id.Transport == "udp" || id.Transport == "icmp" || id.Transport == "sctp" {
			r.Protocol = id.Transport
		}
	case "content":
		if id.Asset.Kind == asset.URL {
			r.URL = id.Asset.Value
		}
	case "infrastructure":
		r.CompromiseEvidence = it.Class.Title.EN
		if r.Type == "compromised_server" {
			r.CompromiseType = "malware"
			if strings.Contains(id.Identifier, "webshell") {
				r.CompromiseType = "webshell"
			}
		}
	case "reputation":
		r.ThreatType, r.EvidenceBy = id.Type, "threat_intelligence"
	}
}

// xarfOf returns the category and type for a class that names none.
func xarfOf(typ string) (category, xtype string) {
	switch typ {
	case "spam":
		return "messaging", "spam"
	case "scanner":
		return "connection", "port_scan"
	case "brute-force":
		return "connection", "login_attack"
	case "ddos", "dos":
		return "connection", "ddos"
	case "ddos-amplifier":
		return "vulnerability", "open"
	case "phishing":
		return "content", "phishing"
	case "malware-distribution":
		return "content", "malware"
	case "infected-system", "c2-server":
		return "infrastructure", "botnet"
	case "system-compromise":
		return "infrastructure", "compromised_server"
	}
	switch event.Taxonomy(typ) {
	case "vulnerable":
		return "vulnerability", "misconfiguration"
	case "malicious-code":
		return "infrastructure", "botnet"
	case "intrusions":
		return "infrastructure", "compromised_server"
	}
	return "reputation", "threat_intelligence"
}

// sourceOf names the source as XARF wants it: an address, a domain or another identifier, not a URL.
func sourceOf(a asset.Asset) string {
	switch a.Kind {
	case asset.URL:
		if h := asset.Host(a.Value); h != "" {
			return h
		}
	case asset.ASN:
		return "AS" + strings.TrimPrefix(a.Value, "AS")
	case asset.IP, asset.Prefix, asset.Domain, asset.Account:
	}
	return a.Value
}

// tag keeps the characters that a XARF tag may have.
func tag(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
}

// reportID is a UUID of version 4's shape made from what it names.
func reportID(notice string, id int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "tocsin xarf report 1\n%s\n%d", notice, id))
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
