package veil_test

import (
	"strings"
	"testing"

	"tocsin/internal/feed/veil"
)

func TestVeil(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		columns, raw, want string
		ok                 bool
	}{
		{"ip,port", "192.0.2.1,23", "192.0.2.1,23", true},
		{"ip,username,password", `192.0.2.1,root,"hunter,2"`, "192.0.2.1,[sealed],[sealed]", true},
		{"ip,username,password", "192.0.2.1,,", "192.0.2.1,,", true},
		{"ip,password", "192.0.2.1,hunter2,one too many", "", false},
		{"", `{"source.ip":"192.0.2.1","extra":{"password":"hunter2"}}`, `{"extra":{"password":"[sealed]"},"source.ip":"192.0.2.1"}`, true},
		{"", `{"password":"hunter2"`, "", false},
		{"", "192.0.2.1", "192.0.2.1", true},
	} {
		var columns []string
		if tt.columns != "" {
			columns = strings.Split(tt.columns, ",")
		}
		got, ok := veil.Record(columns, []byte(tt.raw))
		if string(got) != tt.want || ok != tt.ok {
			t.Errorf("%s: %q, %v; want %q, %v", tt.raw, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzVeil(f *testing.F) {
	f.Add("ip,password", "192.0.2.1,canary-7")
	f.Add("ip", `{"password":"canary-7"}`)
	f.Fuzz(func(t *testing.T, columns, raw string) {
		cells := strings.Split(columns, ",")
		got, ok := veil.Record(cells, []byte(raw))
		if !ok && got != nil {
			t.Errorf("a record held back shows %q", got)
		}
	})
}
