package web_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"tocsin/internal/act/loop"
	"tocsin/internal/ident"
)

var (
	refusedPart = regexp.MustCompile(`(?s)<(p|div|li|td)[^>]*(?:role="alert"|class="(?:alert|mistake)[^"]*"|data-refused)[^>]*>(.*?)</(?:p|div|li|td)>`)
	errorPage   = regexp.MustCompile(`(?s)<main.*?</main>`)
	markup      = regexp.MustCompile(`(?s)<svg.*?</svg>|<code.*?</code>|<[^>]*>`)
	ofReader    = regexp.MustCompile(`“[^”]*”`) // what the reader wrote is repeated as it is
	latinWords  = regexp.MustCompile(`[A-Za-z]{2,}[ ,:]+[a-z]{2,}`)
)

// refusedIn returns what a page says against a form, without markup; of a page that has only that to say, all of it.
func refusedIn(body string) string {
	var out []string
	for _, m := range refusedPart.FindAllStringSubmatch(body, -1) {
		out = append(out, m[2])
	}
	if len(out) == 0 {
		out = append(out, errorPage.FindString(body))
	}
	return strings.Join(strings.Fields(html.UnescapeString(markup.ReplaceAllString(strings.Join(out, "\n"), " "))), " ")
}

// chinese fails where a text has no Chinese in it, or an English sentence beside it.
func chinese(t *testing.T, where, text string) {
	t.Helper()
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		t.Errorf("%s: no Chinese in %q", where, text)
	}
	if english := latinWords.FindString(ofReader.ReplaceAllString(text, "")); english != "" {
		t.Errorf("%s: %q in %q", where, english, text)
	}
}

// A form or an address that is refused says why in Chinese to a Chinese reader, and in English to others as before.
func TestRefusedInChinese(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	w.party("city-hospital")
	ada, hui, citizen := w.signedIn(ident.Authority, "zh"), w.signedIn("city-hospital", "zh"), w.visitor("zh")
	for _, c := range []struct {
		name    string
		who     *person
		path    string // with no form: a GET
		form    url.Values
		status  int
		chinese string
	}{
		{"desk: a unit without a name", ada, "/desk/people", form("unit", "name", ""), 422, "名称：应为 1 至 100 字节（一个汉字占 3 字节）。"},
		{"desk: an invitation without a mail address", ada, "/desk/people", form("invite", "name", "李波", "mail", "nobody", "language", "zh"), 422, "邮箱：“nobody”不是邮箱地址，应类似 security@example.org。"},
		{"desk: an invitation until no day", ada, "/desk/people", form("invite", "name", "李波", "mail", "b@c.example", "to", "tomorrow"), 422, "至：“tomorrow”不是日期，应写成 2026-11-23 的形式。"},
		{"desk: nothing like this", ada, "/desk/people", form("dance"), 422, "此处不能执行这一操作。"},
		{"desk: a feed without a slug", ada, "/desk/feeds", url.Values{"id": {"A B"}, "pack": {"intelmq"}}, 422, "标识：“A B”不符合要求，应为最多 64 个字符的小写字母、数字、“-”“_”“.”。"},
		{"desk: a feed of no pack", ada, "/desk/feeds", url.Values{"id": {"a"}, "pack": {"none"}}, 422, "解析包：没有名为“none”的解析包。"},
		{"desk: a feed that is RED", ada, "/desk/feeds", url.Values{"id": {"a"}, "pack": {"intelmq"}, "tlp": {"red"}}, 422, "RED 须指名人员"},
		{"desk: no marking", ada, "/desk/feeds", url.Values{"id": {"a"}, "pack": {"intelmq"}, "tlp": {"pink"}}, 422, "标记：“pink”不是 TLP:CLEAR"},
		{"desk: a feed from nowhere", ada, "/desk/feeds", url.Values{"id": {"a"}, "pack": {"intelmq"}, "poll": {"ftp://x"}}, 422, "抓取地址：应为含主机名的"},
		{"desk: an empty sample", ada, "/desk/feeds/new", url.Values{"pack": {"intelmq"}, "sample": {" "}}, 422, "样本：请粘贴几行样本。"},
		{"desk: a sample of no report", ada, "/desk/feeds/new", url.Values{"pack": {"shadowserver"}, "sample": {"a,b\n1,2"}}, 200, "从文件名和列都看不出报告类别"},
		{"desk: a list of no state", ada, "/desk/findings?state=odd", nil, 422, "状态：“odd”不是发现的状态。"},
		{"desk: a list since no day", ada, "/desk/findings?since=odd", nil, 422, "首次入库不早于：“odd”不是日期"},
		{"desk: no severity", ada, "/desk?severity=odd", nil, 422, "严重程度：“odd”不是提示、低、中、高或严重。"},
		{"desk: no window", ada, "/desk/situation?days=0", nil, 422, "天数：应为 1 至 365 的整数。"},
		{"desk: reports of no kind", ada, "/desk/reports?kind=odd", nil, 422, "类别：请选择网络钓鱼、诈骗网站、"},
		{"desk: no such finding", ada, "/desk/findings/77", nil, 404, "发现 77 不存在，或您无权查看。"},
		{"desk: no such rule", ada, "/desk/rules/7", nil, 404, "没有规则 7。"},
		{"desk: a proposal of what is not proposed", ada, "/desk/proposals", url.Values{"act": {"party.end"}, "object": {"party:city-hospital"}}, 422, "操作：“注销单位”不是需要提案的操作。"},
		{"member: a prefix that is none", hui, "/my/systems/change", url.Values{"what": {"resource"}, "kind": {"prefix"}, "value": {"ten"}}, 422, "资源：“ten”不是地址段，正确写法如 192.0.2.0/24。"},
		{"member: bits behind the length", hui, "/my/systems/change", url.Values{"what": {"resource"}, "kind": {"prefix"}, "value": {"203.0.113.1/24"}}, 422, "是否应为“203.0.113.0/24”？"},
		{"member: a system without a name", hui, "/my/systems/change", url.Values{"what": {"system"}, "value": {"no_host"}}, 422, "名称：请填写信息系统的名称。 资产：“no_host”不是域名"},
		{"member: a contact without a mail address", hui, "/my/contacts", form("save", "role", "security", "mail", "nobody"), 422, "邮箱：“nobody”不是邮箱地址，应类似 security@example.org。"},
		{"member: a spy's post", hui, "/my/people", form("post", "unit", "unt_x", "title", "Spy", "power", "raw"), 422, "权限：本单位的岗位不能具有“查看原始记录与已发邮件”权限。"},
		{"member: a post in no unit", hui, "/my/people", form("post", "unit", "unt_x", "title", "Contact", "power", "read"), 422, "部门：没有这个部门。"},
		{"member: an hour that is none", hui, "/my/settings", url.Values{"language": {"zh"}, "urgent": {"0"}, "weekday": {"0"}, "hour": {"31"}}, 422, "汇总发送时间：应为 0 至 23 的整点。"},
		{"member: a webhook inside", hui, "/my/webhooks", url.Values{"label": {"a"}, "url": {"http://10.0.0.1/"}, "act": {"notice.plan"}}, 422, "https"},
		{"account: a token without a label", hui, "/account/tokens", url.Values{"label": {""}, "scope": {"read"}, "days": {"30"}}, 422, "用途：应为 1 至"},
		{"account: a password that everybody has", hui, "/account/password", url.Values{"password": {"Password2026!"}}, 422, "请选几个互不相关的词"},
		{"account: no such language", hui, "/account/language", url.Values{"language": {"tlh"}}, 422, "语言：“tlh”不是英文或中文。"},
		{"public: a report of nothing", citizen, "/report", url.Values{"key": {citizen.first("/report", hiddenKey.String())}, "kind": {"odd"}, "when": {"soon"}}, 422, "请选择类别。"},
		{"public: a report without the form's key", citizen, "/report", url.Values{"kind": {"phishing"}, "what": {"x"}}, 422, "表单自带的标识有误"},
		{"public: no such link", citizen, "/sign-in/" + strings.Repeat("a", 26), nil, 404, "此登录链接无法识别"},
		{"public: no such page", citizen, "/nowhere", nil, 404, "没有这个页面"},
		{"public: wrong proofs", citizen, "/sign-in", url.Values{"mail": {"a@b.example"}, "password": {"x"}, "code": {"1"}}, 403, "邮箱、密码和验证码不匹配。"},
	} {
		r := c.who.get(c.path)
		if c.form != nil {
			r = c.who.post(c.path, c.form)
		}
		text := refusedIn(r.Body.String())
		if r.Code != c.status || !strings.Contains(text, c.chinese) {
			t.Errorf("%s: %d, want %d with %q, got %q to %s", c.name, r.Code, c.status, c.chinese, text, r.Header().Get("Location"))
			continue
		}
		chinese(t, c.name, text)
	}
	english := w.signedIn(ident.Authority, "en").post("/desk/people", form("unit", "name", ""))
	if text := refusedIn(english.Body.String()); text != "name: 1 to 100 bytes were expected" {
		t.Errorf("in English: %q", text)
	}
}

