package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/cover"
)

// witnesses are packages whose tests also look after the rules of a folder, beside the folder's own.
var witnesses = map[string][]string{
	"internal/access":       {"internal/act/reach", "internal/act/loop", "internal/act/triage", "internal/act/staff"},
	"internal/finding":      {"internal/act/loop"},
	"internal/marking":      {"internal/access", "internal/notice", "internal/act/loop"},
	"internal/feed":         {"internal/feed/table", "internal/feed/list", "internal/feed/shadowserver", "internal/feed/intelmq", "packs", "internal/act/loop"},
	"internal/archive":      {"internal/act/loop"},
	"internal/ledger":       {"internal/act/record"},
	"internal/store":        {"internal/act/reach", "internal/act/loop", "internal/act/triage", "internal/act/picture"},
	"internal/act/coverage": {"internal/act/loop"},
	"internal/act/exposure": {"internal/act/reach", "internal/api", "internal/web"},
	"internal/act/loop":     {"internal/act/reach", "internal/api"},
	"internal/act/picture":  {"internal/act/reach", "internal/api", "internal/web"},
	"internal/act/triage":   {"internal/act/reach", "internal/api", "internal/web"},
	"internal/act/casework": {"internal/api", "internal/web"},
	"internal/act/program":  {"internal/act/reach", "internal/api", "internal/web"},
	"internal/act/register": {"internal/api", "internal/web"},
	"internal/act/rehearse": {"internal/api", "internal/web"},
	"internal/act/rule":     {"internal/api", "internal/web"},
	"internal/act/staff":    {"internal/web"},
	"internal/act/upkeep":   {"internal/web"},
}

// outcome is what became of a mutant.
type outcome int

const (
	survived outcome = iota
	killed
	broken // does not compile: no mutant at all
)

// bench holds what the tries need.
type bench struct {
	root, dir string
	reached   map[string][]*cover.Profile // by test package: the blocks that its tests run
	took      map[string]time.Duration
}

// try runs the tests against every mutant and returns the share that was killed.
func try(ctx context.Context, all []mutant, known map[string]string) (float64, error) {
	root, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	b := bench{root: root, reached: map[string][]*cover.Profile{}, took: map[string]time.Duration{}}
	if b.dir, err = os.MkdirTemp("", "mutate"); err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(b.dir) }() // a temporary folder
	if err := b.measure(ctx, all); err != nil {
		return 0, err
	}
	counts := map[outcome]int{}
	var left, stale []string
	for i, m := range all {
		became, by := b.one(ctx, i, m)
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		counts[became]++
		switch {
		case became == broken:
			continue
		case became == killed && known[m.name()] != "":
			stale = append(stale, m.name()+": was killed by the tests of "+by)
		case became == killed:
			fmt.Printf("killed    %s:%d %s: %s -> %s (%s)\n", m.file, m.line, m.function, m.from, m.to, by)
		case known[m.name()] != "":
			left = append(left, m.name()+"\n\t"+known[m.name()])
			fmt.Printf("survived  %s:%d %s: %s -> %s (known)\n", m.file, m.line, m.function, m.from, m.to)
		default:
			left = append(left, m.name()+"\n\tNO REASON GIVEN")
			fmt.Printf("SURVIVED  %s:%d %s: %s -> %s (%s)\n", m.file, m.line, m.function, m.from, m.to, by)
		}
	}
	n := counts[killed] + counts[survived]
	switch {
	case n == 0:
		return 0, errors.New("no mutant compiled")
	case len(stale) > 0:
		return 0, fmt.Errorf("survivors.txt: take out what is no survivor\n%s", strings.Join(stale, "\n"))
	}
	share := float64(counts[killed]) / float64(n)
	fmt.Printf("\n%s\n\n%d of %d mutants killed (%.1f %%), %d more did not compile\n", strings.Join(left, "\n"), counts[killed], n, 100*share, counts[broken])
	return share, nil
}

