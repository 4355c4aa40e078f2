package notice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // other charsets than UTF-8
	"github.com/emersion/go-message/mail"
)

// Opened is a message taken apart for reading.
type Opened struct {
	Size        int64 // bytes of the message as sent; 0 = not written yet
	Headers     []Header
	Text        string
	HTML        string
	Attachments []Enclosed
	Encrypted   bool // PGP/MIME: only the receiver can read what is inside
	Signed      bool
}

// Header is one header field, decoded.
type Header struct{ Name, Value string }

// Enclosed is a part that is not shown in line.
type Enclosed struct {
	Name string
	Type string
	Body []byte
}

// maxPart bounds what is read of one part for showing.
const maxPart = 32 << 20

// Open takes a message apart; nothing for no bytes.
func Open(raw []byte) (Opened, error) {
	m := Opened{Size: int64(len(raw))}
	if len(raw) == 0 {
		return m, nil
	}
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) {
		return m, fmt.Errorf("read mail: %w", err)
	}
	for f := e.Header.Fields(); f.Next(); {
		value, err := f.Text()
		if err != nil {
			value = f.Value()
		}
		m.Headers = append(m.Headers, Header{f.Key(), value})
	}
	return m, m.walk(e)
}

func (m *Opened) walk(e *message.Entity) error {
	kind, params, err := e.Header.ContentType()
	if err != nil {
		kind = "application/octet-stream"
	}
	switch kind {
	case "multipart/encrypted":
		m.Encrypted = true
	case "multipart/signed":
		m.Signed = true
	}
	if parts := e.MultipartReader(); parts != nil {
		for {
			p, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil && !message.IsUnknownCharset(err) {
				return fmt.Errorf("read mail: %w", err)
			}
			if err := m.walk(p); err != nil {
				return err
			}
		}
	}
	body, err := io.ReadAll(io.LimitReader(e.Body, maxPart))
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	disposition, _, _ := e.Header.ContentDisposition() // absent means in line
	switch {
	case kind == "text/plain" && disposition != "attachment" && m.Text == "":
		m.Text = strings.ReplaceAll(string(body), "\r\n", "\n")
	case kind == "text/html" && disposition != "attachment" && m.HTML == "":
		m.HTML = string(body)
	default:
		h := mail.AttachmentHeader{Header: e.Header}
		name, err := h.Filename()
		if err != nil || name == "" {
			name = params["name"]
		}
		if name == "" {
			name = kind
		}
		m.Attachments = append(m.Attachments, Enclosed{name, kind, body})
	}
	return nil
}
