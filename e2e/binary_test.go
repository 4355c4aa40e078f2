package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the path of the program under test.
var binary string

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func build(m *testing.M) (int, error) {
	if binary = os.Getenv("TOCSIN_TEST_BINARY"); binary != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "tocsin-e2e")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "tocsin")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/tocsin").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// heavy leaves a long test to .ci/run and to whoever asks for it.
func heavy(t *testing.T) {
	t.Helper()
	if os.Getenv("TOCSIN_TEST_E2E") == "" {
		t.Skip("set TOCSIN_TEST_E2E=1 to run this: it takes long or needs tools")
	}
}

// need returns the path of a tool; where CI runs it must be there.
func need(t *testing.T, names ...string) string {
	t.Helper()
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("CI must provide %s", names[0])
	}
	t.Skipf("%s is not installed", names[0])
	return ""
}

// process is a running binary whose output can be waited for.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	start time.Time
	done  chan struct{}
	err   error // of Wait, after done

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced at each new line
}

// start runs the binary in dir with a bare environment: nothing of the tester's own reaches it.
func start(t testing.TB, dir string, env []string, args ...string) *process {
	t.Helper()
	return startCommand(t, dir, env, exec.Command(binary, args...))
}

// startCommand is start for a command that runs the binary in some way.
func startCommand(t testing.TB, dir string, env []string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, done: make(chan struct{}), more: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(bare(dir), env...)
	out, in := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = in, in
	p.start = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(out)
	go func() {
		p.err = p.cmd.Wait()
		_ = in.Close()
		close(p.done)
	}()
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	return p
}

// bare is an environment in which everything that the program might write lies below dir.
func bare(dir string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "LC_ALL=C.UTF-8", "TZ=UTC"}
}

func (p *process) read(out io.Reader) {
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, s.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, out) // a line over the limit must not block the program
}

// output is everything printed so far.
func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// wait returns the first n matches of re in the output (its first group, when it has one) and how long after the start
// the last of them was there. It fails the test after limit, or when the process has ended without them.
func (p *process) wait(re string, n int, limit time.Duration) ([]string, time.Duration) {
	p.t.Helper()
	pattern := regexp.MustCompile(re)
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	for {
		p.mu.Lock()
		more := p.more
		text := strings.Join(p.lines, "\n")
		p.mu.Unlock()
		var found []string
		for _, m := range pattern.FindAllStringSubmatch(text, n) {
			found = append(found, m[len(m)-1])
		}
		if len(found) >= n {
			return found, time.Since(p.start)
		}
		select {
		case <-more:
		case <-p.done:
			p.t.Fatalf("the process ended (%v) without %d of %s:\n%s", p.err, n, re, text)
		case <-ctx.Done():
			p.t.Fatalf("after %v there are %d of %d of %s:\n%s", limit, len(found), n, re, text)
		}
	}
}

// stop signals the process, waits for its end and returns its exit code, -1 when a signal ended it.
func (p *process) stop(sig syscall.Signal) int {
	_ = p.cmd.Process.Signal(sig) // it may have ended by itself
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
		p.t.Errorf("the process did not end within 30 s of %v", sig)
	}
	return exitCode(p.err)
}

// run runs the binary to its end and returns what it printed and its exit code.
func run(t testing.TB, dir string, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = dir
	cmd.Env = append(bare(dir), env...)
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if code = exitCode(err); err != nil && code == 0 {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), code
}

func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}
