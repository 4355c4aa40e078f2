package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/archive"
)

// answered are the columns that verification answers for, and which rows of a table it does so for.
// TestEdits goes through every column of store.Coverage; these are changed at random and in pairs.
var answered = []struct {
	table, columns, where string
}{
	{"entry", "id at actor post act object reason body salt commitment", ""},
	{"place", "seq entry_id hash", ""},
	{"tree", "id level n hash", ""},
	{"checkpoint", "size root note bridge", ""},
	{"signal", "id feed_id blob bytes received_at state rows events rejected refused found seen reopened closed finished_at", ""},
	{"finding", "id created_at state state_at until_at", ""},
	{"history", "finding_id seq at from_state to_state trigger actor", ""},
	{"notice", "id party_id kind parent class reason created_at attempts sent_at answered_at", ""},
	{"notice", "contact_id", "attempts > 0"},
	{"notice", "state", "state not in ('sent', 'delivered')"},
	{"delivery", "notice_id attempt at contact_id outcome", ""},
	{"feed", "id pack urgent quota_rows created_at", ""},
	{"person", "party_id name mail created_at", ""},
	{"assignment", "person_id post_id kind from_at", ""},
	{"post", "powers incompatible", ""},
	{"payload", "sealed", ""},
	{"report", "id kind state outcome what whereabouts seen_on contact salt commitment received_at taken_at taken_by closed_at", "closed_at is not null"},
	{"setting", "value", "name in ('party_version', 'ledger.origin', 'ledger.key')"},
}

// deletable are tables of which every row is missed.
var deletable = []string{"entry", "place", "tree", "signal", "finding", "history", "notice", "delivery", "feed", "person", "assignment", "post", "payload", "report"}

// enums are the values that a column may have by its constraint.
var enums = map[string][]string{
	"signal.state":    {"received", "folded", "refused"},
	"report.kind":     {"phishing", "scam_site", "malware", "vulnerability", "incident", "data_exposed", "question", "complaint"},
	"report.state":    {"received", "acknowledged", "taken", "closed"},
	"report.outcome":  {"", "handled", "passed_on", "answered", "known", "no_harm", "not_ours", "unusable"},
	"assignment.kind": {"holder", "deputy", "acting"},
	"notice.kind":     {"urgent", "digest", "reminder", "escalation"},
	"notice.state":    {"planned", "answered", "failed", "escalated", "withdrawn"},
	"finding.state": {
		"open", "notified", "acknowledged", "remediating", "claimed_fixed", "verified_closed", "disputed", "risk_accepted",
		"false_positive", "stale", "reopened",
	},
}

