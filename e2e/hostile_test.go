package e2e

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"
)

// mostMemory is what one hostile signal may take, in bytes of resident memory.
const mostMemory = 256 << 20

// mostDisk is what the database may take after one hostile signal, in bytes.
const mostDisk = 50 << 20

const plainHeader = "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,banner\n"

const plainRow = "2026-11-20 01:02:03,high,198.51.100.9,tcp,23,,telnet,64496,ZZ,,,0,,,x\n"

// TestHostile feeds the binary with what is meant to break it: it must say what is wrong and stay small.
func TestHostile(t *testing.T) {
	heavy(t)
	for _, tt := range []struct {
		name string
		code int
		want string // in what the command prints
		body func(w io.Writer) error
	}{
		{"one line of 1 GB", 0, "longer than 1 MiB", func(w io.Writer) error {
			return parts(w, plainHeader+plainRow, repeat("A", 1<<30), "\n"+plainRow)
		}},
		{"zip of 10 GB", 1, "more than 100 times", zipBomb},
		{"UTF-16", 1, "UTF-16", func(w io.Writer) error {
			var b bytes.Buffer
			b.WriteString("\xff\xfe")
			for _, c := range utf16.Encode([]rune(plainHeader + plainRow)) {
				b.Write([]byte{byte(c), byte(c >> 8)})
			}
			_, err := w.Write(b.Bytes())
			return err
		}},
		{"33 million bad rows in 64 KB", 1, "given up", badRows},
		{"bad rows of 1 MB", 0, "600 rejected", func(w io.Writer) error { return longRows(w, 600, "") }},
		{"events of 1 MB", 0, "600 events", func(w io.Writer) error {
			return longRows(w, 600, "2026-11-20 01:02:03,high,198.51.%d.%d,tcp,23,,telnet,64496,ZZ,,,0,,,")
		}},
		{"a lone quote", 0, "unbalanced quote", func(w io.Writer) error {
			return parts(w, plainHeader+plainRow+"2026-11-20 01:02:03,high,\"198.51.100.10,tcp,23\n", repeat(plainRow, 20_000*int64(len(plainRow))))
		}},
		{"nothing", 1, "no header", func(io.Writer) error { return nil }},
		{"not a table", 1, "", func(w io.Writer) error { return parts(w, "<html><body>403</body></html>\n") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "2026-11-20-scan_telnet-x.csv")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.body(f); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			out, code, memory := measured(t, dir, "ingest", path)
			if code != tt.code || !strings.Contains(out, tt.want) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, tt.code, tt.want, out)
			}
			if memory > mostMemory {
				t.Errorf("%d MiB of memory", memory>>20)
			}
			disk := databaseSize(t, dir)
			if disk > mostDisk {
				t.Errorf("%d MiB of disk for the database", disk>>20)
			}
			t.Logf("%d MiB of memory, %d MiB of database: %s", memory>>20, disk>>20, strings.ReplaceAll(strings.TrimSpace(out), "\n", " | "))
		})
	}
}

// longRows writes n rows of 1 MB that begin like start, which has two numbers to fill in or none.
func longRows(w io.Writer, n int, start string) error {
	if err := parts(w, plainHeader); err != nil {
		return err
	}
	for i := range n {
		begin := start
		if start != "" {
			begin = fmt.Sprintf(start, i/200, 1+i%200)
		}
		if err := parts(w, begin, repeat("A", 1<<20-200), "\n"); err != nil {
			return err
		}
	}
	return nil
}

// databaseSize sums the files of the database below dir.
func databaseSize(t *testing.T, dir string) int64 {
	t.Helper()
	var sum int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(d.Name(), ".db") {
			return err
		}
		is, err := d.Info()
		if err == nil {
			sum += is.Size()
		}
		return err
	})
	if err != nil || sum == 0 {
		t.Fatalf("the database has %d bytes: %v", sum, err)
	}
	return sum
}

// badRows writes 64 KB of gzip that hold 33 million rows that cannot be read.
func badRows(w io.Writer) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	return errors.Join(parts(z, plainHeader, repeat("x\n", 63<<20)), z.Close())
}

// measured runs the binary and returns all it printed, its exit code and the most resident memory it had.
func measured(t *testing.T, dir string, args ...string) (out string, code int, memory int64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Env = dir, bare(dir)
	b, err := cmd.CombinedOutput()
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("the system does not tell how much memory a process took")
	}
	return string(b), exitCode(err), usage.Maxrss << 10
}

// repeat yields text over and over, n bytes in all.
func repeat(text string, n int64) io.Reader {
	return io.LimitReader(&again{text: strings.Repeat(text, 1+(64<<10)/len(text))}, n)
}

type again struct {
	text string
	at   int
}

func (a *again) Read(p []byte) (int, error) {
	n := copy(p, a.text[a.at:])
	a.at = (a.at + n) % len(a.text)
	return n, nil
}

// parts writes texts and readers one after the other.
func parts(w io.Writer, all ...any) error {
	for _, p := range all {
		var err error
		switch p := p.(type) {
		case string:
			_, err = io.WriteString(w, p)
		case io.Reader:
			_, err = io.Copy(w, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// zipBomb writes a zip of some tens of MB that holds one report of 10 GB. The compressed form of 16 MiB is made once and
// repeated: deflate streams may be joined at a flush.
func zipBomb(w io.Writer) error {
	const times = 640
	head, rows := []byte(plainHeader), []byte(strings.Repeat(plainRow, 16<<20/len(plainRow)))
	start, once := deflated(head), deflated(rows)
	crc := crc32.Update(0, crc32.IEEETable, head)
	for range times {
		crc = crc32.Update(crc, crc32.IEEETable, rows)
	}
	end := []byte{0x03, 0x00} // an empty last block
	z := zip.NewWriter(w)
	m, err := z.CreateRaw(&zip.FileHeader{
		Name: "2026-11-20-scan_telnet-x.csv", Method: zip.Deflate, CRC32: crc,
		UncompressedSize64: uint64(len(head) + len(rows)*times), CompressedSize64: uint64(len(start) + len(once)*times + len(end)),
	})
	if err != nil {
		return err
	}
	if err := parts(m, bytes.NewReader(start)); err != nil {
		return err
	}
	for range times {
		if _, err := m.Write(once); err != nil {
			return err
		}
	}
	if _, err := m.Write(end); err != nil {
		return err
	}
	return z.Close()
}

// deflated compresses b up to a flush, without an end.
func deflated(b []byte) []byte {
	var out bytes.Buffer
	f, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic(err) // a constant level
	}
	_, _ = f.Write(b) // to memory
	_ = f.Flush()
	return out.Bytes()
}
