// Package simulate makes the fictitious province of the demonstration: regions, parties, and the signals that feeds
// would send about them, day by day, from a fixed seed.
//
// Pure: it writes bytes in the real formats and decides how each party behaves; the demonstration sends the bytes
// through the real intake. Addresses are those reserved for documentation and benchmarks (RFC 2544, RFC 5737,
// RFC 3849, RFC 5398), names end in .example (RFC 2606).
package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/party"
)

// Seed of the demonstration.
const Seed = 20261123

// Conduct is how a party deals with notices.
type Conduct int

// Conducts.
const (
	Prompt   Conduct = iota // answers within a day, mends within a week
	Slow                    // answers within days, mends within weeks
	Silent                  // never answers; some things go away all the same
	Hopeful                 // says "fixed" at once and often is wrong
	Disputes                // says "not mine" or "wrong"
)

// Member is a party with what the simulation knows about it.
type Member struct {
	party.Party
	Conduct Conduct
	net     int // third octet group of its prefix in 198.18.0.0/15
}

// Province is the whole fictitious jurisdiction.
type Province struct {
	Regions  []party.Region
	Members  []Member
	problems []problem
	start    time.Time
	days     int
}

var regions = []party.Region{
	{ID: "XA", NameEN: "Province of Aurelia", NameZH: "奥雷利亚省", Default: "aurelia-csirt"},
	{ID: "XA-01", Parent: "XA", NameEN: "Harbour District", NameZH: "港湾区", Tile: party.Tile{Column: 3, Row: 2}},
	{ID: "XA-02", Parent: "XA", NameEN: "Old Town", NameZH: "老城区", Tile: party.Tile{Column: 2, Row: 2}},
	{ID: "XA-03", Parent: "XA", NameEN: "Northern Hills", NameZH: "北岭县", Tile: party.Tile{Column: 2, Row: 1}},
	{ID: "XA-04", Parent: "XA", NameEN: "River Plain", NameZH: "河原县", Tile: party.Tile{Column: 2, Row: 3}},
	{ID: "XA-05", Parent: "XA", NameEN: "Lake County", NameZH: "湖滨县", Tile: party.Tile{Column: 1, Row: 2}},
}

// sectors and the names of their parties.
var sectors = []struct {
	sector, kind string
	names        []string
}{
	{"health", "institution", []string{
		"City Hospital", "Lakeside Clinic", "Hill Valley Hospital", "Children's Hospital", "Harbour Dialysis", "River Plain Care", "Aurelia Blood Bank", "Northern Ambulance",
	}},
	{"education", "institution", []string{
		"University of Aurelia", "Technical College", "Harbour School Board", "Lake County Schools", "Music Academy", "Aurelia Library Network", "Northern Institute", "Teachers College",
	}},
	{"energy", "operator", []string{
		"Aurelia Power", "Hill Wind", "Harbour Gas", "River Hydro", "Lake Solar", "District Heat", "Grid Services",
	}},
	{"water", "operator", []string{"Aurelia Water", "River Plain Sewage", "Lake Water Board", "Harbour Desalination", "Northern Springs"}},
	{"finance", "company", []string{
		"Harbour Bank", "Savings Union", "Aurelia Insurance", "Old Town Credit", "Payments House", "River Leasing", "Farmers Bank",
	}},
	{"administration", "authority", []string{
		"City of Aurelia", "Harbour District Office", "Northern Hills Office", "River Plain Office", "Lake County Office", "Land Registry", "Tax Office", "Provincial Court", "Traffic Department",
	}},
	{"transport", "operator", []string{"Aurelia Airport", "Harbour Authority", "Tram Company", "River Ferries", "Northern Rail", "Freight Yard", "Taxi Union"}},
	{"telecom", "operator", []string{"AureliaNet", "Harbour Telecom", "Lake Cable", "Hill Wireless", "Old Town Hosting", "River Fibre", "Campus Net", "DataCentre North", "Cloud Aurelia"}},
}

// NewProvince makes the province with days days of problems that end at today.
func NewProvince(today time.Time, days int) *Province {
	p := &Province{Regions: regions, start: today.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days), days: days}
	r := rand.New(rand.NewPCG(Seed, 1))
	for _, s := range sectors {
		for _, name := range s.names {
			p.Members = append(p.Members, p.member(r, s.sector, s.kind, name))
		}
	}
	p.Members[0].Conduct = Slow
	p.problems = p.happen(r)
	return p
}

// Parties returns the parties with the authority itself.
func (p *Province) Parties() []party.Party {
	out := []party.Party{{
		ID: "aurelia-csirt", Name: "CSIRT Aurelia", Kind: "csirt", Sector: "administration", Region: "XA", Language: "en", Rank: 100,
		Contacts: []party.Contact{{ID: "aurelia-csirt-desk", Role: party.Security, Name: "Desk", Mail: "desk@csirt.aurelia.example"}},
	}}
	for _, m := range p.Members {
		out = append(out, m.Party)
	}
	return out
}

func (p *Province) member(r *rand.Rand, sector, kind, name string) Member {
	n := len(p.Members)
	id := slug(name)
	region := regions[1+r.IntN(len(regions)-1)].ID
	language := "en"
	if r.IntN(3) == 0 {
		language = "zh"
	}
	m := Member{net: n * 4, Conduct: []Conduct{Prompt, Prompt, Slow, Slow, Silent, Hopeful, Disputes}[r.IntN(7)]}
	m.Party = party.Party{
		ID: ident.Party(id), Name: name, Kind: kind, Sector: sector, Region: region, Language: language, Rank: 100,
		Contacts: []party.Contact{
			{ID: id + "-security", Role: party.Security, Name: "Security", Mail: "security@" + id + ".example"},
			{ID: id + "-backup", Role: party.Backup, Name: "Management", Mail: "office@" + id + ".example"},
		},
		Resources: []party.Resource{
			p.resource(id, party.Prefix, m.prefix(), r),
			p.resource(id, party.Domain, id+".example", r),
		},
		Systems: []party.System{},
	}
	if sector == "telecom" {
		m.Resources = append(m.Resources, p.resource(id, party.ASN, fmt.Sprint(64496+n%16), r))
	}
	return m
}

func (p *Province) resource(id string, kind party.ResourceKind, value string, r *rand.Rand) party.Resource {
	res := party.Resource{
		ID: fmt.Sprintf("%s-%s", id, kind), Kind: kind, Value: value, Source: "manual", From: p.start.AddDate(-1, 0, 0),
	}
	if r.IntN(4) > 0 {
		res.Verified = p.start.AddDate(0, -r.IntN(10), 0)
	}
	return res
}

// prefix is the member's own /23 in 198.18.0.0/15.
func (m *Member) prefix() string { return fmt.Sprintf("198.%d.%d.0/23", 18+m.net>>8, m.net&255) }

// host returns the address of the member's host i.
func (m *Member) host(i int) string {
	return fmt.Sprintf("198.%d.%d.%d", 18+m.net>>8, m.net&255+i/250, 1+i%250)
}

// slug makes an id of a name.
func slug(name string) string {
	out := make([]byte, 0, len(name))
	for _, c := range []byte(name) {
		switch {
		case c >= 'A' && c <= 'Z':
			out = append(out, c+'a'-'A')
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			out = append(out, c)
		case c == ' ':
			out = append(out, '-')
		}
	}
	return string(out)
}
