package strict_test

import (
	"strings"
	"testing"

	"tocsin/internal/strict"
)

type sheet struct {
	Name  string `yaml:"name"`
	Parts []struct {
		Port int `yaml:"port"`
	} `yaml:"parts"`
	Free map[string]string `yaml:"free"`
}

func TestYAML(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"name: x\nparts: [{port: 1}]\nfree: {anything: goes}\n", ""},
		{"nmae: x\n", `line 1: unknown key "nmae"; did you mean "name"?`},
		{"name: x\nparts:\n  - prot: 1\n", `line 3: unknown key "parts.prot"; did you mean "port"?`},
		{"name: x\nname: y\n", "already defined"},
		{"name: &a x\nfree: {b: *a}\n", "anchors and aliases"},
		{"name: x\n---\nname: y\n", "one document"},
		{"", "empty"},
		{"parts: [{port: much}]\n", "line 1"},
		{strings.Repeat("#", strict.MaxBytes+1), "more than"},
	} {
		var s sheet
		err := strict.YAML([]byte(tt.text), &s)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%.40q: %v, want %q", tt.text, err, tt.want)
		}
	}
}

func FuzzYAML(f *testing.F) {
	f.Add("name: x\nparts: [{port: 1}]\n")
	f.Add("free: {a: b}\n---\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_ = strict.YAML([]byte(text), &sheet{}) // an error or none, but no panic
	})
}
