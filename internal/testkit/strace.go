package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Traced puts strace before a command, and returns what reads the system calls that the command has made, in the order in which
// they came to their end, with the paths of what they were about. Names of calls that a machine may not have begin with "?".
func Traced(t testing.TB, cmd *exec.Cmd, calls string) (read func() []string) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		Missing(t, "strace is not installed")
	}
	if out, err := exec.CommandContext(t.Context(), strace, "-f", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		Missing(t, "strace may not trace here: "+string(out))
	}
	log := filepath.Join(t.TempDir(), "strace.log")
	cmd.Args = append([]string{strace, "-f", "-q", "-y", "-s", "128", "-e", "signal=none", "-e", "trace=" + calls, "-o", log, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = strace
	return func() []string {
		t.Helper()
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return ended(string(text))
	}
}

var traceLine = regexp.MustCompile(`^(\d+) +(.*)$`)

// ended puts calls together that strace shows in two parts since another thread's came between.
func ended(log string) []string {
	begun := map[string]string{} // by thread
	var out []string
	for line := range strings.SplitSeq(log, "\n") {
		m := traceLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		thread, call := m[1], m[2]
		if begin, ok := strings.CutSuffix(call, "<unfinished ...>"); ok {
			begun[thread] = begin
			continue
		}
		if _, rest, ok := strings.Cut(call, " resumed>"); ok && strings.HasPrefix(call, "<... ") {
			call = begun[thread] + rest
		}
		out = append(out, call)
	}
	return out
}
