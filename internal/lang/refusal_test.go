package lang

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fault is an error that knows what it was made of, as those of the house are.
type fault struct {
	format string
	args   []any
}

func (f *fault) Error() string         { return fmt.Sprintf(f.format, f.args...) }
func (f *fault) Told() (string, []any) { return f.format, f.args }

func no(format string, args ...any) *fault { return &fault{format, args} }

func TestRefusal(t *testing.T) {
	t.Parallel()
	address := no("%q is not an IP address", "192.0.2.300")
	for _, c := range []struct {
		name string
		is   *fault
		want string
	}{
		{"no argument", no("reason: please say why"), "请说明理由。"},
		{"quoted", no("no feed is called %q", `a "b"`), `没有名为“a "b"”的数据源。`},
		{"what no font shows", no("no feed is called %q", "a\x1b\n"), "没有名为“a\ufffd\ufffd”的数据源。"},
		{"a placeholder in a value", no("no feed is called %q", "{0:state}"), "没有名为“{0:state}”的数据源。"},
		{"word of a closed list", no("a finding that is %s cannot take %q", "claimed_fixed", "reject"), "发现的当前状态为“自称已修复”，不能转为“主管方不予支持”。"},
		{"words of a closed list", no("outcome: one of %v was expected", []string{"handled", "known"}), "处理结果：请选择已处置、此前已知之一。"},
		{"length of time", no("a link lasts more than nothing and at most %s", 72*time.Hour), "链接的有效期应大于零，最长 3 天。"},
		{"fault inside", no("%s: %v", "asset", address), "资产：“192.0.2.300”不是 IP 地址。"},
		{"fault inside of an error", no("%s: %v", "source.ip", fmt.Errorf("row 3: %w", address)), "source.ip：row 3: “192.0.2.300”不是 IP 地址。"},
		{"two lines", no("%v\n%v", no("%s: %v", "mail", no("is longer than %d bytes", 9)), no("and %d more", 2)), "邮箱：超过 9 字节（一个汉字占 3 字节）。\n另有 2 处"},
		{"a path to a field", no("%s: %v", "contacts[0].mail", address), "邮箱：“192.0.2.300”不是 IP 地址。"},
		{"a hint at the end", no("%q is not one of %s%s", "x", "a, b", `; did you mean "a"?`), "“x”不是 a, b 之一；是否应为“a”？"},
		{"turned round", no("there is no share %s of finding %d", "shr_1", 12), "发现 12 没有编号为 shr_1 的共享。"},
		{"not in the catalogue", no("the %s is %d", "moon", 1), "the moon is 1"},
		{"nothing but arguments", no("%s", "已保存。"), "已保存。"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Chinese.Refusal(c.is.format, c.is.args...); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if got := English.Refusal(c.is.format, c.is.args...); got != c.is.Error() {
				t.Errorf("in English %q, want %q", got, c.is.Error())
			}
		})
	}
}

// A text that was stored in English finds its format again.
func TestSaid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "",
		"the server took too long": "服务器响应超时。",
		"the server answers 502":   "服务器应答 502。",
		"the server answers \x00":  "the server answers \x00",
		"550 no such user here":    "550 no such user here",
		`"x" is damaged: "y" is not an IP address`:                       "“x”已损坏：“y”不是 IP 地址。",
		`"a: b" is not a date and time`:                                  "“a: b”不是日期和时间。",
		"ip: \"192.0.2.300\" is not an IP address":                       "ip：“192.0.2.300”不是 IP 地址。",
		"port: holds no source.port, which is needed":                    "端口：不含必需的 source.port。",
		"7 cells where the header has 9":                                 "本行有 7 个单元格，而表头有 9 个。",
		"the server took too long\nthe connection broke off":             "服务器响应超时。\n连接中断。",
		`required column "ip" is missing; there are "a", "b" and 3 more`: `缺少必需的列“ip”；现有的列："a", "b" 等，另有 3 项。`,
		`"a\"b" expands to more than 4 GiB`:                              "“a\"b”解压后超过 4 GiB。",
	} {
		if got := Chinese.Said(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := English.Said(text); got != text {
			t.Errorf("%q became %q in English", text, got)
		}
	}
}

// Every text of the catalogue comes back from its own finished English, names only lists that are there, and is Chinese.
func TestRefusalsAreChinese(t *testing.T) {
	t.Parallel()
	sentence := regexp.MustCompile(`[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}`)
	for format, text := range refusals()[Chinese].texts {
		for _, m := range place.FindAllStringSubmatch(text, -1) {
			known := m[2] == "" || m[2] == "span"
			for _, key := range Keys(Chinese) {
				known = known || strings.HasPrefix(key, m[2]+".")
			}
			if !known {
				t.Errorf("%q: there is no list %q", format, m[2])
			}
		}
		if sentence.MatchString(text) || strings.ContainsAny(text, ",;!?") {
			t.Errorf("%q: %q is not Chinese, or has half-width marks", format, text)
		}
		// Texts that fit several formats alike are told by the one that says most.
		args := make([]any, len(verb.FindAllString(strings.ReplaceAll(format, "%%", ""), -1)))
		for i := range args {
			args[i] = 7
		}
		plain := verb.ReplaceAllStringFunc(format, func(v string) string { return "%" + map[bool]string{true: "q", false: "v"}[v[len(v)-1] == 'q'] })
		for i, v := range verb.FindAllString(plain, -1) {
			if v == "%q" {
				args[i] = "x7"
			}
		}
		if worded(format) && patternOf(format).weight > 0 {
			if english := fmt.Sprintf(plain, args...); Chinese.Said(english) == english && place.ReplaceAllString(text, "7") != english {
				t.Errorf("%q stays English", english)
			}
		}
	}
}

func TestRefusalOfWrapped(t *testing.T) {
	t.Parallel()
	err := error(no("nothing was chosen"))
	if got := Chinese.Refusal("%v", errors.Join(err)); got != "请至少勾选一行。" {
		t.Errorf("joined: %q", got)
	}
}

func FuzzSaid(f *testing.F) {
	for format := range refusals()[Chinese].texts {
		f.Add(format)
	}
	f.Add(`"a": "b" is damaged: "c": x`)
	f.Add("a: b: c: d: e: f")
	f.Fuzz(func(t *testing.T, text string) {
		if got := Chinese.Said(text); text != "" && got == "" {
			t.Errorf("%q is lost", text)
		}
	})
}
