package desk

import (
	"errors"
	"strings"

	"tocsin/internal/act/triage"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

// choice is a field in which a person names one party: a list where there are few, else a text that called reads.
type choice struct {
	ID, Name string
	Value    ident.Party
	First    string // what choosing none means, in words
	None     string // what the word "none" stands for; empty where it is no choice
	Must     bool
	Parties  []triage.PartyName
}

// partyChoices are the parties to choose from; none where there are too many.
func (d *desk) partyChoices(v *page.Visit) ([]triage.PartyName, error) {
	return d.triage.Choices(v.R.Context(), v.Now, v.Who.Actor)
}

// called reads what a person typed or chose for a party: its id, or exactly its name. Nothing is nobody.
func (d *desk) called(v *page.Visit, text string) (triage.PartyName, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return triage.PartyName{}, nil
	}
	if len(text) > maxTyped {
		return triage.PartyName{}, fault.New(fault.Invalid, "%s", v.T("party.unknown", clip(text, moreLimit)))
	}
	p, err := d.triage.Called(v.R.Context(), v.Now, v.Who.Actor, text)
	if several, ok := errors.AsType[*triage.Ambiguous](err); ok {
		ids := make([]string, len(several.IDs))
		for i, id := range several.IDs {
			ids[i] = string(id)
		}
		return p, fault.New(fault.Invalid, "%s", v.T("party.several", text, strings.Join(ids, ", ")))
	}
	if errors.Is(err, fault.NotFound) {
		return p, fault.New(fault.Invalid, "%s", v.T("party.unknown", text))
	}
	return p, err
}