// TestTamper changes one thing at a time, at random, in a data folder and in its exported log, and verifies: every change
// is found, and what was not changed verifies before and after. TOCSIN_TEST_SEED repeats a run.
func TestTamper(t *testing.T) {
	seed := uint64(20261124)
	if n, err := strconv.ParseUint(os.Getenv("TOCSIN_TEST_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("seed %d", seed)
	home := t.TempDir()
	rig := tamperRig{t: t, r: rand.New(rand.NewPCG(seed, 1)), home: home, data: filepath.Join(home, "data"), export: filepath.Join(home, "export"), kinds: map[string]int{}}
	rig.build()
	rig.clean()
	from := time.Now()
	for n := range mutations {
		what, dir, saved := rig.mutate()
		said, err := verifyIn(t, dir, saved...)
		if err == nil {
			t.Errorf("seed %d, mutation %d was not found: %s\n%s", seed, n, what, said)
		}
		if os.Getenv("TOCSIN_TEST_TAMPER") != "" {
			t.Logf("%s: %v", what, err)
		}
	}
	rig.clean()
	for _, k := range slices.Sorted(maps.Keys(rig.kinds)) {
		t.Logf("%4d %s", rig.kinds[k], k)
	}
	t.Logf("%d mutations in %s", mutations, time.Since(from).Round(time.Millisecond))
}

// verifyIn verifies a folder against saved checkpoints and returns what the command says; an error is what it found.
func verifyIn(t testing.TB, dir string, saved ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := verifyCommand{Where: dir, Checkpoint: saved}
	err := c.Run(&running{ctx: t.Context(), cfg: &Config{}, out: &out, errOut: &out, clock: time.Now})
	return out.String(), err
}

type tamperRig struct {
	t                  *testing.T
	r                  *rand.Rand
	home, data, export string
	saved              string   // a checkpoint that was put aside
	old                []string // folders that were restored from a backup and went on
	files              []string // of the archive, relative to data
	kinds              map[string]int
}

// build makes the folder, its export, a saved checkpoint, and folders restored from a backup that went on.
func (g *tamperRig) build() {
	g.t.Helper()
	w := newEvidenceWorld(g.t, g.data, "")
	now := time.Date(2026, 11, 25, 6, 0, 0, 0, time.UTC)
	w.close()
	backup := g.copy(g.data)
	w = openWorld(g.t, g.data, "")
	for i := range 20 {
		w.must(w.loop.PutFeed(g.t.Context(), now.Add(time.Duration(i)*time.Second), operator, loop.FeedSettings{ID: "recheck", Pack: "recheck"}))
	}
	w.must(w.log.Complete(g.t.Context(), now.Add(time.Hour)))
	exportWorld(w, g.export)
	w.close()
	g.saved = filepath.Join(g.home, "saved-checkpoint")
	note, err := os.ReadFile(filepath.Join(g.data, "checkpoint"))
	w.must(err)
	w.must(os.WriteFile(g.saved, note, 0o600))
	for _, n := range []int{0, 1, 19, 20, 21, 60} {
		dir := g.copy(backup)
		old := openWorld(g.t, dir, "")
		for i := range n {
			old.must(old.loop.PutFeed(g.t.Context(), now.Add(time.Duration(i)*time.Minute), operator, loop.FeedSettings{ID: "ipsum", Pack: "ipsum"}))
		}
		old.must(old.log.Complete(g.t.Context(), now.Add(2*time.Hour)))
		old.close()
		if _, err := verifyIn(g.t, dir); err != nil {
			g.t.Fatalf("a restored folder, as it says of itself: %v", err)
		}
		g.old = append(g.old, dir)
	}
	w.must(filepath.WalkDir(filepath.Join(g.data, "archive"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(g.data, path)
			g.files = append(g.files, rel)
		}
		return err
	}))
}

// clean verifies what nobody has touched.
func (g *tamperRig) clean() {
	g.t.Helper()
	for _, dir := range []string{g.data, g.export} {
		for _, saved := range [][]string{nil, {g.saved}} {
			said, err := verifyIn(g.t, dir, saved...)
			if err != nil {
				g.t.Fatalf("%s was not touched: %v", dir, err)
			}
			g.t.Log(said)
		}
	}
}

// mutate makes one change at random, in a copy, and returns what it was and how to look for it.
func (g *tamperRig) mutate() (what, dir string, saved []string) {
	g.t.Helper()
	work := filepath.Join(g.home, "work")
	if err := os.RemoveAll(work); err != nil {
		g.t.Fatal(err)
	}
	var kind string
	switch n := g.r.IntN(100); {
	case n < 50:
		g.into(g.data, work)
		kind, what = g.column(work)
	case n < 58:
		g.into(g.data, work)
		kind, what = g.swap(work)
	case n < 66:
		g.into(g.data, work)
		kind, what = g.remove(work)
	case n < 76:
		g.into(g.data, work)
		kind, what = "archive: ", g.file(work, g.files)
	case n < 94:
		g.into(g.export, work)
		kind, what = "export: ", g.file(work, listed(g.t, work))
	case n < 97:
		g.into(g.data, work)
		kind, what = "data folder: ", g.file(work, []string{"checkpoint", "ledger-key.pub"})
	case n < 98:
		g.into(g.data, work)
		kind, what = "database file: ", g.file(work, []string{"tocsin.db"})
	case n < 99:
		g.into(g.data, work)
		kind, what = "strip", g.strip(work)
	default:
		dir := g.old[g.r.IntN(len(g.old))]
		g.kinds["restored backup"]++
		return "restored backup " + dir, dir, []string{g.saved}
	}
	if strings.HasSuffix(kind, ": ") {
		kind += strings.Fields(what)[0]
	}
	g.kinds[kind]++
	return kind + ": " + what, work, nil
}

func (g *tamperRig) into(from, to string) {
	g.t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *tamperRig) copy(from string) string {
	g.t.Helper()
	to := filepath.Join(g.home, "copy-"+strconv.Itoa(len(g.old))+"-"+strconv.FormatUint(g.r.Uint64(), 36))
	g.into(from, to)
	return to
}

func listed(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// file flips a bit of a file, cuts it short or deletes it. A flipped bit of a packed blob that unpacks to the same bytes
// is no change of evidence; another one is flipped then. The saved checkpoint and the database are not deleted.
func (g *tamperRig) file(dir string, names []string) string {
	g.t.Helper()
	name := names[g.r.IntN(len(names))]
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		g.t.Fatal(err)
	}
	how := g.r.IntN(4)
	switch {
	case how == 0 && name != "checkpoint" || len(data) == 0:
		if err := os.Remove(path); err != nil {
			g.t.Fatal(err)
		}
		return "delete " + name
	case how == 1 || name == "tocsin.db":
		cut := g.r.IntN(len(data))
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			g.t.Fatal(err)
		}
		return fmt.Sprintf("truncate %s to %d of %d bytes", name, cut, len(data))
	}
	for {
		at, bit := g.r.IntN(len(data)), g.r.IntN(8)
		other := bytes.Clone(data)
		other[at] ^= 1 << bit
		if err := os.WriteFile(path, other, 0o600); err != nil {
			g.t.Fatal(err)
		}
		if !strings.HasPrefix(name, "archive") || !g.same(dir, name) {
			return fmt.Sprintf("flip bit %d of byte %d of %s", bit, at, name)
		}
	}
}

