package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	fence = regexp.MustCompile("(?ms)^```(?:sh|console)?\n(.*?)^```$")
	flags = regexp.MustCompile(`--[a-z][a-z-]*`)
)

// TestReadmeFirst: the two commands come first and are these.
func TestReadmeFirst(t *testing.T) {
	t.Parallel()
	blocks := commandBlocks(t, "README.md")
	if len(blocks) == 0 || strings.Join(blocks[0], "\n") != "go run ./cmd/tocsin demo\ngo test ./..." {
		t.Errorf("README.md must start with the two commands, not with %q", blocks)
	}
}

// TestReadmeCommands: every command that the documentation shows exists, with the flags that it is shown with.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, page := range append(pages, "../README.md") {
		for _, block := range commandBlocks(t, strings.TrimPrefix(page, "../")) {
			for _, line := range block {
				args, ok := tocsinCommand(line)
				if !ok {
					continue
				}
				shown++
				t.Run(line, func(t *testing.T) {
					t.Parallel()
					checkCommand(t, args)
				})
			}
		}
	}
	if shown < 8 {
		t.Errorf("only %d commands found: the blocks are not read", shown)
	}
}

// TestReadmeSettings: the page of settings names each setting that the program has, with its default, and no other.
func TestReadmeSettings(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operator/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\| (?:`([^`|]*)`)? ?\\|").FindAllStringSubmatch(string(page), -1) {
		for i, name := range strings.Split(m[1], ", ") {
			documented[strings.Trim(name, "`")] = strings.ToLower(m[2])
			if i > 0 {
				documented[strings.Trim(name, "`")] = ""
			}
		}
	}
	out, _, _ := run(t, t.TempDir(), nil, "config", "dump")
	has := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z-]*) +(.*?) +default$`).FindAllStringSubmatch(out, -1) {
		value := strings.TrimSuffix(strings.ToLower(strings.Trim(m[2], "-[]")), "0m0s")
		has[m[1]] = value
	}
	if diff := cmp.Diff(has, documented); diff != "" {
		t.Errorf("the program (-) differs from the page (+):\n%s", diff)
	}
}

// commandBlocks returns the command lines of each fenced block of shell in a page; comments and output are left out.
func commandBlocks(t *testing.T, page string) [][]string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", page))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, m := range fence.FindAllStringSubmatch(string(body), -1) {
		var lines []string
		for line := range strings.Lines(strings.ReplaceAll(m[1], "\\\n", " ")) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
		out = append(out, lines)
	}
	return out
}

// tocsinCommand returns the arguments of a line that runs Tocsin.
func tocsinCommand(line string) ([]string, bool) {
	for _, prefix := range []string{"go run ./cmd/tocsin ", "./tocsin ", "tocsin "} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			rest, _, _ = strings.Cut(rest, " | ")
			rest, _, _ = strings.Cut(rest, " > ")
			rest, _, _ = strings.Cut(rest, " < ")
			return strings.Fields(rest), true
		}
	}
	return nil, false
}

// checkCommand asks for the help of a command and looks for its flags there.
func checkCommand(t *testing.T, args []string) {
	t.Helper()
	var command []string
	for _, a := range args {
		if strings.HasPrefix(a, "-") || strings.ContainsAny(a, "./@_:") || strings.ToLower(a) != a {
			break
		}
		command = append(command, a)
	}
	// The words of a command end where its first argument stands; help knows how many they are.
	var help string
	for n := len(command); n > 0; n-- {
		out, _, code := run(t, t.TempDir(), nil, append(append([]string{}, command[:n]...), "--help")...)
		if code == 0 && strings.Contains(out, "Usage: tocsin "+strings.Join(command[:n], " ")) {
			help = out
			break
		}
	}
	if help == "" {
		t.Fatalf("there is no command %q", command)
	}
	for _, f := range flags.FindAllString(strings.Join(args, " "), -1) {
		if !strings.Contains(help, f) {
			t.Errorf("%s has no flag %s:\n%s", strings.Join(command, " "), f, help)
		}
	}
}