// What was stored in English is read in Chinese: why rows were kept aside, why a signal could not be read.
func TestStoredReasonsInChinese(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	for _, f := range []ident.Feed{"intelmq", "shadowserver"} {
		w.must(w.loop.PutFeed(t.Context(), w.now, operator, loop.FeedSettings{ID: f, Pack: string(f), Title: string(f)}))
	}
	accept := func(f ident.Feed, name, body string) string {
		s, err := w.loop.Accept(t.Context(), w.now, loop.AcceptRequest{Feed: f, Name: name, Body: strings.NewReader(body), By: operator})
		w.must(err)
		for more := true; more; {
			_, more, err = w.loop.FoldNext(t.Context(), w.now, nil)
			w.must(err)
		}
		return fmt.Sprintf("/desk/signals/%d", s.Signal)
	}
	rows := accept("intelmq", "rows.json", `{"source.ip":"no address"}`+"\n"+`{"classification.type":"odd"}`+"\n"+`{"source.port":1}`+"\nnot JSON\n")
	unread := accept("shadowserver", "odd.csv", "a,b\n1,2\n")
	ada := w.signedIn(ident.Authority, "zh")
	reasons := regexp.MustCompile(`<td class="title">(.*?)</td>`).FindAllStringSubmatch(ada.ok(rows), -1)
	if len(reasons) != 4 {
		t.Fatalf("%d rows were kept aside", len(reasons))
	}
	for _, m := range reasons {
		chinese(t, "a row", html.UnescapeString(markup.ReplaceAllString(m[1], " ")))
	}
	holds(t, "the signal that could not be read", ada.ok(unread), "从文件名和列都看不出报告类别")
	sample := ada.sent("/desk/feeds/new", url.Values{"pack": {"intelmq"}, "sample": {`{"source.ip":"192.0.2.1"}`}}, http.StatusOK)
	holds(t, "the rehearsal", sample, "classification.type：缺少此项。")
}
