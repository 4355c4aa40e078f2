package notice

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// Mail is a composed message.
type Mail struct {
	Subject string
	Message []byte // RFC 5322 with CRLF, ready for SMTP
	Problem string // why the contact's key could not be used: "broken" or "expired"; the mail then says nothing
}

// zipFrom is the size in bytes above which a machine-readable attachment goes out gzipped.
const zipFrom = 1 << 20

// Compose builds the mail: text and HTML with the attachments, encrypted (RFC 3156) when the contact has a key and
// signed when signer is not nil. Where the contact's key cannot be used, the mail has only the link: what a party asked
// to have encrypted is never sent in clear. So it is where the mark is too strict for the way: GREEN for mail in clear,
// AMBER+STRICT for an encrypted one.
func (l *Letter) Compose(signer *SigningKey) (Mail, error) {
	fit, key, way := l.fit()
	if way == Encrypted {
		return fit.encrypted(key, signer)
	}
	return fit.plain(signer)
}

func (l *Letter) plain(signer *SigningKey) (Mail, error) {
	m := Mail{Subject: l.marked(l.Notice.Subject), Problem: l.Problem}
	if l.sealed() {
		m.Subject = l.marked(say(l.Notice.Language, "subject.sealed", l.Notice.ID))
	}
	if signer == nil {
		body, err := l.entity(l.head(m.Subject))
		m.Message = body
		return m, err
	}
	inner, err := l.entity(message.Header{})
	if err != nil {
		return Mail{}, err
	}
	m.Message, err = l.signed(inner, l.head(m.Subject), signer)
	return m, err
}

// marked puts the mark before a subject, as FIRST asks of mail (TLP 2.0, "Usage").
func (l *Letter) marked(subject string) string { return "[" + l.Mark().String() + "] " + subject }

// head returns the header of the whole message.
func (l *Letter) head(subject string) message.Header {
	var h mail.Header
	h.SetDate(l.Now.UTC())
	h.SetAddressList("From", []*mail.Address{{Name: displayName(l.Sender.Named(l.Notice.Language)), Address: l.Sender.Mail}})
	h.SetAddressList("Reply-To", []*mail.Address{{Address: l.Sender.Mail}})
	h.SetAddressList("To", []*mail.Address{{Name: displayName(l.Contact.Name), Address: oneLine(l.Contact.Mail)}})
	h.SetSubject(oneLine(subject))
	h.SetMessageID(l.Notice.MessageID)
	if l.Thread != "" && l.Thread != l.Notice.MessageID {
		h.SetMsgIDList("In-Reply-To", []string{l.Thread})
		h.SetMsgIDList("References", []string{l.Thread})
	}
	h.Set("Auto-Submitted", "auto-generated")
	h.Set("Content-Language", l.Notice.Language)
	h.Set(noticeHeader, string(l.Notice.ID))
	return h.Header
}

// noticeHeader names the notice in every mail and in the bounces that quote it.
const noticeHeader = "X-Tocsin-Notice"

type attachment struct {
	name, mime string
	data       []byte
}

func (l *Letter) attachments() ([]attachment, error) {
	if l.sealed() {
		return nil, nil
	}
	table, err := l.Table()
	if err != nil {
		return nil, err
	}
	out := []attachment{{"findings.csv", "text/csv", table}}
	for _, a := range []struct {
		name, mime string
		make       func() ([]byte, error)
	}{{"events.jsonl", "application/x-ndjson", l.Events}, {"xarf.json", "application/json", l.XARF}, {"sightings.csv", "text/csv", l.SightingTable}} {
		data, err := a.make()
		if err != nil {
			return nil, err
		}
		if data == nil {
			continue
		}
		at := attachment{a.name, a.mime, data}
		if len(data) > zipFrom {
			if at.data, err = gzipped(data); err != nil {
				return nil, err
			}
			at.name, at.mime = a.name+".gz", "application/gzip"
		}
		out = append(out, at)
	}
	return out, nil
}

func gzipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return nil, fmt.Errorf("compress an attachment: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress an attachment: %w", err)
	}
	return b.Bytes(), nil
}

// entity writes the MIME entity with the bodies and the attachments below the header h.
func (l *Letter) entity(h message.Header) ([]byte, error) {
	files, err := l.attachments()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.name
	}
	text, html, err := l.Bodies(names...)
	if err != nil {
		return nil, err
	}
	_, params, _ := h.ContentType()
	if params == nil {
		params = map[string]string{}
	}
	params["boundary"] = l.boundary("mixed")
	h.SetContentType("multipart/mixed", params)
	var b bytes.Buffer
	w, err := message.CreateWriter(&b, h)
	if err != nil {
		return nil, fmt.Errorf("write the message: %w", err)
	}
	if err := l.writeParts(w, text, html, files); err != nil {
		return nil, fmt.Errorf("write the message: %w", err)
	}
	return b.Bytes(), nil
}

func (l *Letter) writeParts(w *message.Writer, text, html string, files []attachment) error {
	var h message.Header
	h.SetContentType("multipart/alternative", map[string]string{"boundary": l.boundary("alternative")})
	alt, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	for _, p := range []struct{ mime, body string }{{"text/plain", text}, {"text/html", html}} {
		var h message.Header
		h.SetContentType(p.mime, map[string]string{"charset": "utf-8"})
		h.Set("Content-Transfer-Encoding", "quoted-printable")
		if err := writePart(alt, h, []byte(strings.ReplaceAll(p.body, "\n", "\r\n"))); err != nil {
			return err
		}
	}
	if err := alt.Close(); err != nil {
		return err
	}
	for _, f := range files {
		var h message.Header
		params := map[string]string{"name": f.name}
		if strings.HasPrefix(f.mime, "text/") {
			params["charset"] = "utf-8"
		}
		h.SetContentType(f.mime, params)
		h.SetContentDisposition("attachment", map[string]string{"filename": f.name})
		h.Set("Content-Transfer-Encoding", "base64")
		if err := writePart(w, h, f.data); err != nil {
			return err
		}
	}
	return w.Close()
}

func writePart(w *message.Writer, h message.Header, body []byte) error {
	p, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	if _, err := p.Write(body); err != nil {
		return err
	}
	return p.Close()
}

// boundary separates parts. All bodies are quoted-printable, base64 or armoured, where "--tocsin" cannot begin a line.
func (l *Letter) boundary(level string) string {
	return fmt.Sprintf("tocsin=_%s_%d_%s", l.Notice.ID, l.Notice.Rendition, level)
}
