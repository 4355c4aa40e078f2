package page

import "testing"

// Nobody is sent elsewhere.
func TestLocal(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]bool{
		"/": true, "/desk": true, "/desk/findings?state=open&text=%2F%2Fx": true, "/a#b": true,
		"desk": false, "//evil.example": false, `/\evil.example`: false, "https://evil.example": false, "/\t/evil.example": false,
		"/a\nb": false, "javascript:alert(1)": false, "/%zz": false, "///evil.example": false,
	} {
		if got := Local(to); (got == to) != want || got != "" && got != to {
			t.Errorf("%q: %q", to, got)
		}
	}
}

func FuzzLocal(f *testing.F) {
	f.Add("/desk?next=//x")
	f.Add("//evil.example/")
	f.Fuzz(func(t *testing.T, to string) {
		got := Local(to)
		if got != "" && (got != to || got[0] != '/' || len(got) > 1 && (got[1] == '/' || got[1] == '\\')) {
			t.Fatalf("%q leads to %q", to, got)
		}
	})
}
