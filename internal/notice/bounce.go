package notice

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// BounceReport is what a mail server says later about a notice that it took (a delivery status notification, RFC 3464).
type BounceReport struct {
	Notice     ident.Notice
	MessageID  string // of the rendition that it is about; empty where the report does not quote it
	Action     string // "failed", "delayed", "delivered", "relayed" or "expanded"
	Recipient  string
	Status     string // enhanced status code: "5.1.1"
	Diagnostic string // in the words of the server, clipped
}

// Limits of reading a bounce.
const (
	maxBounce     = 8 << 20
	maxBouncePart = 1 << 20
	maxDiagnostic = 500
)

var (
	noticeID  = regexp.MustCompile(`ntc_[0-9a-hjkmnp-tv-z]{26}`)
	dsnStatus = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}$`)
)

var dsnActions = []string{"failed", "delayed", "delivered", "relayed", "expanded"}

// ParseBounce reads a delivery status notification. fault.Invalid where msg is none, or is about no notice of ours.
// Where it speaks of several recipients, the worst news counts.
func ParseBounce(msg []byte) (BounceReport, error) {
	if len(msg) > maxBounce {
		return BounceReport{}, fault.New(fault.TooLarge, "a delivery status notification has at most %d bytes", maxBounce)
	}
	e, err := message.Read(bytes.NewReader(msg))
	if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return BounceReport{}, fault.New(fault.Invalid, "this is not a mail message")
	}
	typ, params, err := e.Header.ContentType()
	if err != nil || typ != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") {
		return BounceReport{}, fault.New(fault.Invalid, "this is not a delivery status notification")
	}
	mr := e.MultipartReader()
	if mr == nil {
		return BounceReport{}, fault.New(fault.Invalid, "the delivery status notification has no parts")
	}
	var r BounceReport
	for range 10 {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
			return BounceReport{}, fault.New(fault.Invalid, "the delivery status notification is cut off")
		}
		r.part(p)
	}
	if r.Action == "" {
		return BounceReport{}, fault.New(fault.Invalid, "the delivery status notification names no action")
	}
	r.find(e.Header.Get("In-Reply-To") + " " + e.Header.Get("References"))
	if r.Notice == "" {
		return BounceReport{}, fault.New(fault.Invalid, "the delivery status notification is about no notice")
	}
	return r, nil
}

func (r *BounceReport) part(p *message.Entity) {
	typ, _, _ := p.Header.ContentType()
	body, _ := io.ReadAll(io.LimitReader(p.Body, maxBouncePart)) // what can be read of a damaged part is still of use
	switch typ {
	case "message/delivery-status", "message/global-delivery-status":
		r.status(body)
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers":
		h, _ := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(append(body, "\r\n\r\n"...))))
		r.find(h.Get(noticeHeader))
		id := strings.Trim(strings.TrimSpace(h.Get("Message-Id")), "<>")
		r.find(id)
		if r.Notice != "" && strings.HasPrefix(id, string(r.Notice)) && len(id) < 200 {
			r.MessageID = id
		}
	}
}

// find takes the first notice named in text.
func (r *BounceReport) find(text string) {
	if r.Notice == "" {
		r.Notice = ident.Notice(noticeID.FindString(text))
	}
}

// status reads the fields per message and per recipient (RFC 3464, section 2).
func (r *BounceReport) status(body []byte) {
	br := bufio.NewReader(bytes.NewReader(append(body, "\r\n\r\n"...)))
	for range 100 {
		h, err := textproto.ReadHeader(br)
		if action := strings.ToLower(strings.TrimSpace(h.Get("Action"))); slices.Contains(dsnActions, action) && r.worse(action) {
			r.Action = action
			r.Status, r.Diagnostic, r.Recipient = "", "", ""
			if s, _, _ := strings.Cut(strings.TrimSpace(h.Get("Status")), " "); dsnStatus.MatchString(s) {
				r.Status = s
			}
			r.Diagnostic = clipRunes(oneLine(afterType(h.Get("Diagnostic-Code"))), maxDiagnostic)
			r.Recipient = clipRunes(oneLine(afterType(h.Get("Final-Recipient"))), 320)
		}
		if err != nil {
			return
		}
	}
}

// worse reports whether action is worse news than what is known.
func (r *BounceReport) worse(action string) bool {
	return r.Action == "" || slices.Index(dsnActions, action) < slices.Index(dsnActions, r.Action)
}

// afterType drops the "smtp;" before a value.
func afterType(s string) string {
	if _, v, ok := strings.Cut(s, ";"); ok {
		return strings.TrimSpace(v)
	}
	return strings.TrimSpace(s)
}

// Trigger returns what the report does to its notice; false where it changes nothing (delayed, relayed, expanded).
func (r BounceReport) Trigger() (Trigger, bool) {
	switch r.Action {
	case "failed":
		return Bounce, true
	case "delivered":
		return Confirm, true
	}
	return "", false
}

// Permanent reports whether the address itself is bad, rather than a mailbox that is full or a server that is away.
func (r BounceReport) Permanent() bool {
	return strings.HasPrefix(r.Status, "5") && r.Status != "5.2.2"
}
