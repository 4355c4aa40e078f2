package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// secrets is the folder of the credentials with which feeds are fetched, a file each.
type secrets struct{ dir string }

// read is a loop.Secret.
func (s secrets) read(name string) ([]byte, fs.FileMode, error) {
	if !ident.Slug(name) {
		return nil, 0, fault.NotFound
	}
	f, err := os.Open(filepath.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fault.NotFound
	}
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }() // only read from
	is, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	text := make([]byte, 64<<10)
	n, err := f.Read(text)
	return text[:n], is.Mode(), err
}

// keep writes a secret. One that is there already stays as it is and must be the same.
func (s secrets) keep(name, host, value string) error {
	text := []byte(host + "\n" + value + "\n")
	if is, _, err := s.read(name); err == nil && bytes.Equal(is, text) {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of secrets: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write secret %s: %w", name, err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write secret %s: %w", name, err)
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return fmt.Errorf("write secret %s: %w", name, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// moveSecrets takes credentials out of the database that older versions kept there.
func (r *running) moveSecrets(in *installation) error {
	moved, err := in.loop.MoveSecrets(r.ctx, r.clock(), operator, secrets{filepath.Join(r.cfg.Data, "secrets")}.keep)
	for _, id := range moved {
		r.log.WarnContext(r.ctx, "the credential of a feed was moved from the database to the folder secrets; older backups still hold it",
			"feed", id)
	}
	return err
}
