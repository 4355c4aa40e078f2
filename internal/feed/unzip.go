package feed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"

	"tocsin/internal/fault"
)

// The archive is read forward by its local headers (APPNOTE 4.3), not by its directory at the end: so a signal may
// come from a stream, an archive may stand inside another, and a directory of a million entries costs no memory.
// Links have their mark in that directory only; here a link is a part whose text is the path, and no path is followed.
const (
	zipLocal      = 0x04034b50
	zipDescriptor = 0x08074b50
	zipCentral    = 0x02014b50
	zipExtra      = 0x08064b50
	zipEnd        = 0x06054b50
	zip64End      = 0x06064b50
)

type member struct {
	name           string
	flags, method  uint16
	crc            uint32
	packed, plain  uint64
	zip64, trailed bool // trailed: a descriptor follows the data
}

func (u *unwrapper) unzip(name string, r *bufio.Reader, depth int) error {
	held := false
	for {
		sig, err := r.Peek(4)
		if err != nil {
			return u.fail(fault.Invalid, "%q is damaged: the archive ends before its directory", name)
		}
		switch binary.LittleEndian.Uint32(sig) {
		case zipLocal:
		case zipCentral, zipExtra, zipEnd, zip64End:
			if !held {
				return u.fail(fault.Invalid, "%q is an empty archive", name)
			}
			return nil
		default:
			return u.fail(fault.Invalid, "%q is damaged: no file header where one must be", name)
		}
		m, err := readMember(r)
		if err != nil {
			return u.fail(fault.Invalid, "%q is damaged: %v", name, err)
		}
		if u.members++; u.members > u.limits.Members {
			return u.fail(fault.TooLarge, "%q: more than %d files in one signal", name, u.limits.Members)
		}
		some, err := u.member(name, m, r, depth)
		if err != nil {
			return err
		}
		held = held || some
	}
}

// member reads one member; false where it is a folder or a desktop's leaving and was only skipped.
func (u *unwrapper) member(archive string, m member, r *bufio.Reader, depth int) (bool, error) {
	name := plainName(m.name)
	if m.flags&1 != 0 {
		return false, u.fail(fault.Invalid, "%q: %q is encrypted", archive, name)
	}
	body, done, err := m.open(r)
	if err != nil {
		return false, u.fail(fault.Invalid, "%q: %q %v", archive, name, err)
	}
	defer done()
	sum := &summed{r: body, crc: crc32.NewIEEE()}
	e := &expanded{r: sum, u: u, name: name, depth: depth}
	skip := strings.HasSuffix(m.name, "/") || strings.HasPrefix(m.name, "__MACOSX/") || name == ".DS_Store"
	if !skip {
		if err := u.open(name, bufio.NewReaderSize(e, 64<<10), depth); err != nil {
			return false, err
		}
	}
	if _, err := io.Copy(io.Discard, e); err != nil {
		return false, err
	}
	if err := m.close(r, sum); err != nil {
		return false, u.fail(fault.Invalid, "%q: %q is damaged: %v", archive, name, err)
	}
	return !skip, nil
}

func readMember(r *bufio.Reader) (member, error) {
	var h [30]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return member{}, errors.New("a file header is cut off")
	}
	le := binary.LittleEndian
	m := member{
		flags: le.Uint16(h[6:]), method: le.Uint16(h[8:]), crc: le.Uint32(h[14:]),
		packed: uint64(le.Uint32(h[18:])), plain: uint64(le.Uint32(h[22:])),
	}
	m.trailed = m.flags&8 != 0
	rest := make([]byte, int(le.Uint16(h[26:]))+int(le.Uint16(h[28:])))
	if _, err := io.ReadFull(r, rest); err != nil {
		return member{}, errors.New("a file header is cut off")
	}
	m.name = string(rest[:le.Uint16(h[26:])])
	m.wide(rest[le.Uint16(h[26:]):])
	return m, nil
}

// wide takes sizes over from the zip64 extra field.
func (m *member) wide(extra []byte) {
	le := binary.LittleEndian
	for len(extra) >= 4 {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			return
		}
		if id == 1 {
			m.zip64 = true
			if n >= 16 && m.packed == 0xffffffff && m.plain == 0xffffffff {
				m.plain, m.packed = le.Uint64(extra), le.Uint64(extra[8:])
			}
		}
		extra = extra[n:]
	}
}

func (m *member) open(r *bufio.Reader) (io.Reader, func(), error) {
	none := func() {}
	if m.packed > 1<<62 {
		return nil, none, errors.New("has an impossible size")
	}
	sized := !m.trailed || m.packed > 0
	switch m.method {
	case 0:
		if !sized && m.plain == 0 && !strings.HasSuffix(m.name, "/") {
			return nil, none, errors.New("is stored without a size, which cannot be read forward: pack it again")
		}
		return &io.LimitedReader{R: r, N: int64(m.packed)}, none, nil
	case 8:
		z := flate.NewReader(r) // reads byte by byte from a bufio.Reader, so never past the end of its data
		return z, func() { _ = z.Close() }, nil
	case 93:
		if !sized {
			return nil, none, errors.New("is zstd without a size, which cannot be read forward: pack it again")
		}
		z, err := zstd.NewReader(&io.LimitedReader{R: r, N: int64(m.packed)}, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, none, err
		}
		return z, z.Close, nil
	}
	return nil, none, errors.New("is packed by a method other than store, deflate and zstd")
}

// close checks what came against the header or the descriptor that follows the data.
func (m *member) close(r *bufio.Reader, s *summed) error {
	crc, plain := m.crc, m.plain
	if m.trailed {
		var err error
		if crc, plain, err = m.descriptor(r); err != nil {
			return err
		}
	}
	if plain != s.n {
		return errors.New("its length is not what its header says")
	}
	if crc != s.crc.Sum32() {
		return errors.New("its checksum is wrong")
	}
	return nil
}

// descriptor reads checksum and sizes behind the data. Its mark is optional and the width of its sizes is told by the
// header's zip64 field or, where writers leave that out, by the mark of the next header.
func (m *member) descriptor(r *bufio.Reader) (crc uint32, plain uint64, err error) {
	le := binary.LittleEndian
	b, _ := r.Peek(28)
	start := 0
	if len(b) >= 4 && le.Uint32(b) == zipDescriptor {
		start = 4
	}
	narrow, wideEnd := start+12, start+20
	wide := m.zip64
	if !wide && !headerAt(b, narrow) && headerAt(b, wideEnd) {
		wide = true
	}
	end := narrow
	if wide {
		end = wideEnd
	}
	if len(b) < end {
		return 0, 0, errors.New("its descriptor is cut off")
	}
	if wide {
		plain = le.Uint64(b[start+12:])
	} else {
		plain = uint64(le.Uint32(b[start+8:]))
	}
	crc = le.Uint32(b[start:])
	_, err = r.Discard(end)
	return crc, plain, err
}

func headerAt(b []byte, at int) bool {
	return len(b) >= at+2 && b[at] == 'P' && b[at+1] == 'K'
}

// summed counts and sums a member's bytes.
type summed struct {
	r   io.Reader
	crc hash.Hash32
	n   uint64
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += uint64(n)
	_, _ = s.crc.Write(p[:n])
	return n, err
}
