package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// faultCalls are the system calls by which one act reaches the disk: what is not in a run is left out by itself.
	faultCalls = "write,pwrite64,writev,pwritev,fsync,fdatasync,sync_file_range,openat,open,creat,rename,renameat,renameat2," +
		"link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,truncate,fallocate,fchmod,fchmodat,pread64"
	// faultMost is how many places of one kind of call are hit: all where there are fewer, else spread over the run.
	faultMost = 30
	// faultLeast is how many faults must have struck in all.
	faultLeast = 60
)

// TestLedgerFaults runs one command that appends to the ledger, gives the entry its place and signs a checkpoint, and
// makes one system call of it after the other fail, or kills the program in it. After each the whole folder verifies:
// the act is there whole or not at all. Then the same command, unhindered, succeeds and the folder verifies again.
//
// strace counts calls for each thread by itself, and the runtime spreads work over threads as it likes, so some faults
// never strike; those are counted and shown, and make no difference to what must hold.
func TestLedgerFaults(t *testing.T) {
	heavy(t)
	strace := need(t, "strace")
	if out, err := exec.Command(strace, "-f", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must let strace trace: %v\n%s", err, out)
		}
		t.Skipf("strace may not trace here: %v\n%s", err, out)
	}
	base := t.TempDir()
	must(t, base, nil, "feed", "add", "shadowserver")
	must(t, base, nil, "verify")
	rig := faultRig{t: t, strace: strace, base: base, args: []string{"feed", "add", "second", "--pack", "shadowserver"}}

	kinds := rig.count()
	from := time.Now()
	planned, struck, failed := 0, map[string]int{}, 0
	for _, call := range slices.Sorted(maps.Keys(kinds)) {
		for _, n := range spread(kinds[call], faultMost) {
			for _, how := range []string{"error=EIO", "signal=SIGKILL"} {
				planned++
				hit, code := rig.inject(call, how, n)
				if hit {
					struck[call+" "+how]++
				}
				if code != 0 {
					failed++
				}
			}
		}
	}
	sum := 0
	for _, call := range slices.Sorted(maps.Keys(kinds)) {
		eio, kill := struck[call+" error=EIO"], struck[call+" signal=SIGKILL"]
		sum += eio + kill
		t.Logf("%-12s %3d calls in one thread, %2d times EIO, %2d times killed", call, kinds[call], eio, kill)
		if eio+kill == 0 {
			t.Errorf("no fault struck any %s", call)
		}
	}
	t.Logf("%d faults planned, %d struck, %d runs failed, in %s", planned, sum, failed, time.Since(from).Round(time.Second))
	if sum < faultLeast {
		t.Errorf("%d faults struck, at least %d were wanted", sum, faultLeast)
	}
}

// faultRig is one command and the folder that each run starts from.
type faultRig struct {
	t      *testing.T
	strace string
	base   string
	args   []string
}

var traced = regexp.MustCompile(`(?m)^(\d+) +([a-z0-9_]+)\(`)

// count runs the command once and returns how often a thread made each call, for the thread that made it most often.
func (r *faultRig) count() map[string]int {
	r.t.Helper()
	dir := r.copy()
	log := filepath.Join(dir, "strace.log")
	code, out := r.run(dir, "-e", "trace="+known(r.strace, faultCalls), "-o", log)
	if code != 0 {
		r.t.Fatalf("the command fails without a fault: %d\n%s", code, out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		r.t.Fatal(err)
	}
	threads := map[[2]string]int{}
	for _, m := range traced.FindAllStringSubmatch(string(text), -1) {
		threads[[2]string{m[1], m[2]}]++
	}
	most := map[string]int{}
	for k, n := range threads {
		most[k[1]] = max(most[k[1]], n)
	}
	return most
}

// inject runs the command on a copy of the folder with a fault in the n-th call, and looks whether what is left holds.
func (r *faultRig) inject(call, how string, n int) (struck bool, code int) {
	r.t.Helper()
	dir := r.copy()
	log := filepath.Join(dir, "strace.log")
	at := fmt.Sprintf("inject=%s:%s:when=%d", call, how, n)
	code, out := r.run(dir, "-e", "trace="+call, "-e", at, "-o", log)
	text, err := os.ReadFile(log)
	if err != nil {
		r.t.Fatal(err)
	}
	struck = strings.Contains(string(text), "(INJECTED)") || strings.Contains(string(text), "killed by SIGKILL")
	if stdout, stderr, bad := run(r.t, dir, nil, "verify"); bad != 0 {
		r.t.Errorf("%s: the folder does not verify:\n%s%s\nthe command had said (%d):\n%s", at, stdout, stderr, code, out)
	}
	if stdout, stderr, bad := run(r.t, dir, nil, r.args...); bad != 0 {
		r.t.Errorf("%s: the command fails afterwards:\n%s%s", at, stdout, stderr)
	} else if stdout, stderr, bad := run(r.t, dir, nil, "verify"); bad != 0 {
		r.t.Errorf("%s: the folder does not verify after the command ran again:\n%s%s", at, stdout, stderr)
	}
	if err := os.RemoveAll(dir); err != nil {
		r.t.Fatal(err)
	}
	return struck, code
}

func (r *faultRig) run(dir string, flags ...string) (int, string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.strace, append(append([]string{"-f", "-q"}, flags...), append([]string{binary}, r.args...)...)...)
	cmd.Dir, cmd.Env = dir, bare(dir)
	out, err := cmd.CombinedOutput()
	code := exitCode(err)
	if err != nil && code == 0 {
		r.t.Fatalf("%v\n%s", err, out)
	}
	return code, string(out)
}

func (r *faultRig) copy() string {
	r.t.Helper()
	dir, err := os.MkdirTemp(r.t.TempDir(), "run")
	if err == nil {
		err = os.CopyFS(dir, os.DirFS(r.base))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return dir
}

// known leaves out the names of calls that this machine's architecture does not have.
func known(strace, names string) string {
	var out []string
	for n := range strings.SplitSeq(names, ",") {
		if exec.Command(strace, "-o", os.DevNull, "-e", "trace="+n, "true").Run() == nil {
			out = append(out, n)
		}
	}
	return strings.Join(out, ",")
}

// spread returns at most most numbers from 1 to n, the first and the last among them.
func spread(n, most int) []int {
	var out []int
	for i := range min(n, most) {
		at := i + 1
		if n > most {
			at = 1 + i*(n-1)/(most-1)
		}
		out = append(out, at)
	}
	return out
}
