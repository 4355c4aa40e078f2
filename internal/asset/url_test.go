package asset

import "testing"

// A URL is kept whole: only how its scheme and host are written is made one, and a password goes.
func TestParseURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"HTTP://Example.ORG":                         "http://example.org/",
		"https://example.org:443/a?b=c":              "https://example.org/a?b=c",
		"http://example.org:8080/":                   "http://example.org:8080/",
		"http://example.org/#/login":                 "http://example.org/#/login",
		"http://example.org#/login":                  "http://example.org/#/login",
		"http://example.org?q=1#a":                   "http://example.org/?q=1#a",
		"http://example.org/a b/\"c\"'d'":            "http://example.org/a b/\"c\"'d'",
		"http://example.org/%2f%41?x=%20":            "http://example.org/%2f%41?x=%20",
		"http://user:secret@example.org/a@b":         "http://example.org/a@b",
		"http://[2001:DB8::1]:80/x":                  "http://[2001:db8::1]/x",
		"ftp://example.org//double//slash":           "ftp://example.org//double//slash",
		"http://xn--mnchen-3ya.example/\u4e2d\u6587": "http://xn--mnchen-3ya.example/\u4e2d\u6587",
		"http://example.org/100%":                    "",
		"http://example.org/a\nb":                    "",
		"javascript:alert(1)":                        "",
		"http:///nohost":                             "",
		"example.org/a":                              "",
	} {
		got, err := ParseURL(in)
		if (err != nil) != (want == "") || got != want {
			t.Errorf("%q is %q, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("http://u:p@Example.org:80?a#b c")
	f.Add("https://[2001:db8::1]//x//y")
	f.Fuzz(func(t *testing.T, text string) {
		once, err := ParseURL(text)
		if err != nil {
			return
		}
		if twice, err := ParseURL(once); err != nil || twice != once {
			t.Errorf("%q is %q, and that is %q, %v", text, once, twice, err)
		}
	})
}
