// Command mutate puts small faults into the code, one at a time, and runs the tests that should notice.
//
// It breaks access checks, comparisons and verdicts, and takes out guards and calls, in the packages that decide who may
// do what and what is true. A mutant that makes a test fail is killed; one that no test notices survives and shows a
// guard that nobody tests. Files are never changed: the compiler gets the mutant as an overlay.
//
//	go run ./tools/mutate                    every mutant, hours
//	go run ./tools/mutate -n 40 -seed 7      40 of them, the same for the same seed
//	go run ./tools/mutate -again out.txt     those that survived in a run whose output is there
//	go run ./tools/mutate -list              what there is
//
// It ends with the share of killed mutants, and with status 1 where that is below -least. Survivors that are known, with
// the reason why no test can or need notice, stand in survivors.txt; one that is killed or gone must go from there.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// usual are the packages whose rules must be tested.
const usual = "internal/access internal/finding internal/marking internal/feed internal/archive internal/ledger internal/store internal/act/*"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string) int {
	flags := flag.NewFlagSet("mutate", flag.ExitOnError)
	packages := flags.String("packages", usual, "folders to break, with blanks between; * is any name")
	count := flags.Int("n", 0, "how many mutants to draw; 0 takes all")
	seed := flags.Uint64("seed", 1, "of the draw")
	match := flags.String("match", "", "only mutants whose line of the list contains this")
	again := flags.String("again", "", "only mutants that stand on a line of this file, such as the output of a run ends with")
	least := flags.Float64("least", 0, "share of killed mutants below which the command fails, 0 to 1")
	list := flags.Bool("list", false, "print the mutants instead of running tests")
	_ = flags.Parse(args) // ExitOnError
	known, err := knownSurvivors()
	var all []mutant
	if err == nil {
		all, err = collect(strings.Fields(*packages))
	}
	if err == nil {
		err = outdated(known, all)
	}
	all = slices.DeleteFunc(all, func(m mutant) bool { return !strings.Contains(m.kind+" "+m.name(), *match) })
	if err == nil && *again != "" {
		all, err = named(*again, all)
	}
	if err == nil && *count > 0 {
		all = draw(all, *count, *seed)
	}
	if err == nil && *list {
		for _, m := range all {
			fmt.Println(m.kind, m.name())
		}
		return 0
	}
	var share float64
	if err == nil {
		share, err = try(ctx, all, known)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		return 2
	}
	if share < *least {
		fmt.Printf("FAIL: less than %.0f %% were killed\n", 100**least)
		return 1
	}
	return 0
}

// collect returns the mutants of folders, in order.
func collect(patterns []string) ([]mutant, error) {
	var all []mutant
	for _, p := range patterns {
		dirs, err := filepath.Glob(p)
		if err != nil || len(dirs) == 0 {
			return nil, fmt.Errorf("packages: no folder %s beneath the current one", p)
		}
		for _, dir := range dirs {
			found, err := findMutants(".", dir)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

// named returns the mutants that have a line of a file.
func named(file string, all []mutant) ([]mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(text), "\n")
	return slices.DeleteFunc(all, func(m mutant) bool { return !slices.Contains(lines, m.name()) }), nil
}

// draw takes n mutants by chance, one folder after the other, so that a small package is not drowned by a large one.
func draw(all []mutant, n int, seed uint64) []mutant {
	source := rand.New(rand.NewPCG(seed, 0))
	byDir := map[string][]mutant{}
	var dirs []string
	for _, m := range all {
		if byDir[m.dir()] == nil {
			dirs = append(dirs, m.dir())
		}
		byDir[m.dir()] = append(byDir[m.dir()], m)
	}
	for _, dir := range dirs {
		ms := byDir[dir]
		source.Shuffle(len(ms), func(i, j int) { ms[i], ms[j] = ms[j], ms[i] })
	}
	var out []mutant
	for len(out) < min(n, len(all)) {
		for _, dir := range dirs {
			if ms := byDir[dir]; len(ms) > 0 && len(out) < n {
				out, byDir[dir] = append(out, ms[0]), ms[1:]
			}
		}
	}
	return out
}

// knownSurvivors reads survivors.txt.
func knownSurvivors() (map[string]string, error) {
	text, err := os.ReadFile("tools/mutate/survivors.txt")
	if err != nil {
		return nil, err
	}
	known, err := readSurvivors(string(text))
	if err != nil {
		return nil, fmt.Errorf("survivors.txt: %w", err)
	}
	return known, nil
}

// outdated is an error where a known survivor of the folders that the mutants are of is no mutant any more.
func outdated(known map[string]string, all []mutant) error {
	dirs, names := map[string]bool{}, map[string]bool{}
	for _, m := range all {
		dirs[m.dir()], names[m.name()] = true, true
	}
	for name := range known {
		file, _, _ := strings.Cut(name, " ")
		if dirs[filepath.Dir(file)] && !names[name] {
			return fmt.Errorf("survivors.txt: there is no mutant %q any more; take it out", name)
		}
	}
	return nil
}

// readSurvivors reads the list of survivors: a mutant's name on a line, its reason on the next behind a tab.
func readSurvivors(text string) (map[string]string, error) {
	out := map[string]string{}
	name := ""
	for i, line := range strings.Split(text, "\n") {
		reason, indented := strings.CutPrefix(line, "\t")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case indented && name == "":
			return nil, fmt.Errorf("line %d: a reason without a mutant", i+1)
		case indented:
			out[name], name = reason, ""
		case name != "":
			return nil, fmt.Errorf("line %d: the mutant before it has no reason", i+1)
		default:
			name = line
		}
	}
	if name != "" {
		return nil, fmt.Errorf("%s: has no reason", name)
	}
	return out, nil
}

func itoa(n int) string { return strconv.Itoa(n) }
