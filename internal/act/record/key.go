package record

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// keys are what the log signs and verifies with at present.
type keys struct {
	origin   string
	current  string        // verifier key
	sign     []note.Signer // one; the old and the new while the key is being changed
	trust    ledger.Keys   // of all time
	public   string        // the file of them
	changing bool          // the new key lies in nextKeyFile
	rotation int64         // entry that named the current key; 0 for the first
}

// load reads the keys, and makes the first one where the log has none.
func (l *Log) load(ctx context.Context) (keys, error) {
	k, err := l.settings(ctx)
	if err != nil {
		return k, err
	}
	old, err := l.readKey(keyFile)
	if err != nil {
		return k, err
	}
	if k.current == "" {
		if k, old, err = l.begin(ctx, old); err != nil {
			return k, err
		}
	}
	next, err := l.readKey(nextKeyFile)
	if err != nil {
		return k, err
	}
	switch k.current {
	case old.verifier:
		k.sign = []note.Signer{old.signer}
	case next.verifier:
		k.sign, k.changing = []note.Signer{next.signer}, true
		if old.signer != nil {
			k.sign = []note.Signer{old.signer, next.signer}
		}
	default:
		return k, fault.New(fault.Conflict, "the ledger is signed with the key %s, which is not in %s. Copy %s and %s from the data folder that "+
			"has them; where the key is lost, `tocsin ledger rotate --lost` begins with a new one", short(k.current),
			filepath.Join(l.set.Dir, keyFile), keyFile, publicFile)
	}
	return k, l.publish(&k, old.verifier)
}

func (l *Log) settings(ctx context.Context) (keys, error) {
	var k keys
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		k, err = settings(ctx, tx)
		return err
	})
	return k, err
}

func settings(ctx context.Context, tx *store.Tx) (k keys, err error) {
	if k.origin, err = tx.Setting(ctx, originSetting); err != nil {
		return k, err
	}
	if k.current, err = tx.Setting(ctx, keySetting); err != nil {
		return k, err
	}
	rotation, err := tx.Setting(ctx, rotationSetting)
	k.rotation = number(rotation)
	return k, err
}

// keyPair is a signer key with its verifier key; empty where there is no file.
type keyPair struct {
	signer   note.Signer
	verifier string
}

func (l *Log) readKey(name string) (keyPair, error) {
	path := filepath.Join(l.set.Dir, name)
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return keyPair{verifier: "none"}, nil
	case err != nil:
		return keyPair{}, fmt.Errorf("read the ledger's key: %w", err)
	}
	p, err := pair(string(data))
	if err != nil {
		return p, fault.New(fault.Invalid, "%s: %v", path, err)
	}
	return p, nil
}

func pair(secret string) (p keyPair, err error) {
	if p.signer, err = ledger.Signer(secret); err != nil {
		return p, err
	}
	p.verifier, err = ledger.VerifierKey(secret)
	return p, err
}

// begin names the log and its first key in the database. A key that lies there already is taken.
func (l *Log) begin(ctx context.Context, have keyPair) (keys, keyPair, error) {
	if have.signer == nil {
		secret, _, err := ledger.GenerateKey(rand.Reader, l.set.Origin)
		if err != nil {
			return keys{}, have, err
		}
		if err := l.firstKey(secret); err != nil {
			return keys{}, have, err
		}
		if have, err = l.readKey(keyFile); err != nil {
			return keys{}, have, err
		}
	}
	var k keys
	err := l.store.Keep(ctx, func(tx *store.Tx) (err error) {
		if k, err = settings(ctx, tx); err != nil || k.current != "" {
			return err // another process was first
		}
		k.origin, k.current = have.signer.Name(), have.verifier
		return errors.Join(tx.PutSetting(ctx, originSetting, k.origin), tx.PutSetting(ctx, keySetting, k.current))
	})
	return k, have, err
}