// measure runs the tests once without a fault, to know what they take and which code they run.
func (b *bench) measure(ctx context.Context, all []mutant) error {
	need, broken := map[string]bool{}, map[string]bool{}
	for _, m := range all {
		broken["./"+m.dir()] = true
		for _, p := range append([]string{m.dir()}, witnesses[m.dir()]...) {
			need[p] = true
		}
	}
	over := strings.Join(slices.Sorted(maps.Keys(broken)), ",")
	for _, p := range slices.Sorted(maps.Keys(need)) {
		profile := filepath.Join(b.dir, strings.ReplaceAll(p, "/", "-")+".cover")
		from := time.Now()
		out, err := b.goTest(ctx, time.Hour, "-coverprofile="+profile, "-coverpkg="+over, "./"+p)
		if err != nil {
			return fmt.Errorf("the tests of %s fail without a mutant:\n%s", p, out)
		}
		b.took[p] = time.Since(from)
		if b.reached[p], err = cover.ParseProfiles(profile); errors.Is(err, os.ErrNotExist) {
			continue // no tests
		} else if err != nil {
			return err
		}
		fmt.Printf("tests     %s: %s\n", p, b.took[p].Round(100*time.Millisecond))
	}
	return nil
}

// one tries a mutant against the packages whose tests run its line, the quickest first.
func (b *bench) one(ctx context.Context, i int, m mutant) (outcome, string) {
	var by []string
	for _, p := range append([]string{m.dir()}, witnesses[m.dir()]...) {
		if b.reaches(p, m) {
			by = append(by, p)
		}
	}
	if len(by) == 0 {
		return survived, "no test runs this line"
	}
	slices.SortStableFunc(by, func(x, y string) int { return cmp.Compare(b.took[x], b.took[y]) })
	overlay, err := b.overlay(i, m)
	if err != nil {
		return broken, err.Error()
	}
	for _, p := range by {
		out, err := b.goTest(ctx, 60*time.Second+5*b.took[p], "-overlay="+overlay, "-failfast", "./"+p)
		switch {
		case err == nil:
		case bytes.Contains(out, []byte("[build failed]")):
			return broken, ""
		default:
			return killed, p
		}
	}
	return survived, strings.Join(by, ", ")
}

// reaches reports whether the tests of a package run a mutant's line. The condition of a case is in no block of the coverage:
// it is run where the function is.
func (b *bench) reaches(p string, m mutant) bool {
	for _, file := range b.reached[p] {
		if !strings.HasSuffix(file.FileName, "/"+m.file) {
			continue
		}
		inBlock, inFunction := false, false
		for _, block := range file.Blocks {
			if block.StartLine <= m.line && m.line <= block.EndLine {
				if inBlock = true; block.Count > 0 {
					return true
				}
			}
			inFunction = inFunction || block.Count > 0 && m.begin <= block.StartLine && block.StartLine <= m.line
		}
		return inFunction && !inBlock
	}
	return false
}

// apply returns the source with the fault.
func (m mutant) apply(source []byte) []byte {
	return slices.Concat(source[:m.start], []byte(m.text), source[m.end:])
}

// overlay writes the mutant and the file that tells the compiler of it.
func (b *bench) overlay(i int, m mutant) (string, error) {
	real := filepath.Join(b.root, m.file)
	source, err := os.ReadFile(real)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(b.dir, fmt.Sprintf("%d.go", i))
	if err := os.WriteFile(changed, m.apply(source), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {real: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(b.dir, fmt.Sprintf("%d.json", i))
	return name, os.WriteFile(name, text, 0o600)
}

// goTest runs go test with arguments and returns what it printed. A test that hangs has noticed.
func (b *bench) goTest(ctx context.Context, limit time.Duration, args ...string) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-vet=off", "-timeout=" + limit.String()}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd.CombinedOutput()
}
