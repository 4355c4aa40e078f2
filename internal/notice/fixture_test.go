package notice_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden compares have with a file under testdata.
func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), have); d != "" {
		t.Errorf("%s differs (-want +have):\n%s", path, d)
	}
}

const classFile = `version: 1
classes:
  - class: open-dns-resolver
    match: {identifier: [dns-open-resolver], report: [scan_dns], type: [ddos-amplifier]}
    severity: medium
    service: true
    absence_cycles: 3
    xarf: {category: vulnerability, type: open}
    title: {en: Open DNS resolver, zh: 开放的 DNS 解析器}
    what: {en: A name server on your network answers questions from anybody on the Internet., zh: 贵单位网络中的域名服务器响应互联网上任何人的查询。}
    risk: {en: Others can use it to flood third parties with traffic., zh: 他人可利用它向第三方发送大量流量。}
    fix: {en: [Answer only addresses of your own network., Close port 53 to the outside where nobody needs it.], zh: [仅响应本单位网络的地址。, 如无需要，请对外关闭 53 端口。]}
    check: {en: Ask the server for a name from outside; it must refuse., zh: 从外部向该服务器查询域名，应被拒绝。}
    references: [https://example.org/dns]
  - class: infected-host
    match: {type: [infected-system]}
    severity: high
    service: false
    absence_cycles: 5
    xarf: {category: infrastructure, type: botnet}
    title: {en: Infected computer, zh: 受感染的计算机}
    what: {en: A computer behind this address talked to a server that controls malicious software., zh: 该地址后的一台计算机与恶意软件的控制服务器通信。}
    risk: {en: Somebody else can read and change what is on it., zh: 他人可以读取和更改其中的数据。}
    fix: {en: [Find the computer by address and time., Take it off the network and install it anew.], zh: [根据地址和时间找到该计算机。, 断开网络并重新安装系统。]}
    check: {en: The address no longer contacts the server., zh: 该地址不再联系控制服务器。}
    references: []
`

func library(t testing.TB) *notice.Library {
	t.Helper()
	l, err := notice.LoadLibrary(fstest.MapFS{"test.yaml": {Data: []byte(classFile)}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var (
	shanghai = time.FixedZone("UTC+8", 8*3600)
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 0, shanghai)
	sender   = notice.Sender{
		Name: "CSIRT of the Province of Anhe", NameZH: "安和省网络安全应急中心", Mail: "csirt@anhe.example",
		URL: "https://csirt.anhe.example", Phone: "+86 10 5550 0100",
	}
)

// letter returns a letter about two findings of two classes.
func letter(t testing.TB, kind notice.Kind, language string) *notice.Letter {
	t.Helper()
	l := library(t)
	p := &party.Party{ID: "city-hospital", Name: "City Hospital", Language: language}
	c := &party.Contact{ID: "c1", Role: party.Security, Name: "Wang Fang", Mail: "security@hospital.example"}
	if language == "zh" {
		p.Name, c.Name = "市第一人民医院", "王芳"
	}
	items := []notice.Item{
		{
			ID: 12, Class: l.Named("open-dns-resolver"), Severity: event.Medium, State: finding.Open, Waiting: noon.Add(-time.Hour),
			Identity: finding.Identity{
				Asset: asset.Asset{Kind: asset.IP, Value: "192.0.2.53"}, Port: 53, Transport: "udp", Type: "ddos-amplifier",
				Identifier: "dns-open-resolver",
			},
			First: noon.Add(-72 * time.Hour), Last: noon.Add(-2 * time.Hour), Count: 3, TLP: marking.Clear,
		},
		{
			ID: 13, Class: l.Named("infected-host"), Severity: event.High, State: finding.Open, Waiting: noon.Add(-time.Hour),
			Identity: finding.Identity{
				Asset: asset.Asset{Kind: asset.IP, Value: "2001:db8::7"}, Type: "infected-system", Malware: "avalanche-andromeda",
			},
			First: noon.Add(-30 * time.Hour), Last: noon.Add(-3 * time.Hour), Count: 41, TLP: marking.Green,
		},
	}
	if kind == notice.Urgent {
		items = items[1:]
	}
	n := &notice.Notice{
		ID: "ntc_0123456789abcdefghjkmnpqrs", Party: p.ID, Contact: c.ID, Language: language, Kind: kind,
		TLP: marking.Green, Severity: notice.Worst(items), Created: noon, Rendition: 1, MessageID: "ntc_0123456789abcdefghjkmnpqrs@anhe.example",
	}
	n.Subject = notice.SubjectOf(n, p, items)
	until := noon.Add(notice.LinkLife)
	let := &notice.Letter{
		Notice: n, Party: p, Contact: c, Sender: sender, Items: items, Until: until, Zone: shanghai, Now: noon,
		Link: "https://tocsin.anhe.example/n/TOKEN", Rules: notice.Rulebook(notice.Rules{}),
	}
	if kind == notice.Reminder || kind == notice.Escalation {
		let.First, let.Thread = noon.Add(-72*time.Hour), "ntc_00000000000000000000000000@anhe.example"
	}
	return let
}

func ids(items []notice.Item) []ident.Finding {
	var out []ident.Finding
	for _, it := range items {
		out = append(out, it.ID)
	}
	return out
}
