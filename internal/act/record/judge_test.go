package record_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// Whatever somebody pastes is recognised, and called what it is: right, of elsewhere, changed, or against what the log
// says now.
func TestJudge(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := open(t, s, t.TempDir())
		add(t, s, 3)
		early := complete(t, l, morning, 3).Note
		add(t, s, 300)
		newest := complete(t, l, morning, 303).Note
		proof, err := l.Proof(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		asJSON, _ := json.MarshalIndent(proof, "", "  ")
		bridge, err := l.Consistency(t.Context(), 3)
		if err != nil {
			t.Fatal(err)
		}
		between, _ := json.Marshal(bridge)
		public, err := l.PublicKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		other := other(t)
		for name, c := range map[string]struct {
			text    string
			paper   record.Paper
			verdict record.Verdict
			last    string // code of the last check
		}{
			"newest":              {newest, record.PaperCheckpoint, record.Genuine, "root"},
			"early":               {early, record.PaperCheckpoint, record.Genuine, "root"},
			"pasted in a form":    {"\ufeff \n" + strings.ReplaceAll(early, "\n", "\r\n") + " \r\n", record.PaperCheckpoint, record.Genuine, "root"},
			"other size":          {strings.Replace(early, "\n3\n", "\n4\n", 1), record.PaperCheckpoint, record.Forged, "signature"},
			"other ledger":        {other, record.PaperCheckpoint, record.Foreign, "origin"},
			"other key, our name": {sameName(t), record.PaperCheckpoint, record.Forged, "signature"},
			"proof":               {proof.Text(), record.PaperProof, record.Genuine, "inclusion"},
			"cut proof":           {proof.Text()[:200], record.PaperProof, record.Forged, "form"},
			"proof of another":    {strings.Replace(proof.Text(), "index 1\n", "index 2\n", 1), record.PaperProof, record.Forged, "inclusion"},
			"proof as JSON":       {string(asJSON), record.PaperProofJSON, record.Genuine, "inclusion"},
			"changed JSON":        {strings.Replace(string(asJSON), `"seq": 2`, `"seq": 3`, 1), record.PaperProofJSON, record.Forged, "inclusion"},
			"consistency":         {string(between), record.PaperConsistency, record.Genuine, "consistency"},
			"the wrong way":       {strings.NewReplacer(`"old"`, `"new"`, `"new"`, `"old"`).Replace(string(between)), record.PaperConsistency, record.Forged, "consistency"},
			"record":              {string(proof.Record), record.PaperRecord, record.Genuine, "leaf"},
			"changed record":      {strings.Replace(string(proof.Record), "feed:1", "feed:2", 1), record.PaperRecord, record.Forged, "leaf"},
			"malformed record":    {strings.Replace(string(proof.Record), `"seq":`, `"seq": `, 1), record.PaperRecord, record.Forged, "form"},
			"keys":                {public, record.PaperKeys, record.Genuine, "key"},
			"foreign key":         {"a.example+0123abcd+AbCd", record.PaperKeys, record.Foreign, "key"},
			"nothing":             {" \n", record.PaperNone, record.Unknown, ""},
			"prose":               {"Dear authority,\n\nwhat is this?", record.PaperNone, record.Unknown, ""},
		} {
			j, err := l.Judge(t.Context(), c.text)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			last := ""
			for i, step := range j.Checks {
				if last = step.Code; step.OK != (i < len(j.Checks)-1 || c.verdict == record.Genuine) {
					t.Errorf("%s: step %d, %+v", name, i, step)
				}
			}
			if j.Paper != c.paper || j.Verdict != c.verdict || last != c.last || j.Newest != 303 {
				t.Errorf("%s: %+v, want %+v", name, j, c)
			}
			if genuine := c.verdict == record.Genuine; (j.Record != nil) != (genuine && (last == "inclusion" || last == "leaf")) {
				t.Errorf("%s: tells the record %+v", name, j.Record)
			}
		}
		if _, err := l.Judge(t.Context(), strings.Repeat("x", record.MaxPaper+1)); !errors.Is(err, fault.TooLarge) {
			t.Errorf("too large: %v", err)
		}
	})
}

// A signed checkpoint that the log does not agree with any more is the gravest finding: history was changed, or an old
// backup was restored.
func TestJudgeContradiction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := testkit.SQLite(t)
	l := open(t, first, dir)
	add(t, first, 2)
	two := complete(t, l, morning, 2).Note
	add(t, first, 3)
	five := complete(t, l, morning, 5).Note

	second := testkit.SQLite(t) // the same key, another history
	again := record.New(second, record.Settings{Dir: copyOf(t, dir, "ledger-key", "ledger-key.pub"), Origin: origin})
	add(t, second, 3)
	complete(t, again, morning, 3)
	for name, c := range map[string]struct{ text, last string }{"another history": {two, "root"}, "entries are gone": {five, "size"}} {
		j, err := again.Judge(t.Context(), c.text)
		if err != nil || j.Verdict != record.Contradicts || j.Checks[len(j.Checks)-1].Code != c.last || j.Checks[len(j.Checks)-1].OK {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
	}
}

// other is a checkpoint of a ledger of another name.
func other(t *testing.T) string { return foreignLog(t, "elsewhere.example/ledger") }

// sameName is a checkpoint that somebody signed with a key of theirs under our log's name.
func sameName(t *testing.T) string { return foreignLog(t, origin) }

func foreignLog(t *testing.T, name string) string {
	t.Helper()
	s := testkit.SQLite(t)
	l := record.New(s, record.Settings{Dir: t.TempDir(), Origin: name})
	add(t, s, 3)
	return complete(t, l, morning, 3).Note
}

// What the forms look like never makes the recogniser fail, and what is tidy stays so.
func FuzzRecognise(f *testing.F) {
	f.Add("csirt.example/ledger\n3\nq83vq83vq83vq83vq83vq83vq83vq83vq83vq83vq80=\n\n— csirt.example/ledger q83vqw==\n")
	f.Add("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n")
	f.Add(`{"old":"","new":"","hashes":null}`)
	f.Add(`{"seq":1,"prev":"","salt":""}`)
	f.Add("a.example+0123abcd+AbCd\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		tidy := record.Tidy(text)
		if record.Tidy(tidy) != tidy {
			t.Fatalf("%q is not tidy: %q", tidy, record.Tidy(tidy))
		}
		if got := record.Recognise(tidy); got == "" {
			t.Fatalf("%q is no paper at all", tidy)
		}
	})
}

// copyOf returns a new folder with copies of files of another.
func copyOf(t *testing.T, dir string, names ...string) string {
	t.Helper()
	out := t.TempDir()
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(out, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}
