// Package archive keeps blobs as they were received: immutable, named by the SHA-256 of their bytes, durable before
// Put returns.
//
// It owns the folder and its layout: ab/abcdef….zst holds the bytes compressed with zstd, ab/abcdef… holds them bare
// where they were packed already. What a blob means is not known here.
package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Archive is a folder of blobs. It is safe for use by many goroutines and processes.
type Archive struct {
	root *os.Root
}

// Open opens the archive in dir, creating the folder where absent.
func Open(dir string) (*Archive, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	return &Archive{root: root}, nil
}

// OpenExisting opens the archive in dir to read it, and makes nothing; fault.NotFound where there is none.
func OpenExisting(dir string) (*Archive, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "%s: there is no archive", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	return &Archive{root: root}, nil
}

// Walk calls f for every file in the archive's folder: with the hash of the blob that it holds, empty where its name is
// no blob's, its path, and when it was last written to.
func (a *Archive) Walk(f func(path, hash string, at time.Time) error) error {
	return fs.WalkDir(a.root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		hash := strings.TrimSuffix(d.Name(), ".zst")
		if is, err := a.find(hash); err != nil || is != path {
			hash = ""
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an upload that came to its end
		}
		if err != nil {
			return err
		}
		return f(path, hash, info.ModTime())
	})
}

// Close releases the folder.
func (a *Archive) Close() error { return a.root.Close() }

// full gives an error its kind where the disk has no more room.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", fault.New(fault.Full, "the storage of this installation is full; nothing was kept, try again later"), err)
	}
	return err
}

// Writable writes a small file and takes it away again; fault.Full where there is no room for it.
func (a *Archive) Writable() error {
	name := ident.New("tmp")
	f, err := a.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return full(fmt.Errorf("archive: %w", err))
	}
	_, err = f.Write(make([]byte, 4096))
	if err = errors.Join(err, f.Sync(), f.Close(), a.root.Remove(name)); err != nil {
		return full(fmt.Errorf("archive: %w", err))
	}
	return nil
}

// Sweep removes the files of uploads that broke off before an instant, and returns how many there were.
func (a *Archive) Sweep(before time.Time) (int, error) {
	list, err := fs.ReadDir(a.root.FS(), ".")
	if err != nil {
		return 0, fmt.Errorf("archive: %w", err)
	}
	n := 0
	for _, d := range list {
		info, err := d.Info()
		if err != nil || !d.Type().IsRegular() || !strings.HasPrefix(d.Name(), "tmp_") || !info.ModTime().Before(before) {
			continue
		}
		if err := a.root.Remove(d.Name()); err != nil {
			return n, fmt.Errorf("archive: %w", err)
		}
		n++
	}
	return n, nil
}

// Put stores what r holds and returns the SHA-256 in hex and the number of bytes. When it returns without error the
// blob and its name are on the disk. Bytes that are there already are not written again. limit bounds the bytes
// taken; more is fault.TooLarge.
func (a *Archive) Put(r io.Reader, limit int64) (hash string, n int64, err error) {
	tmp := ident.New("tmp")
	f, err := a.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, full(fmt.Errorf("archive: %w", err))
	}
	defer func() {
		if err != nil {
			err = full(errors.Join(err, f.Close(), a.root.Remove(tmp)))
		}
	}()
	hash, n, packed, err := write(f, io.LimitReader(r, limit+1))
	if err != nil {
		return "", n, fmt.Errorf("archive: %w", err)
	}
	if n > limit {
		return "", n, fault.New(fault.TooLarge, "the signal is larger than %d bytes", limit)
	}
	if err := f.Sync(); err != nil {
		return "", n, fmt.Errorf("archive %s: %w", hash, err)
	}
	if err := f.Close(); err != nil {
		return "", n, fmt.Errorf("archive %s: %w", hash, err)
	}
	return hash, n, a.name(tmp, hash, packed)
}

// write copies r to f, compressed unless it is packed already, hashing the bytes as they come.
func write(f io.Writer, r io.Reader) (hash string, n int64, packed bool, err error) {
	head := make([]byte, 512)
	m, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", 0, false, err
	}
	head = head[:m]
	packed = isPacked(head)
	sum := sha256.New()
	src := io.TeeReader(io.MultiReader(bytes.NewReader(head), r), sum)
	if packed {
		n, err = io.Copy(f, src)
	} else {
		n, err = compress(f, src)
	}
	return hex.EncodeToString(sum.Sum(nil)), n, packed, err
}

func compress(f io.Writer, src io.Reader) (int64, error) {
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return 0, err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{z}, src, make([]byte, 1<<20))
	return n, errors.Join(err, z.Close())
}

// isPacked reports content that zstd would not make smaller, by its first bytes: gzip, zip, zstd.
func isPacked(head []byte) bool {
	for _, magic := range []string{"\x1f\x8b", "PK\x03\x04", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// name moves the finished file to its place and makes the name durable: fsync of the folder after the rename.
func (a *Archive) name(tmp, hash string, packed bool) error {
	if _, err := a.find(hash); err == nil { // its name may not be durable yet: whoever wrote it may be at it, or have died
		return errors.Join(a.root.Remove(tmp), a.syncDir(hash[:2]), a.syncDir("."))
	}
	path := hash[:2] + "/" + hash
	if !packed {
		path += ".zst"
	}
	if err := a.root.Mkdir(hash[:2], 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("archive %s: %w", hash, err)
	}
	if err := a.root.Rename(tmp, path); err != nil {
		return fmt.Errorf("archive %s: %w", hash, err)
	}
	return errors.Join(a.syncDir(hash[:2]), a.syncDir("."))
}

func (a *Archive) syncDir(name string) error {
	d, err := a.root.Open(name)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

func (a *Archive) find(hash string) (string, error) {
	if len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
		return "", fault.New(fault.Invalid, "%q is not a SHA-256 in hex", hash)
	}
	for _, path := range []string{hash[:2] + "/" + hash + ".zst", hash[:2] + "/" + hash} {
		if _, err := a.root.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("blob %s: %w", hash, fault.NotFound)
}

// Blob is one blob open for reading.
type Blob struct {
	io.Reader // the bytes as received
	file      *os.File
	zstd      *zstd.Decoder // nil where the file is bare
}

// Get opens the blob called hash; fault.NotFound where there is none.
func (a *Archive) Get(hash string) (*Blob, error) {
	path, err := a.find(hash)
	if err != nil {
		return nil, err
	}
	f, err := a.root.Open(path)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", hash, err)
	}
	b := &Blob{Reader: f, file: f}
	if strings.HasSuffix(path, ".zst") {
		b.zstd, err = zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		b.Reader = b.zstd
	}
	return b, nil
}

// Stored opens the file of a blob as it lies in the folder, and returns its path there; fault.NotFound where there is none.
func (a *Archive) Stored(hash string) (path string, f *os.File, err error) {
	if path, err = a.find(hash); err != nil {
		return "", nil, err
	}
	f, err = a.root.Open(path)
	return path, f, err
}

// Close ends the reading.
func (b *Blob) Close() error {
	if b.zstd != nil {
		b.zstd.Close()
	}
	return b.file.Close()
}
