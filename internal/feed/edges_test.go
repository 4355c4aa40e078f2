package feed

import (
	"strings"
	"testing"
	"unsafe"
)

// Words are compared in any case, to the first and the last letter.
func TestEqualFold(t *testing.T) {
	t.Parallel()
	letters := "abcdefghijklmnopqrstuvwxyz"
	for _, c := range []struct {
		text, lower string
		want        bool
	}{
		{strings.ToUpper(letters), letters, true},
		{letters, letters, true},
		{"Az", "az", true},
		{"aZ", "az", true},
		{"", "", true},
		{"az", "aza", false},
		{"ay", "az", false},
		{"@z", "`z", false},
		{"a[", "a{", false},
	} {
		if got := equalFold([]byte(c.text), c.lower); got != c.want {
			t.Errorf("%q and %q: %t", c.text, c.lower, got)
		}
	}
}

// Names of packs and feeds are short words of lower-case letters, digits and dashes.
func TestPlainWord(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"a": true, "0": true, "a-b": true, "z9-": true, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
		"": false, "-a": false, "A": false, "a_b": false, "a b": false, "a/b": false, "`": false, "{": false, ":": false,
	} {
		if got := plainWord(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// A column whose name has a telling word in it is secret, whatever stands between the words.
func TestSecrecyOfNames(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]Secrecy{
		"user_password": Secret, "user-password": Secret, "user.password": Secret, "user password": Secret, "PASSWORD_x": Secret,
		"x.token": Secret, "api token": Secret, "reply_mail": Account, "reply.email": Account, "mail to": Account,
		"has_password": Plain, "passwords": Plain, "tokenised": Plain, "banner": Plain, "userpassword": Plain,
	} {
		if got := SecrecyOf("extra."+column, column); got != want {
			t.Errorf("%s: %v, want %v", column, got, want)
		}
	}
}

// Containers are told by their first bytes, as few as are enough.
func TestContainers(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"\x1f\x8b\x08": "gzip", "\x1f\x8b": "", "PK\x03\x04": "zip", "PK\x05\x06": "zip", "PK\x01\x02": "",
		"\x28\xb5\x2f\xfd": "zstd", "\x50\x2a\x4d\x18": "zstd", "\x5f\x2a\x4d\x18": "zstd", "\x60\x2a\x4d\x18": "", "\x50\x2a\x4d": "",
		"\xfd7zXZ\x00": "xz", "7z\xbc\xaf\x27\x1c": "7z", "Rar!\x1a\x07": "rar", "%PDF-": "PDF",
		"BZh91AY&SY": "bzip2", "BZh91AY&SX": "", "BZh91AY&S": "", "BZx91AY&SY": "", "ip,port\n": "", "": "",
	} {
		if got := containerOf([]byte(head)); got != want {
			t.Errorf("%q is %q, want %q", head, got, want)
		}
	}
}

// A prefix is joined from a length or from the end of its range, to a single address; what is not one prefix is told.
func TestConvPrefix(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, with, want string }{
		{"192.0.2.0", "24", "192.0.2.0/24"},
		{"192.0.2.0", "/24", "192.0.2.0/24"},
		{"192.0.2.7", "32", "192.0.2.7/32"},
		{"2001:db8::", "128", "2001:db8::/128"},
		{"192.0.2.0", "192.0.2.255", "192.0.2.0/24"},
		{"192.0.2.7", "192.0.2.7", "192.0.2.7/32"},
		{"0.0.0.0", "255.255.255.255", "0.0.0.0/0"},
		{"2001:db8::", "2001:db8::ffff", "2001:db8::/112"},
		{"192.0.2.0/25", "", "192.0.2.0/25"},
		{"192.0.2.0/25", "9", "192.0.2.0/25"},
		{"192.0.2.0", "33", ""},
		{"192.0.2.0", "-1", ""},
		{"192.0.2.0", "192.0.2.254", ""},
		{"192.0.2.1", "192.0.2.2", ""},
		{"192.0.2.9", "192.0.2.1", ""},
		{"x", "24", ""},
		{"192.0.2.0", "x", ""},
		{"192.0.2.0", "2001:db8::", ""},
	} {
		v, reason := convPrefix([]byte(c.address), []byte(c.with), nil, nil)
		if (reason == "") != (c.want != "") || string(v.text) != c.want {
			t.Errorf("%s with %s: %q, %q, want %q", c.address, c.with, v.text, reason, c.want)
		}
	}
}

// Where no quote is told, no byte is one, not even the one that says so; the same text is the same string.
func TestNoQuote(t *testing.T) {
	t.Parallel()
	for _, record := range []string{"\xff;b;c", "\xffa\xff;b;c", "a;\xffb;c\xff", `"a;b";c`} {
		cells, _, reason := Cut{Delimiter: ';', Quote: NoQuote}.Cells([]byte(record), nil, nil)
		var got []string
		for _, c := range cells {
			got = append(got, string(c))
		}
		if reason != "" || strings.Join(got, "|") != strings.ReplaceAll(record, ";", "|") {
			t.Errorf("%q has the cells %q: %s", record, got, reason)
		}
	}
	var s Scratch
	if a, b := s.Text([]byte("telnet")), s.Text([]byte("telnet")); a != "telnet" || unsafe.StringData(a) != unsafe.StringData(b) {
		t.Errorf("%q and %q are two strings", a, b)
	}
}
