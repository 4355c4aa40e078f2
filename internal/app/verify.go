package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/act/casework"
	"tocsin/internal/act/record"
	"tocsin/internal/act/staff"
	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

type verifyCommand struct {
	Where      string   `arg:"" optional:"" help:"A data folder, the folder of an exported log, or the http(s) address of a served one (the configured data)."`
	Checkpoint []string `placeholder:"FILE" help:"A checkpoint that was saved elsewhere: the log must be a continuation of it."`
	Key        []string `placeholder:"VKEY" help:"Trust this verifier key of the log, and what it hands over to; else the keys that lie with the log."`
}

// Run recomputes everything and names the first thing that is wrong.
func (c *verifyCommand) Run(r *running) error {
	from := r.clock()
	var found string
	var err error
	switch {
	case strings.HasPrefix(c.Where, "http://"), strings.HasPrefix(c.Where, "https://"):
		found, err = c.files(urlFiles(r.ctx, strings.TrimRight(c.Where, "/")))
	case c.Where != "" && isDir(filepath.Join(c.Where, "tile")):
		found, err = c.files(folderFiles(c.Where))
	default:
		found, err = c.installation(r)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "Nothing was changed.\n%s%-12s %s\n", found, "time", r.clock().Sub(from).Round(time.Millisecond))
	return err
}

// files verifies a log that is laid out in tiles.
func (c *verifyCommand) files(read ledger.Files) (string, error) {
	keys, trusted, err := c.keys(func() ([]byte, error) { return read(ledger.KeysPath) })
	if err != nil {
		return "", err
	}
	claims, err := c.claims(keys)
	if err != nil {
		return "", err
	}
	v, err := ledger.VerifyFiles(read, keys, claims, nil)
	if err != nil {
		return "", err
	}
	if len(trusted) > 0 && !anyOf(v.Keys, trusted) {
		return "", fault.New(fault.Denied, "the checkpoint is signed by %s, and by no key that you trust", strings.Join(v.Keys, ", "))
	}
	var out strings.Builder
	out.WriteString(fmt.Sprintf("%-12s %s\n%-12s %d\n%-12s %s\n%-12s %s\n", "log", v.Origin, "entries", v.Size, "root", v.Root,
		"signed by", strings.Join(v.Keys, ", ")))
	if v.HashesOnly {
		out.WriteString(fmt.Sprintf("%-12s not here: only hashes were verified\n", "records"))
	}
	for _, w := range v.Cosigned {
		out.WriteString(fmt.Sprintf("%-12s %s at %s\n", "witnessed by", w.Name, w.At.Format(time.RFC3339)))
	}
	return out.String(), nil
}

// installation verifies a data folder with its database.
func (c *verifyCommand) installation(r *running) (string, error) {
	data, dsn := r.cfg.Data, r.cfg.Database
	if c.Where != "" {
		data = c.Where
	}
	if dsn == "" {
		dsn = filepath.Join(data, "tocsin.db")
		if _, err := os.Stat(dsn); err != nil {
			return "", fault.New(fault.NotFound, "%s is neither a data folder (it has no tocsin.db) nor an exported log (it has no tile)", data)
		}
	}
	v, err := c.verifyFolder(r, data, dsn)
	if err != nil {
		return "", err
	}
	return verifiedText(v), nil
}

// verifyFolder verifies a data folder whose database is at dsn.
func (c *verifyCommand) verifyFolder(r *running, data, dsn string) (record.Verified, error) {
	if !isDir(filepath.Join(data, "archive")) {
		return record.Verified{}, fault.New(fault.Conflict, "the archive of %s is missing", data)
	}
	e, err := c.evidence(data)
	if err != nil {
		return record.Verified{}, err
	}
	e.Now = r.clock()
	s, err := store.Inspect(r.ctx, dsn)
	if err != nil {
		return record.Verified{}, err
	}
	a, err := archive.OpenExisting(filepath.Join(data, "archive"))
	if err != nil {
		return record.Verified{}, errors.Join(err, s.Close())
	}
	v, err := verifyStore(r.ctx, s, a, e, data)
	return v, errors.Join(err, a.Close(), s.Close())
}

// verifyStore verifies the log and what it answers for, then compares who may do what with what the ledger's acts
// committed to: the folder's key opens their payloads.
func verifyStore(ctx context.Context, s *store.Store, a *archive.Archive, e record.Evidence, data string) (record.Verified, error) {
	v, err := record.Verify(ctx, s, a, e)
	if err != nil {
		return v, err
	}
	key, err := os.ReadFile(filepath.Join(data, "key"))
	if err != nil {
		return v, fault.New(fault.Conflict, "the key of %s cannot be read: without it nobody can tell whether its people are those of the ledger", data)
	}
	if err := staff.New(s, staff.Settings{Key: key}).CheckPeople(ctx); err != nil {
		return v, err
	}
	return v, casework.New(casework.Config{Store: s, Settings: casework.Settings{Key: key}}).CheckContacts(ctx)
}

