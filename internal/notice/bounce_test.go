package notice_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/notice"
)

// dsn makes a delivery status notification as common servers write it.
func dsn(action, status, diagnostic, quoted string) string {
	return strings.ReplaceAll(`From: MAILER-DAEMON@mx.example
To: csirt@anhe.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

This is a MIME-encapsulated message.

--b1
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example. I'm sorry.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 23 Nov 2026 04:00:00 +0000

Final-Recipient: rfc822; security@hospital.example
Original-Recipient: rfc822;security@hospital.example
Action: `+action+`
Status: `+status+`
Remote-MTA: dns; mail.hospital.example
Diagnostic-Code: smtp; `+diagnostic+`

--b1
`+quoted+`
--b1--
`, "\n", "\r\n")
}

const quotedHeaders = `Content-Type: text/rfc822-headers

From: CSIRT <csirt@anhe.example>
Message-ID: <ntc_0123456789abcdefghjkmnpqrs.2@anhe.example>
X-Tocsin-Notice: ntc_0123456789abcdefghjkmnpqrs
Subject: x
`

const quotedMessage = `Content-Type: message/rfc822

Message-ID: <ntc_0123456789abcdefghjkmnpqrs@anhe.example>
Subject: x

Hello
`

func TestParseBounce(t *testing.T) {
	t.Parallel()
	base := notice.BounceReport{
		Notice: "ntc_0123456789abcdefghjkmnpqrs", MessageID: "ntc_0123456789abcdefghjkmnpqrs.2@anhe.example",
		Recipient: "security@hospital.example",
	}
	with := func(f func(*notice.BounceReport)) notice.BounceReport {
		r := base
		f(&r)
		return r
	}
	for _, c := range []struct {
		name, msg string
		want      notice.BounceReport
		permanent bool
	}{
		{
			"no such user", dsn("failed", "5.1.1", "550 5.1.1 <security@hospital.example>: user unknown", quotedHeaders),
			with(func(r *notice.BounceReport) {
				r.Action, r.Status, r.Diagnostic = "failed", "5.1.1", "550 5.1.1 <security@hospital.example>: user unknown"
			}), true,
		},
		{
			"mailbox full", dsn("failed", "5.2.2 (mailbox full)", "552 full", quotedMessage),
			with(func(r *notice.BounceReport) {
				r.Action, r.Status, r.Diagnostic, r.MessageID = "failed", "5.2.2", "552 full", "ntc_0123456789abcdefghjkmnpqrs@anhe.example"
			}), false,
		},
		{
			"delayed", dsn("delayed", "4.4.1", "connection timed out", quotedHeaders),
			with(func(r *notice.BounceReport) {
				r.Action, r.Status, r.Diagnostic = "delayed", "4.4.1", "connection timed out"
			}), false,
		},
		{
			"delivered", dsn("Delivered", "2.0.0", "250 ok", quotedHeaders),
			with(func(r *notice.BounceReport) { r.Action, r.Status, r.Diagnostic = "delivered", "2.0.0", "250 ok" }), false,
		},
		{
			"the worst of two recipients counts",
			strings.Replace(dsn("failed", "5.1.1", "550 no", quotedHeaders), "\r\n\r\n--b1\r\nContent-Type: text/rfc822",
				"\r\n\r\nFinal-Recipient: rfc822; other@hospital.example\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n--b1\r\nContent-Type: text/rfc822", 1),
			with(func(r *notice.BounceReport) { r.Action, r.Status, r.Diagnostic = "failed", "5.1.1", "550 no" }), true,
		},
	} {
		have, err := notice.ParseBounce([]byte(c.msg))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.want, have); d != "" || have.Permanent() != c.permanent {
			t.Errorf("%s: permanent %v\n%s", c.name, have.Permanent(), d)
		}
	}
}

func TestParseBounceRefuses(t *testing.T) {
	t.Parallel()
	for name, msg := range map[string]string{
		"nothing":             "",
		"a mail":              "From: a@example.org\r\n\r\nntc_0123456789abcdefghjkmnpqrs\r\n",
		"a disposition":       strings.Replace(dsn("failed", "5.1.1", "x", quotedHeaders), "delivery-status;", "disposition-notification;", 1),
		"no action":           dsn("guessed", "5.1.1", "x", quotedHeaders),
		"another mail of us":  dsn("failed", "5.1.1", "x", "Content-Type: message/rfc822\n\nMessage-ID: <1@anhe.example>\n\nx\n"),
		"nothing quoted":      dsn("failed", "5.1.1", "x", "Content-Type: text/plain\n\nx\n"),
		"a notice in a guise": dsn("failed", "5.1.1", "x", "Content-Type: text/plain\n\nX-Tocsin-Notice: ntc_0123456789abcdefghjkmnpqrs\n"),
	} {
		if _, err := notice.ParseBounce([]byte(msg)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzBounce(f *testing.F) {
	f.Add([]byte(dsn("failed", "5.1.1", "550 no", quotedHeaders)))
	f.Add([]byte(dsn("delivered", "2.0.0", "250 ok", quotedMessage)))
	f.Add([]byte(strings.ReplaceAll(dsn("failed", "5.1.1", "550 no", quotedHeaders), "\r\n", "\n")))
	f.Add([]byte("Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		r, err := notice.ParseBounce(msg)
		if err != nil {
			return
		}
		if len(r.Notice) != 30 || r.Action == "" || strings.ContainsAny(r.Diagnostic+r.Recipient, "\r\n") ||
			r.MessageID != "" && !strings.HasPrefix(r.MessageID, string(r.Notice)) {
			t.Errorf("%+v", r)
		}
		if trigger, ok := r.Trigger(); ok != (trigger != "") || r.Permanent() && r.Status == "" {
			t.Errorf("%+v makes %q", r, trigger)
		}
	})
}
