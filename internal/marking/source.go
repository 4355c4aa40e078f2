package marking

import (
	"strings"

	"tocsin/internal/fault"
)

// Source reads the marks that a source wrote on one of its events: the one way in for every format. Letter case, blanks at
// the ends and the prefixes "TLP:" and "PAP:" say nothing; WHITE, of the protocols' older versions, is CLEAR; an empty text is
// no mark, which asks for nothing. A text that is no mark is AMBER, and the error (fault.Invalid) says so: the source wanted
// some limit, and nobody knows which.
func Source(tlp, pap string) (Mark, error) {
	t, err := sourceTLP(tlp)
	p, err2 := sourcePAP(pap)
	if err == nil {
		err = err2
	}
	return Mark{t, p}, err
}

func sourceTLP(text string) (TLP, error) {
	word := sourceWord(text, "TLP:")
	if word == "" {
		return Clear, nil
	}
	for _, t := range TLPs {
		if strings.EqualFold(word, t.Word()) || strings.EqualFold(word, strings.TrimPrefix(t.String(), "TLP:")) {
			return t, nil
		}
	}
	if strings.EqualFold(word, "white") {
		return Clear, nil
	}
	return Amber, fault.New(fault.Invalid, "%q is no marking of TLP 2.0, so it is taken for TLP:AMBER", clip(text))
}

func sourcePAP(text string) (PAP, error) {
	word := sourceWord(text, "PAP:")
	if word == "" {
		return PAPClear, nil
	}
	for i, name := range papNames {
		if strings.EqualFold(word, strings.TrimPrefix(name, "PAP:")) {
			return PAP(i), nil
		}
	}
	if strings.EqualFold(word, "white") {
		return PAPClear, nil
	}
	return PAPAmber, fault.New(fault.Invalid, "%q is no marking of the PAP, so it is taken for PAP:AMBER", clip(text))
}

// sourceWord returns a mark without blanks and without the name of its protocol.
func sourceWord(text, protocol string) string {
	text = strings.TrimSpace(text)
	if len(text) >= len(protocol) && strings.EqualFold(text[:len(protocol)], protocol) {
		text = strings.TrimSpace(text[len(protocol):])
		if text == "" {
			return protocol // a protocol without a mark: no mark that is known
		}
	}
	return text
}

// clip bounds what is quoted in a message.
func clip(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// Held says why no software takes in a row that its source marked so; nil where it may. The text tells nothing of the row.
func (m Mark) Held() error {
	if m.TLP.known() < Red {
		return nil
	}
	return fault.New(fault.Denied, "RED is for named persons only: the row waits for one, in the archive and nowhere else")
}

// Name returns the mark's name without its protocol, as events carry it: "AMBER+STRICT".
func (t TLP) Name() string { return strings.TrimPrefix(t.String(), "TLP:") }

// Name returns the mark's name without its protocol, as events carry it: "AMBER".
func (p PAP) Name() string { return strings.TrimPrefix(p.String(), "PAP:") }