// firstKey writes the key unless another process has just done so.
func (l *Log) firstKey(secret string) error {
	path := filepath.Join(l.set.Dir, keyFile)
	made := path + "." + rand.Text()
	err := replace(made, []byte(secret+"\n"), 0o600)
	if err == nil {
		err = os.Link(made, path)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	err = errors.Join(err, os.Remove(made), syncDir(l.set.Dir))
	if err != nil {
		return fmt.Errorf("write the ledger's key: %w", err)
	}
	return nil
}

// publish reads the file of verifier keys and adds those that are not in it yet: of keys whose other half lies here, and
// of the witnesses that the operator named.
func (l *Log) publish(k *keys, old string) error {
	path := filepath.Join(l.set.Dir, publicFile)
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the ledger's verifier keys: %w", err)
	}
	k.public = string(data)
	want := []string{k.current}
	if k.changing && old != "none" {
		want = []string{old, k.current}
	}
	for _, w := range l.set.Witnesses {
		want = append(want, w.Key)
	}
	lines := strings.Fields(k.public) // a verifier key has no space in it
	for _, w := range want {
		if !slices.Contains(lines, w) {
			k.public += w + "\n"
		}
	}
	if k.trust, err = ledger.ReadKeys(k.public); err != nil {
		return fault.New(fault.Invalid, "%s: %v", path, err)
	}
	if k.public == string(data) {
		return nil
	}
	if err := replace(path, []byte(k.public), 0o600); err != nil {
		return fmt.Errorf("write the ledger's verifier keys: %w", err)
	}
	return nil
}

// short is a verifier key without the key itself: name+hash.
func short(verifier string) string {
	name, rest, _ := strings.Cut(verifier, "+")
	hash, _, _ := strings.Cut(rest, "+") // what follows is base64, which may hold a plus
	return name + "+" + hash
}

// Rotate begins to change the log's key: it makes a new one and names it in the ledger. The next checkpoint is signed by
// both keys, those after it by the new one. proposed is who proposed it, as the ledger names them; empty for the command.
// With lost, the old key is not needed, and no checkpoint will have both signatures: people must then be told the new key
// by another way. It returns the new verifier key.
func (l *Log) Rotate(ctx context.Context, now time.Time, by access.Actor, proposed string, lost bool) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.load(ctx)
	switch {
	case err != nil && !(lost && errors.Is(err, fault.Conflict)):
		return "", err
	case k.changing:
		return "", fault.New(fault.Conflict, "the key is being changed already; the next checkpoint ends that")
	}
	secret, verifier, err := ledger.GenerateKey(rand.Reader, k.origin)
	if err != nil {
		return "", err
	}
	if err := replace(filepath.Join(l.set.Dir, nextKeyFile), []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the ledger's new key: %w", err)
	}
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		id, err := tx.Append(ctx, now, by, "ledger.rotate", access.Object{Name: "ledger:key", Proposed: proposed}, "", struct {
			Key    string `json:"key"`
			Before string `json:"before"`
			Lost   bool   `json:"lost,omitempty"`
		}{verifier, k.current, len(k.sign) == 0})
		if err != nil {
			return err
		}
		return errors.Join(tx.PutSetting(ctx, keySetting, verifier), tx.PutSetting(ctx, rotationSetting, strconv.FormatInt(id, 10)))
	})
	if err != nil {
		return "", fmt.Errorf("change the ledger's key: %w", err)
	}
	_, err = l.load(ctx)
	return verifier, err
}

// promote ends the change of the key once a checkpoint with both signatures covers the entry that named the new one. The
// old signer key is gone then.
func (l *Log) promote(ctx context.Context, k keys, size int64) error {
	var seq int64
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		seq, err = tx.SeqOf(ctx, k.rotation)
		return err
	})
	switch {
	case errors.Is(err, fault.NotFound), err == nil && seq > size:
		return nil
	case err != nil:
		return err
	}
	err = os.Rename(filepath.Join(l.set.Dir, nextKeyFile), filepath.Join(l.set.Dir, keyFile))
	if err = errors.Join(err, syncDir(l.set.Dir)); err != nil {
		return fmt.Errorf("put the ledger's new key in its place: %w", err)
	}
	return nil
}