// same reports whether a blob still unpacks to the bytes that its name stands for.
func (g *tamperRig) same(dir, name string) bool {
	a, err := archive.Open(filepath.Join(dir, "archive"))
	if err != nil {
		g.t.Fatal(err)
	}
	defer a.Close()
	hash := strings.TrimSuffix(filepath.Base(name), ".zst")
	b, err := a.Get(hash)
	if err != nil {
		return false
	}
	defer b.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, b)
	return err == nil && hex.EncodeToString(sum.Sum(nil)) == hash
}

// open opens the database of a copy as somebody would who goes behind the program's back.
func (g *tamperRig) open(dir string) *sql.DB {
	g.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "tocsin.db")+"?_pragma=synchronous(OFF)&_pragma=foreign_keys(0)")
	if err != nil {
		g.t.Fatal(err)
	}
	return db
}

var background = context.Background()

// column changes one value.
func (g *tamperRig) column(dir string) (kind, what string) {
	g.t.Helper()
	db := g.open(dir)
	defer db.Close()
	for {
		a := answered[g.r.IntN(len(answered))]
		columns := strings.Fields(a.columns)
		column := columns[g.r.IntN(len(columns))]
		row, ok := g.row(db, a.table, column, a.where)
		if !ok {
			continue
		}
		to := g.other(a.table+"."+column, row.value)
		if to == nil && row.value == nil {
			continue
		}
		_, err := db.ExecContext(background, fmt.Sprintf("update %s set %s = $1 where %s", a.table, column, row.key), append([]any{to}, row.args...)...)
		if err != nil {
			continue // a constraint keeps this value out
		}
		return "column " + a.table + "." + column, fmt.Sprintf("%v where %s %v: %v to %v", column, row.key, row.args, brief(row.value), brief(to))
	}
}

func brief(v any) string {
	s := fmt.Sprint(v)
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return s
}

type rowAt struct {
	key   string
	args  []any
	value any
}

// keys name a row of each table.
var rowKeys = map[string][]string{
	"entry": {"id"}, "place": {"seq"}, "tree": {"id"}, "checkpoint": {"size"}, "signal": {"id"}, "finding": {"id"}, "history": {"finding_id", "seq"},
	"notice": {"id"}, "delivery": {"notice_id", "attempt"}, "feed": {"id"}, "setting": {"name"},
	"person": {"id"}, "assignment": {"id"}, "post": {"id"}, "payload": {"entry_id"}, "report": {"id"},
}

