package gate

import (
	"mime"
	"net/http"
	"strings"
	"testing"
)

// Whatever a file is called, the header stays one header and the name a name.
func TestSaved(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.csv":                    "report.csv",
		"报告.pdf":                        "报告.pdf",
		"Überblick 1.txt":               "Überblick 1.txt",
		"a\r\nSet-Cookie: x=1":          "aSet-Cookie_ x=1",
		`a"; filename="evil.exe`:        "a__ filename=_evil.exe",
		"../../etc/passwd":              "passwd",
		`C:\Windows\system32\cmd.exe`:   "cmd.exe",
		"":                              "file",
		"..":                            "file",
		"/":                             "file",
		"invoice\u202efdp.exe":          "invoicefdp.exe",
		"a\x00b\x7f.txt":                "ab.txt",
		"100%.txt":                      "100%.txt",
		"bad\xffutf8.txt":               "bad_utf8.txt",
		" .hidden ":                     "hidden",
		strings.Repeat("长", 300) + ".x": strings.Repeat("长", longestName/3),
	} {
		h := http.Header{}
		Saved(h, "application/octet-stream", name)
		value := h.Get("Content-Disposition")
		kind, params, err := mime.ParseMediaType(value)
		if err != nil || kind != "attachment" || params["filename"] != want {
			t.Errorf("%q: %q %v %v", name, value, params, err)
		}
		for _, r := range value {
			if r < ' ' || r > '~' {
				t.Errorf("%q: %q in the header", name, r)
			}
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: %v", name, h)
		}
	}
}
