package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/testkit"
)

// inOrder fails where the system calls do not hold all of these, one after the other; every call before the one that matches
// is passed over, but none that matches not.
func inOrder(t *testing.T, calls []string, not string, want ...string) {
	t.Helper()
	stop := regexp.MustCompile(not)
	at := 0
	for _, call := range calls {
		switch {
		case at == len(want):
			return
		case regexp.MustCompile(want[at]).MatchString(call):
			at++
		case stop.MatchString(call):
			t.Fatalf("%s came before %s:\n%s", call, want[at], strings.Join(calls, "\n"))
		}
	}
	if at < len(want) {
		t.Fatalf("no %s in its place:\n%s", want[at], strings.Join(calls, "\n"))
	}
}

// TestDurable watches the system calls of a server that takes a signal, and of a backup. Before the sender's answer leaves, the
// signal's bytes, its name and the names of its folders are on the disk, and so is its row. Before a backup has a manifest,
// everything that the manifest names is on the disk, and every folder.
func TestDurable(t *testing.T) {
	heavy(t)
	dir := t.TempDir()
	must(t, dir, nil, "feed", "add", "generic-ip-list")
	out, stderr, code := run(t, dir, nil, "feed", "token", "generic-ip-list")
	if code != 0 {
		t.Fatal(stderr)
	}
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0")
	calls := testkit.Traced(t, cmd, "fsync,fdatasync,?rename,?renameat,?renameat2,write,pwrite64")
	p := startCommand(t, dir, nil, cmd)
	at, _ := p.wait(`door=pages address=(\S+)`, 1, 60*time.Second)
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at[0]+"/api/v1/signals?name=list.txt", strings.NewReader("198.51.100.7\n"))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(out))
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("the signal is %s", a.Status)
	}
	stopTraced(t, p)
	inOrder(t, calls(), `^write\(.*"HTTP/1.1 201`,
		`^write\(\d+<.*/archive/tmp_`, `^fsync\(\d+<.*/archive/tmp_.*= 0`, `^renameat2?\(.*"tmp_.*= 0`,
		`^fsync\(\d+<.*/archive/[0-9a-f]{2}>\) += 0`, `^fsync\(\d+<.*/archive>\) += 0`,
		`^pwrite64\(\d+<.*/tocsin.db-wal>`, `^(fsync|fdatasync)\(\d+<.*/tocsin.db-wal>\) += 0`,
		`^write\(.*"HTTP/1.1 201`)

	cmd = exec.Command(binary, "backup", "copy")
	calls = testkit.Traced(t, cmd, "fsync,fdatasync,?rename,?renameat,?renameat2")
	cmd.Dir, cmd.Env = dir, bare(dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	synced, named := map[string]bool{}, false
	for _, call := range calls() {
		if m := regexp.MustCompile(`^f(?:data)?sync\(\d+<(.*)>\) += 0`).FindStringSubmatch(call); m != nil {
			synced[m[1]] = true
		}
		if strings.HasPrefix(call, "rename") && strings.Contains(call, "/MANIFEST\"") {
			named = true
			break
		}
	}
	if !named {
		t.Fatal("no MANIFEST was named")
	}
	err = filepath.WalkDir(filepath.Join(dir, "copy"), func(path string, _ os.DirEntry, err error) error {
		if name := strings.TrimSuffix(path, "/MANIFEST"); !synced[path] && (name == path || !synced[path+".new"]) {
			t.Errorf("%s was not on the disk before the manifest had its name", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRestoreKilled kills a restore at one fsync after the other. What is left is refused, or empty, or whole and verifies.
func TestRestoreKilled(t *testing.T) {
	heavy(t)
	strace := need(t, "strace")
	dir := t.TempDir()
	must(t, dir, nil, "feed", "add", "generic-ip-list")
	must(t, dir, nil, "verify")
	must(t, dir, nil, "backup", "copy")
	killed, refused := 0, 0
	for n := 1; ; n++ {
		if n > 100 {
			t.Fatal("it never comes to its end")
		}
		back := fmt.Sprint("back", n)
		cmd := exec.Command(strace, "-f", "-q", "-o", os.DevNull, "-e", "trace=fsync", "-e", fmt.Sprintf("inject=fsync:signal=SIGKILL:when=%d", n),
			binary, "restore", "copy", "--data", back)
		cmd.Dir, cmd.Env = dir, append(bare(dir), "GOMAXPROCS=1")
		_, err := cmd.CombinedOutput()
		list, _ := os.ReadDir(filepath.Join(dir, back)) // it may not be there
		if err == nil {
			must(t, dir, nil, "verify", back)
			break
		}
		killed++
		if len(list) == 0 {
			continue
		}
		if _, stderr, code := run(t, dir, nil, "feed", "list", "--data", back); code == 0 {
			must(t, dir, nil, "verify", back)
		} else if refused++; !strings.Contains(stderr, "did not come to its end") {
			t.Errorf("killed at fsync %d: %s", n, stderr)
		}
	}
	t.Logf("killed %d times, refused %d times", killed, refused)
	if refused < 5 {
		t.Errorf("only %d of %d were refused", refused, killed)
	}
}

// stopTraced ends what strace traces, as an operator does; strace ends with it.
func stopTraced(t *testing.T, p *process) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
}
