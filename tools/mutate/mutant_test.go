package main

import (
	"strings"
	"testing"

	"golang.org/x/tools/cover"
)

const sample = `package p

func f(a, b int, ok bool) (bool, error) {
	if err := mayRead(a); err != nil {
		return false, err
	}
	if err := write(b); err != nil {
		return false, err
	}
	if a < b && !ok {
		return false, nil
	}
	log(a + 1)
	for a > b {
		if a == 7 {
			break
		}
	}
	return true, nil
}
`

// Each kind of fault is found once where it stands, and failures of the machine are left alone.
func TestMutantsOf(t *testing.T) {
	t.Parallel()
	got, err := mutantsOf("p/f.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"guard 4: if err := mayRead(a); err != nil -> no guard",
		"verdict 5: return false -> return true",
		"verdict 8: return false -> return true",
		"guard 10: if a < b && !ok -> no guard",
		"comparison 10: a < b -> a <= b",
		"logic 10: a < b && !ok -> a < b || !ok",
		"negation 10: ! -> nothing",
		"verdict 11: return false -> return true",
		"call 13: log(a + 1) -> nothing",
		"step 13: a + 1 -> a - 1",
		"comparison 14: a > b -> a >= b",
		"guard 15: if a == 7 -> no guard",
		"comparison 15: a == 7 -> a != 7",
		"verdict 19: return true -> return false",
	}
	var shown []string
	for _, m := range got {
		shown = append(shown, m.kind+" "+itoa(m.line)+": "+m.from+" -> "+m.to)
	}
	if strings.Join(shown, "\n") != strings.Join(want, "\n") {
		t.Errorf("found:\n%s\nwanted:\n%s", strings.Join(shown, "\n"), strings.Join(want, "\n"))
	}
	for _, m := range got {
		if text := m.apply([]byte(sample)); string(text) == sample {
			t.Errorf("%s changes nothing", m.name())
		}
	}
}

// A list of survivors names each with its reason; a line without one is refused.
func TestReadSurvivors(t *testing.T) {
	t.Parallel()
	got, err := readSurvivors("# comment\n\np/f.go f: a < b -> a <= b\n\tboth are the same day\n")
	if err != nil || got["p/f.go f: a < b -> a <= b"] != "both are the same day" {
		t.Errorf("read %v, %v", got, err)
	}
	for _, bad := range []string{"p/f.go f: a -> b\n", "\tno mutant before it\n", "p/f.go f: a -> b\n\tw\n\tw\n"} {
		if _, err := readSurvivors(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// A line is run where a block that has it was; the condition of a case, which no block has, where its function was.
func TestReaches(t *testing.T) {
	t.Parallel()
	block := func(from, to, count int) cover.ProfileBlock {
		return cover.ProfileBlock{StartLine: from, EndLine: to, Count: count}
	}
	b := bench{reached: map[string][]*cover.Profile{
		"p": {{FileName: "tocsin/p/f.go", Blocks: []cover.ProfileBlock{block(10, 11, 1), block(13, 13, 0), block(15, 15, 1), block(20, 21, 0), block(23, 23, 0)}}},
		"q": nil,
	}}
	for _, c := range []struct {
		m    mutant
		want bool
	}{
		{mutant{file: "p/f.go", begin: 10, line: 11}, true},
		{mutant{file: "p/f.go", begin: 10, line: 12}, true},
		{mutant{file: "p/f.go", begin: 10, line: 13}, false},
		{mutant{file: "p/f.go", begin: 10, line: 14}, true},
		{mutant{file: "p/f.go", begin: 20, line: 21}, false},
		{mutant{file: "p/f.go", begin: 20, line: 22}, false},
		{mutant{file: "p/g.go", begin: 10, line: 11}, false},
	} {
		if got := b.reaches("p", c.m); got != c.want {
			t.Errorf("%s:%d: %t", c.m.file, c.m.line, got)
		}
		if b.reaches("q", c.m) {
			t.Errorf("%s:%d is run by a package without tests", c.m.file, c.m.line)
		}
	}
}

// A survivor that is no mutant any more is named, if its folder was looked through.
func TestOutdated(t *testing.T) {
	all := []mutant{{file: "p/f.go", function: "f", from: "a", to: "b"}, {file: "p/f.go", function: "f", from: "a", to: "b", nth: 1}}
	for name, gone := range map[string]bool{
		"p/f.go f: a -> b": false, "p/f.go f: a -> b (2)": false, "p/f.go f: a -> b (3)": true, "p/g.go f: a -> b": true, "q/f.go f: a -> b": false,
	} {
		if err := outdated(map[string]string{name: "why"}, all); (err != nil) != gone {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Chdir("../..")
	known, err := knownSurvivors()
	if err != nil {
		t.Fatal(err)
	}
	if all, err = collect(strings.Fields(usual)); err != nil {
		t.Fatal(err)
	}
	if err := outdated(known, all); err != nil {
		t.Error(err)
	}
}

// The same seed draws the same mutants, every folder has its share, and asking for more than there are takes all.
func TestDraw(t *testing.T) {
	t.Parallel()
	var all []mutant
	for i := range 30 {
		all = append(all, mutant{file: []string{"a/x.go", "b/x.go", "c/x.go"}[min(i/14, 2)], line: i})
	}
	one, two := draw(all, 9, 4), draw(all, 9, 4)
	count := map[string]int{}
	for i := range one {
		if one[i] != two[i] {
			t.Fatalf("draw %d differs", i)
		}
		count[one[i].dir()]++
	}
	if len(one) != 9 || count["a"] == 0 || count["b"] == 0 || count["c"] != 2 {
		t.Errorf("drew %d: %v", len(one), count)
	}
	if n := len(draw(all, 100, 1)); n != 30 {
		t.Errorf("drew %d of 30", n)
	}
}