// row picks a row at random.
func (g *tamperRig) row(db *sql.DB, table, column, where string) (rowAt, bool) {
	g.t.Helper()
	if where == "" {
		where = "1 = 1"
	}
	var n int
	if err := db.QueryRowContext(background, "select count(*) from "+table+" where "+where).Scan(&n); err != nil {
		g.t.Fatal(err)
	}
	if n == 0 {
		return rowAt{}, false
	}
	keys := rowKeys[table]
	at := rowAt{key: keys[0] + " = $2", args: make([]any, len(keys))} // $1 is the new value
	if len(keys) == 2 {
		at.key += " and " + keys[1] + " = $3"
	}
	dest := []any{&at.value}
	for i := range at.args {
		dest = append(dest, &at.args[i])
	}
	err := db.QueryRowContext(background, fmt.Sprintf("select %s, %s from %s where %s order by %s limit 1 offset %d", column,
		strings.Join(keys, ", "), table, where, strings.Join(keys, ", "), g.r.IntN(n))).Scan(dest...)
	if err != nil {
		g.t.Fatal(err)
	}
	if b, ok := at.value.([]byte); ok && b == nil { // no bytes, which is not null
		at.value = []byte{}
	}
	return at, true
}

// other returns another value of the same kind.
func (g *tamperRig) other(column string, v any) any {
	if list := enums[column]; list != nil {
		for {
			if to := list[g.r.IntN(len(list))]; to != v {
				return to
			}
		}
	}
	switch v := v.(type) {
	case bool:
		return !v
	case nil:
		return int64(1 + g.r.IntN(1<<40))
	case int64:
		if g.r.IntN(2) == 0 {
			return v + 1
		}
		return v ^ 1<<g.r.IntN(40)
	case []byte:
		if len(v) == 0 {
			return []byte{byte(g.r.IntN(256))}
		}
		to := bytes.Clone(v)
		to[g.r.IntN(len(to))] ^= 1 << g.r.IntN(8)
		return to
	case string:
		if v == "" {
			return "x"
		}
		to := []byte(v)
		i := g.r.IntN(len(to))
		switch g.r.IntN(3) {
		case 0:
			return string(append(to[:i:i], to[i+1:]...))
		case 1:
			return v + "x"
		}
		to[i] = to[i]&0x80 | (to[i]&0x7f)%0x5e + 0x21
		if string(to) == v {
			return v + "y"
		}
		return string(to)
	}
	g.t.Fatalf("%s: a %T", column, v)
	return nil
}

// swap exchanges what two rows hold in one column.
func (g *tamperRig) swap(dir string) (kind, what string) {
	g.t.Helper()
	db := g.open(dir)
	defer db.Close()
	for {
		a := answered[g.r.IntN(len(answered)-1)]
		columns := strings.Fields(a.columns)
		column := columns[g.r.IntN(len(columns))]
		x, ok := g.row(db, a.table, column, a.where)
		y, _ := g.row(db, a.table, column, a.where)
		if !ok || fmt.Sprint(x.value) == fmt.Sprint(y.value) || slices.Contains(rowKeys[a.table], column) || a.table+"."+column == "place.entry_id" {
			continue
		}
		if column == "state" && a.table == "notice" && (x.value == "sending" || y.value == "sending") {
			continue
		}
		update := fmt.Sprintf("update %s set %s = $1 where %s", a.table, column, x.key)
		_, err := db.ExecContext(background, update, append([]any{y.value}, x.args...)...)
		if err != nil {
			continue
		}
		if _, err := db.ExecContext(background, update, append([]any{x.value}, y.args...)...); err != nil {
			g.t.Fatal(err)
		}
		return "swap in " + a.table, fmt.Sprintf("%s of %v and %v", column, x.args, y.args)
	}
}

// remove deletes one row.
func (g *tamperRig) remove(dir string) (kind, what string) {
	g.t.Helper()
	db := g.open(dir)
	defer db.Close()
	for {
		table := deletable[g.r.IntN(len(deletable))]
		row, ok := g.row(db, table, rowKeys[table][0], "")
		if !ok {
			continue
		}
		if _, err := db.ExecContext(background, fmt.Sprintf("delete from %s where $1 = 0 and %s", table, row.key), append([]any{0}, row.args...)...); err != nil {
			g.t.Fatal(err)
		}
		return "delete from " + table, fmt.Sprintf("%s %v", row.key, row.args)
	}
}