func verifiedText(v record.Verified) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %d", "entries", v.Size)
	if v.Waiting > 0 {
		fmt.Fprintf(&b, ", and %d that wait for their place", v.Waiting)
	}
	fmt.Fprintf(&b, "\n%-12s %s\n%-12s %d, the newest of %d entries\n", "root", v.Root, "checkpoints", v.Checkpoints, v.Signed)
	if v.Signed < v.Size {
		fmt.Fprintf(&b, "%-12s %d entries are signed by nobody yet: %d to %d\n", "ATTENTION", v.Size-v.Signed, v.Signed+1, v.Size)
	}
	fmt.Fprintf(&b, "%-12s %d\n%-12s %d, %d bytes\n%-12s %d, with %d steps\n%-12s %d\n%-12s %d\n%-12s %d\n", "signals", v.Signals, "blobs", v.Blobs, v.Bytes,
		"findings", v.Findings, v.Steps, "notices", v.Notices, "feeds", v.Feeds, "reports", v.Reports)
	fmt.Fprintf(&b, "%-12s %d rows and groups of rows are as entries left them\n", "covered", v.Covered)
	if v.CoveredSince > 0 {
		fmt.Fprintf(&b, "%-12s what was there before entry %d of %s: as it was found then\n", "", v.CoveredSince, v.CoveredAt.Format(time.RFC3339))
	}
	b.WriteString("Compared with nothing:\n")
	for line := range strings.Lines(store.OutsideText()) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// evidence gathers what a data folder is verified by: the keys and the checkpoint in it, and what the command names.
func (c *verifyCommand) evidence(data string) (record.Evidence, error) {
	keys, trusted, err := c.keys(func() ([]byte, error) { return folderFile(data, record.KeysFile) })
	if err != nil {
		return record.Evidence{}, err
	}
	claims, err := c.claims(keys)
	if err != nil {
		return record.Evidence{}, err
	}
	saved := filepath.Join(data, ledger.CheckpointPath)
	if _, err := os.Stat(saved); err == nil {
		claim, err := readClaim(saved, keys)
		if err != nil {
			return record.Evidence{}, err
		}
		claims = append(claims, claim)
	}
	return record.Evidence{Keys: keys, Trusted: trusted, Claims: claims}, nil
}

// keys returns every key that is known, and those of the log that the command says to trust.
func (c *verifyCommand) keys(beside func() ([]byte, error)) (ledger.Keys, []string, error) {
	text, err := beside()
	if err != nil && !errors.Is(err, fault.NotFound) {
		return ledger.Keys{}, nil, err
	}
	if strings.ContainsFunc(string(text), func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		return ledger.Keys{}, nil, fault.New(fault.Invalid, "the keys that lie with the log hold something that no key has in it")
	}
	given, err := ledger.ReadKeys(strings.Join(slices.Compact(slices.Sorted(slices.Values(c.Key))), "\n"))
	if err != nil {
		return ledger.Keys{}, nil, fault.New(fault.Invalid, "--key: %v", err)
	}
	all, err := ledger.ReadKeys(string(text))
	if err != nil {
		return ledger.Keys{}, nil, fault.New(fault.Invalid, "the keys that lie with the log: %v", err)
	}
	var trusted []string
	for _, k := range given.Log {
		trusted = append(trusted, ledger.KeyID(k))
	}
	return pinned(given, all), trusted, nil
}

// pinned returns the keys that were given and those beside the log that have another id. An id has 32 bits, so that
// somebody can make a key with that of another: what lies with the log must not stand for what was given.
func pinned(given, beside ledger.Keys) ledger.Keys {
	taken := map[string]bool{}
	for _, k := range slices.Concat(given.Log, given.Witnesses) {
		taken[ledger.KeyID(k)] = true
	}
	known := func(k note.Verifier) bool { return taken[ledger.KeyID(k)] }
	return ledger.Keys{
		Log:       slices.Concat(given.Log, slices.DeleteFunc(beside.Log, known)),
		Witnesses: slices.Concat(given.Witnesses, slices.DeleteFunc(beside.Witnesses, known)),
	}
}

func (c *verifyCommand) claims(keys ledger.Keys) ([]ledger.Claim, error) {
	var out []ledger.Claim
	for _, path := range c.Checkpoint {
		claim, err := readClaim(path, keys)
		if err != nil {
			return nil, err
		}
		out = append(out, claim)
	}
	return out, nil
}

// readClaim reads a saved checkpoint. Witnesses that are not known here may have signed it too.
func readClaim(path string, keys ledger.Keys) (ledger.Claim, error) {
	msg, err := os.ReadFile(path)
	if err != nil {
		return ledger.Claim{}, fmt.Errorf("read a saved checkpoint: %w", err)
	}
	keys.Lenient = true
	s, err := ledger.OpenCheckpoint(msg, keys)
	if err != nil {
		return ledger.Claim{}, fault.New(fault.Invalid, "%s: %v", path, err)
	}
	return ledger.Claim{Name: "the saved checkpoint " + path, Checkpoint: s.Checkpoint}, nil
}

func anyOf(have, want []string) bool {
	for _, w := range want {
		if slices.Contains(have, w) {
			return true
		}
	}
	return false
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func folderFiles(dir string) ledger.Files {
	return func(path string) ([]byte, error) { return folderFile(dir, path) }
}

func folderFile(dir, path string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "%s has no %s", dir, path)
	}
	return b, err
}

// maxLogFile bounds what is read of one file of a served log: a bundle of 256 records of 65,535 bytes.
const maxLogFile = 17 << 20

func urlFiles(ctx context.Context, base string) ledger.Files {
	client := &http.Client{Timeout: time.Minute}
	return func(path string) ([]byte, error) {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/"+path, nil)
		if err != nil {
			return nil, err
		}
		a, err := client.Do(q)
		if err != nil {
			return nil, err
		}
		defer a.Body.Close()
		switch a.StatusCode {
		case http.StatusOK:
		case http.StatusNotFound:
			return nil, fault.New(fault.NotFound, "%s has no %s", base, path)
		default:
			return nil, fault.New(fault.Unavailable, "%s/%s: %s", base, path, a.Status)
		}
		return io.ReadAll(io.LimitReader(a.Body, maxLogFile))
	}
}
