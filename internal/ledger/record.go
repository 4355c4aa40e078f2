package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Limits of a record.
const (
	MaxRecord = 1<<16 - 1 // bytes: an entry bundle counts them in 16 bits (C2SP tlog-tiles)
	MaxBody   = 32 << 10  // bytes of particulars that a record carries itself; longer ones by their SHA-256
)

// Hash is a node of the log's tree (RFC 6962, section 2.1): SHA-256.
type Hash = tlog.Hash

// recordTime is RFC 3339 with exactly six digits of a second, in UTC.
const recordTime = "2006-01-02T15:04:05.000000Z"

// Record is what the log keeps of an entry, as ParseRecord reads it.
type Record struct {
	Entry          // Seq to Commitment; Body is empty where only its sum is known; Hash is the leaf's
	BodySum []byte // SHA-256 of the body where the record does not carry it; else empty
	Prev    Hash   // leaf hash of the entry before; all zero for the first
}

// Record returns the bytes that the log keeps of an entry whose Seq is set; prev is the leaf hash of the entry before,
// empty or all zero for the first. The same entry always gives the same bytes; doc.go has their format. fault.TooLarge
// where they do not fit into MaxRecord.
func (e *Entry) Record(prev []byte) ([]byte, error) {
	r := Record{Entry: *e}
	if len(prev) != 0 && len(prev) != len(r.Prev) {
		return nil, fault.New(fault.Invalid, "entry %d: the hash before it has %d bytes, not %d", e.Seq, len(prev), len(r.Prev))
	}
	copy(r.Prev[:], prev)
	if !carried(e.Body) {
		sum := sha256.Sum256([]byte(e.Body))
		r.Body, r.BodySum = "", sum[:]
	}
	b, err := r.encode()
	if err == nil && len(b) > MaxRecord {
		err = fault.New(fault.TooLarge, "entry %d: its record has %d bytes, at most %d fit", e.Seq, len(b), MaxRecord)
	}
	return b, err
}

// carried reports whether a record carries this body itself: a JSON object that is short enough.
func carried(body string) bool {
	return len(body) <= MaxBody && len(body) > 0 && body[0] == '{' && utf8.ValidString(body) && json.Valid([]byte(body))
}

// LeafHash is the hash of a record's leaf: SHA-256 over a zero byte and the record (RFC 6962, section 2.1).
func LeafHash(record []byte) Hash { return tlog.RecordHash(record) }

// encode writes the fields in their fixed order.
func (r *Record) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"seq":`)
	b.WriteString(strconv.FormatInt(r.Seq, 10))
	text := json.NewEncoder(&b)
	text.SetEscapeHTML(false)
	for _, f := range []struct{ name, value string }{
		{"at", r.At.UTC().Format(recordTime)},
		{"actor", r.Actor},
		{"post", string(r.Post)},
		{"act", r.Act},
		{"object", r.Object},
		{"reason", r.Reason},
	} {
		b.WriteString(`,"` + f.name + `":`)
		if err := text.Encode(f.value); err != nil {
			return nil, fault.New(fault.Invalid, "entry %d: %s: %v", r.Seq, f.name, err)
		}
		b.Truncate(b.Len() - 1) // the encoder ends every value with a line
	}
	if len(r.BodySum) > 0 {
		b.WriteString(`,"body_sha256":"` + base64.StdEncoding.EncodeToString(r.BodySum) + `"`)
	} else {
		b.WriteString(`,"body":` + r.Body)
	}
	b.WriteString(`,"salt":"` + base64.StdEncoding.EncodeToString(r.Salt) + `"`)
	if len(r.Commitment) > 0 {
		b.WriteString(`,"commitment":"` + base64.StdEncoding.EncodeToString(r.Commitment) + `"`)
	}
	if len(r.Cover) > 0 {
		b.WriteString(`,"cover":"` + base64.StdEncoding.EncodeToString(r.Cover) + `"`)
	}
	b.WriteString(`,"prev":"` + base64.StdEncoding.EncodeToString(r.Prev[:]) + `"}`)
	return b.Bytes(), nil
}

// ParseRecord reads what Record wrote, and nothing else: what would not be written again byte for byte (another order,
// a field twice or unknown, space, lenient base64, anything behind the end) is fault.Invalid.
func ParseRecord(data []byte) (Record, error) {
	var raw struct {
		Seq        int64           `json:"seq"`
		At         string          `json:"at"`
		Actor      string          `json:"actor"`
		Post       string          `json:"post"`
		Act        string          `json:"act"`
		Object     string          `json:"object"`
		Reason     string          `json:"reason"`
		Body       json.RawMessage `json:"body"`
		BodySum    []byte          `json:"body_sha256"`
		Salt       []byte          `json:"salt"`
		Commitment []byte          `json:"commitment"`
		Cover      []byte          `json:"cover"`
		Prev       []byte          `json:"prev"`
	}
	if len(data) > MaxRecord {
		return Record{}, fault.New(fault.TooLarge, "a record has at most %d bytes, not %d", MaxRecord, len(data))
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return Record{}, fault.New(fault.Invalid, "this is no record of a ledger: %v", err)
	}
	at, err := time.Parse(recordTime, raw.At)
	if err != nil {
		return Record{}, fault.New(fault.Invalid, "record %d: at: %q is no instant with microseconds in UTC", raw.Seq, raw.At)
	}
	r := Record{Entry: Entry{
		Seq: raw.Seq, At: at, Actor: raw.Actor, Post: ident.Post(raw.Post), Act: raw.Act, Object: raw.Object, Reason: raw.Reason,
		Body: string(raw.Body), Salt: raw.Salt, Commitment: raw.Commitment, Cover: raw.Cover,
	}, BodySum: raw.BodySum}
	switch {
	case raw.Seq < 1:
		return Record{}, fault.New(fault.Invalid, "record %d: seq: places count from 1", raw.Seq)
	case len(raw.Prev) != len(r.Prev):
		return Record{}, fault.New(fault.Invalid, "record %d: prev: a hash has %d bytes, not %d", raw.Seq, len(r.Prev), len(raw.Prev))
	case len(r.BodySum) != 0 && (len(r.BodySum) != sha256.Size || r.Body != ""):
		return Record{}, fault.New(fault.Invalid, "record %d: body_sha256: expected one sum of %d bytes instead of the body", raw.Seq, sha256.Size)
	case len(r.BodySum) == 0 && !carried(r.Body):
		return Record{}, fault.New(fault.Invalid, "record %d: body: expected an object of at most %d bytes", raw.Seq, MaxBody)
	}
	copy(r.Prev[:], raw.Prev)
	if again, err := r.encode(); err != nil || !bytes.Equal(again, data) {
		return Record{}, fault.New(fault.Invalid, "record %d is not in its canonical form", raw.Seq)
	}
	leaf := LeafHash(data)
	r.Hash = leaf[:]
	return r, nil
}

// Commit returns the commitment to a payload that lies beside an entry: SHA-256 over the entry's salt and the payload.
// Without the payload it says nothing, and the payload cannot be guessed without the salt.
func Commit(salt, payload []byte) []byte {
	sum := sha256.Sum256(append(bytes.Clone(salt), payload...))
	return sum[:]
}
