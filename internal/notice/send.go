package notice

import (
	"errors"
	"fmt"
)

// Envelope is one mail on its way to a mail server.
type Envelope struct {
	From    string // envelope sender: where bounces go
	To      string
	Message []byte
}

// SendError says that a mail server, or the way to it, did not take a mail.
type SendError struct {
	Code     int    // SMTP reply code; 0 where the server was not reached
	Enhanced string // enhanced status code (RFC 3463); may be empty
	Text     string // in the words of the server or the network
	Address  bool   // the server refused this recipient's address, not our mail as such
}

func (e *SendError) Error() string {
	switch {
	case e.Code == 0:
		return e.Text
	case e.Enhanced == "":
		return fmt.Sprintf("%d %s", e.Code, e.Text)
	}
	return fmt.Sprintf("%d %s %s", e.Code, e.Enhanced, e.Text)
}

// Permanent reports whether sending the same mail again would fail again (RFC 5321, section 4.2.1).
func (e *SendError) Permanent() bool { return e.Code >= 500 && e.Code < 600 }

// Verdict returns the trigger of a send that ended with err, and whether the address itself was refused. tries counts
// this contact's attempts including this one. Errors of unknown kind are taken for temporary.
func Verdict(err error, tries int) (t Trigger, address bool) {
	if err == nil {
		return Accept, false
	}
	var s *SendError
	if errors.As(err, &s) && s.Permanent() {
		return Fail, s.Address
	}
	if _, again := BackOff(tries); again {
		return Defer, false
	}
	return Fail, false
}
