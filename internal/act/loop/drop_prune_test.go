package loop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What could not be taken is kept for a while and within bounds, the newest in any case.
func TestPruneRefused(t *testing.T) {
	t.Parallel()
	now := at(0, 12)
	day := func(before int) string { return now.AddDate(0, 0, -before).Format(time.DateOnly) }
	for _, c := range []struct {
		name  string
		files map[string]int64 // by DAY/NAME
		gone  []string
	}{
		{"thirty days and more", map[string]int64{day(31) + "/1-a": 5, day(30) + "/1-a": 5, day(0) + "/1-b": 5, day(0) + "/1-b.reason.txt": 5}, []string{day(31) + "/1-a"}},
		{"as much as may be", map[string]int64{day(2) + "/1-a": 1<<30 - 10, day(1) + "/1-b": 5, day(1) + "/1-b.reason.txt": 5}, nil},
		{"a byte more", map[string]int64{day(2) + "/1-a": 1<<30 - 10, day(1) + "/1-b": 6, day(1) + "/1-b.reason.txt": 5}, []string{day(2) + "/1-a"}},
		{"one that is larger than all may be", map[string]int64{day(2) + "/1-a": 5, day(1) + "/1-b": 2 << 30, day(1) + "/1-b.reason.txt": 5}, []string{day(2) + "/1-a"}},
		{"only old ones", map[string]int64{day(90) + "/1-a": 5, day(90) + "/1-a.reason.txt": 5}, nil},
	} {
		d := newDropDir(t)
		for name, size := range c.files {
			d.write(".refused/"+name, "")
			if err := os.Truncate(filepath.Join(d.dir, ".refused", filepath.FromSlash(name)), size); err != nil {
				t.Fatal(err)
			}
		}
		out, err := pruneRefused(d.root, now)
		if err != nil || len(out) != len(c.gone) || len(d.files()) != len(c.files)-len(c.gone) {
			t.Errorf("%s: %+v, %v; left %q", c.name, out, err, d.files())
		}
		for i, name := range c.gone {
			if i < len(out) && (out[i].Path != ".refused/"+name || !strings.HasPrefix(out[i].Refused, "removed: ")) {
				t.Errorf("%s: %+v", c.name, out[i])
			}
		}
	}
}

// Each look at the folder that refuses something prunes, to the file.
func TestRefusedAreBounded(t *testing.T) {
	t.Parallel()
	d := newDropDir(t)
	old := at(0, 0).AddDate(0, 0, -1).Format(time.DateOnly)
	for i := range mostRefused {
		d.write(fmt.Sprintf(".refused/%s/%06d-x", old, i), "")
	}
	d.write("nobody/x.csv", "a\n")
	d.look(at(0, 0))
	out := d.look(at(0, 1))
	if len(out) != 3 || out[0].Path != "nobody/x.csv" || out[2].Path != ".refused/"+old+"/000001-x" || len(d.files()) != mostRefused {
		t.Errorf("%d files are left; %+v", len(d.files()), out)
	}
}
