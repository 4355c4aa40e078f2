package simulate

import (
	"math/rand/v2"

	"tocsin/internal/ident"
)

// problem is one thing wrong at one address, from one day to another.
type problem struct {
	member  int // index of the member; -1: an address that nobody claims
	ip      string
	report  string
	port    int
	detail  string // what the report says beyond the address
	from    int    // first day
	to      int    // day on which it is gone; beyond the end = still there
	back    int    // day on which it comes back; 0 = never
	patient float64
}

// seen reports whether a look on day finds the problem. A scanner misses one look in twenty.
func (p *problem) seen(r *rand.Rand, day int) bool {
	there := day >= p.from && day < p.to || p.back > 0 && day >= p.back
	return there && r.Float64() < p.patient
}

// kinds of problem, how common each is, and where it sits.
var kinds = []struct {
	report string
	weight int
	port   int
	detail []string
}{
	{"scan_telnet", 14, 23, []string{"login: ", "router login: "}},
	{"scan_rdp", 14, 3389, []string{"SSL"}},
	{"scan_smb", 8, 445, []string{"SMB 2.1"}},
	{"scan_mongodb", 5, 27017, []string{"4.0.2", "3.6.8"}},
	{"scan_redis", 5, 6379, []string{"5.0.7"}},
	{"scan_snmp", 10, 161, []string{"public"}},
	{"scan_dns", 8, 53, []string{"1.38"}},
	{"scan_ics", 3, 502, []string{"modbus"}},
	{"event4_sinkhole", 16, 0, []string{"avalanche-andromeda", "m0yv", "mirai", "qakbot"}},
	{"event4_honeypot_brute_force", 8, 0, []string{"ssh", "telnet"}},
	{"compromised_website", 6, 443, []string{"webshell", "injected-script"}},
}

// happen draws every problem of the province.
func (p *Province) happen(r *rand.Rand) []problem {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	var out []problem
	for i := range p.Members {
		many := 1 + r.IntN(5)
		if p.Members[i].Sector == "telecom" {
			many += 12
		}
		for range many {
			out = append(out, p.draw(r, i, total))
		}
	}
	for _, report := range []string{"scan_telnet", "scan_rdp"} { // the first member has something to answer
		one := p.draw(r, 0, total)
		one.report, one.port, one.detail, one.from, one.to, one.back = report, 3389, "SSL", p.days-1, 10*p.days, 0
		if report == "scan_telnet" {
			one.port, one.detail = 23, "router login: "
		}
		out = append(out, one)
	}
	for range 25 {
		one := p.draw(r, 0, total)
		one.member, one.ip = -1, "203.0.113."+itoa(1+r.IntN(250))
		if r.IntN(4) == 0 { // nobody is told of these, so those that come back stay reopened
			one.from, one.to, one.back = 10+r.IntN(20), 40+r.IntN(20), p.days-r.IntN(8)
		}
		out = append(out, one)
	}
	return out
}

func (p *Province) draw(r *rand.Rand, member, total int) problem {
	pick := r.IntN(total)
	i := 0
	for ; pick >= kinds[i].weight; i++ {
		pick -= kinds[i].weight
	}
	k := kinds[i]
	m := &p.Members[member]
	one := problem{
		member: member, ip: m.host(r.IntN(400)), report: k.report, port: k.port, detail: k.detail[r.IntN(len(k.detail))],
		from: r.IntN(p.days + 1), patient: 0.95,
	}
	life := map[Conduct]int{Prompt: 10, Slow: 35, Silent: 90, Hopeful: 30, Disputes: 60}[m.Conduct]
	one.to = one.from + 4 + r.IntN(life)
	if r.IntN(12) == 0 {
		one.back = one.to + 12 + r.IntN(15)
	}
	if one.from == 0 {
		one.from = -1 // was there before the first report
	}
	return one
}

// Answer is what a member does about a notice: the day after it that something is said, and what.
type Answer struct {
	Days int
	What string // a kind of answer: acknowledge, start, fixed, not_mine, accept_risk, wrong
}

// Answers returns what a member says to a notice about a finding, in order. The same notice always gets the same.
func (m *Member) Answers(id ident.Finding) []Answer {
	r := rand.New(rand.NewPCG(Seed, uint64(id)))
	switch m.Conduct {
	case Prompt:
		return []Answer{{0, "acknowledge"}, {1 + r.IntN(2), "start"}, {3 + r.IntN(5), "fixed"}}
	case Slow:
		if r.IntN(6) == 0 {
			return []Answer{{2 + r.IntN(3), "accept_risk"}}
		}
		return []Answer{{1 + r.IntN(3), "acknowledge"}, {9 + r.IntN(8), "start"}, {20 + r.IntN(14), "fixed"}}
	case Hopeful:
		return []Answer{{1, "fixed"}}
	case Disputes:
		if r.IntN(2) == 0 {
			return []Answer{{2, "wrong"}}
		}
		return []Answer{{2, "not_mine"}}
	case Silent:
	}
	return nil
}
