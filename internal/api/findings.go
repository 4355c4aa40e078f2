package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/people"
)

// findingsPage is how many findings one answer holds at most.
const findingsPage = 100

// Findings is one page of findings, the newest first.
type Findings struct {
	Findings []Finding `json:"findings"`
	Withheld int       `json:"withheld,omitempty"` // of this page: marked too strictly to leave the pages
	Next     int64     `json:"next,omitempty"`     // ?before= of the page after; absent at the end
}

// Finding is one finding as programs see it. Whoever takes it takes its mark with it.
type Finding struct {
	ID         int64     `json:"id"`
	TLP        string    `json:"tlp"`
	AssetKind  string    `json:"asset_kind"`
	Asset      string    `json:"asset"`
	Port       uint16    `json:"port,omitempty"`
	Transport  string    `json:"transport,omitempty"`
	Type       string    `json:"classification_type"`
	Identifier string    `json:"classification_identifier,omitempty"`
	Malware    string    `json:"malware_name,omitempty"`
	Severity   string    `json:"severity"`
	State      string    `json:"state"`
	Party      string    `json:"party,omitempty"`
	First      time.Time `json:"first_seen"`
	Last       time.Time `json:"last_seen"`
	Count      int64     `json:"count"`
}

// findings lists what is open and what the token's person may read: what the same person sees on the pages, less what
// may not leave them.
func (a *api) findings(w http.ResponseWriter, r *http.Request) error {
	by, err := a.person(r)
	if err != nil {
		return err
	}
	before, err := cursor(r)
	if err != nil {
		return err
	}
	q := loop.FindingQuery{States: loop.LiveStates}
	if by.Member() {
		q.Party = by.Party
	}
	list, err := a.Loop.Findings(r.Context(), a.Clock(), by, q, before, findingsPage)
	if err != nil {
		return err
	}
	out := Findings{Findings: []Finding{}, Next: int64(list.Next)}
	for _, f := range list.Rows {
		if marking.Leave(marking.ExportFile, f.Mark, true) != nil {
			out.Withheld++
			continue
		}
		id := f.Identity
		out.Findings = append(out.Findings, Finding{
			ID: int64(f.ID), TLP: f.Mark.TLP.String(), AssetKind: string(id.Asset.Kind), Asset: id.Asset.Value, Port: id.Port,
			Transport: id.Transport, Type: id.Type, Identifier: id.Identifier, Malware: id.Malware, Severity: f.Severity.String(),
			State: string(f.State), Party: string(f.Party), First: f.First, Last: f.Last, Count: f.Count,
		})
	}
	a.write(w, r, "application/json", http.StatusOK, out)
	return nil
}

// cursor reads ?before=.
func cursor(r *http.Request) (ident.Finding, error) {
	text := r.URL.Query().Get("before")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, fault.New(fault.Invalid, "before: %q is not the number of a finding", text)
	}
	return ident.Finding(n), nil
}

// person returns whom the request's API token acts for, where that person may read.
func (a *api) person(r *http.Request) (access.Actor, error) {
	token, err := bearer(r)
	if err != nil {
		return access.Actor{}, err
	}
	by, err := a.Staff.ActorByToken(r.Context(), a.Clock(), token)
	switch {
	case errors.Is(err, fault.NotFound), errors.Is(err, fault.Expired):
		return access.Actor{}, fault.New(fault.Denied, "no person has this token in use")
	case err != nil:
		return access.Actor{}, err
	case !by.Holds(people.Read, by.Party):
		return access.Actor{}, fault.New(fault.Denied, "this token, or its person, may not read")
	}
	return by, a.account(r, by)
}
