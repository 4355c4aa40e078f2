package api

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/record"
	"tocsin/internal/act/staff"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

type entriesQuery struct {
	Group  string    `query:"group" max:"50" doc:"First word of the acts: finding, notice, party, …"`
	Actor  string    `query:"actor" max:"200" doc:"As the ledger names it: person:per_…"`
	Object string    `query:"object" max:"500" doc:"As the ledger names it: finding:12"`
	From   time.Time `query:"from" doc:"Inclusive."`
	Until  time.Time `query:"until" doc:"Exclusive."`
	operation.Paging
}

// Entries is one page of the ledger, the newest first.
type Entries struct {
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"`
}

// NextCursor is the cursor of the page after; empty at the end.
func (e Entries) NextCursor() string { return e.Next }

// Entry is one act in the ledger.
type Entry struct {
	ID     int64     `json:"id" doc:"Order of birth in the database."`
	Seq    int64     `json:"seq,omitempty" doc:"Place in the log; absent while it waits for one."`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Post   string    `json:"post,omitempty"`
	Act    string    `json:"act"`
	Object string    `json:"object"`
	Reason string    `json:"reason,omitempty"`
	Body   string    `json:"body" doc:"A JSON object, as text: exactly the bytes that were hashed."`
	Hash   string    `json:"hash,omitempty" doc:"Of its leaf, in hex."`
}

func (a *api) entries(c *call, q entriesQuery) (Entries, error) {
	if err := c.Desk(); err != nil {
		return Entries{}, err
	}
	before, err := operation.NumberCursor("entry", q.Cursor)
	if err != nil {
		return Entries{}, err
	}
	if strings.ContainsAny(q.Group, "%_") {
		return Entries{}, operation.Wrong("group", "the first word of an act was expected")
	}
	v, err := a.Record.View(c.Ctx, record.Query{
		Group: q.Group, Actor: q.Actor, Object: q.Object, From: q.From, Until: q.Until, Before: before,
	}, q.Rows()+1)
	if err != nil {
		return Entries{}, err
	}
	var out Entries
	if len(v.Entries) > q.Rows() {
		v.Entries = v.Entries[:q.Rows()]
		out.Next = operation.NextNumber("entry", v.Entries[len(v.Entries)-1].ID)
	}
	for _, e := range v.Entries {
		out.Entries = append(out.Entries, Entry{
			e.ID, e.Seq, e.At, e.Actor, string(e.Post), e.Act, e.Object, e.Reason, e.Body, hex.EncodeToString(e.Hash),
		})
	}
	return out, nil
}

// Checkpoint is the newest signed checkpoint.
type Checkpoint struct {
	Size int64     `json:"size" doc:"Entries that it covers."`
	At   time.Time `json:"at"`
	Root string    `json:"root" doc:"Of the Merkle tree, in hex."`
	Note string    `json:"note" doc:"The signed note (C2SP tlog-checkpoint)."`
}

func (a *api) checkpoint(c *call, _ none) (Checkpoint, error) {
	k, err := a.Record.Newest(c.Ctx)
	if err != nil {
		return Checkpoint{}, err
	}
	return Checkpoint{k.Size, k.At, hex.EncodeToString(k.Root), k.Note}, nil
}

// Me is whom a token acts for.
type Me struct {
	Person string   `json:"person"`
	Name   string   `json:"name"`
	Party  string   `json:"party"`
	Desk   bool     `json:"desk" doc:"One of the authority's people."`
	Scopes []string `json:"scopes" doc:"Of the token."`
	Powers []string `json:"powers" doc:"Scopes that a post of the person holds now: what the token really opens."`
	Posts  []string `json:"posts"`
}

func (a *api) me(c *call, _ none) (Me, error) {
	out := Me{Person: c.By.ID, Name: c.By.Name, Party: string(c.By.Party), Desk: c.By.Desk()}
	for _, p := range people.Powers {
		if slices.Contains(c.By.Only, p) {
			out.Scopes = append(out.Scopes, string(p))
		}
		if c.By.Holds(p, c.By.Party) {
			out.Powers = append(out.Powers, string(p))
		}
	}
	for _, s := range c.By.Seats {
		out.Posts = append(out.Posts, s.Title)
	}
	return out, nil
}

// Tokens is a person's API tokens.
type Tokens struct {
	Tokens []Token `json:"tokens"`
}

// Token is an API token without its secret.
type Token struct {
	ID      string     `json:"id"`
	Label   string     `json:"label"`
	Scopes  []string   `json:"scopes"`
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Used    *time.Time `json:"used,omitempty"`
	Ended   *time.Time `json:"ended,omitempty"`
}

func (a *api) tokens(c *call, _ none) (Tokens, error) {
	list, err := a.Staff.Tokens(c.Ctx, c.By, ident.Person(c.By.ID))
	return tokensOf(list), err
}

func tokensOf(list []staff.Token) Tokens {
	var out Tokens
	for _, k := range list {
		is := Token{ID: k.ID, Label: k.Label, Created: k.Created, Expires: k.Expires, Used: operation.Some(k.Used), Ended: operation.Some(k.Ended)}
		for _, p := range k.Scopes {
			is.Scopes = append(is.Scopes, string(p))
		}
		out.Tokens = append(out.Tokens, is)
	}
	return out
}

const proposalsText = "Programs propose and never approve: a second person does that on the pages."

// Proposals are the open ones, then the newest decided ones.
type Proposals struct {
	Proposals []Proposal `json:"proposals"`
}

// Proposal is an act that waits for, or had, a second person.
type Proposal struct {
	ID          string     `json:"id"`
	Act         string     `json:"act"`
	Object      string     `json:"object"`
	Particulars string     `json:"particulars" doc:"A JSON object, as text."`
	Reason      string     `json:"reason"`
	By          string     `json:"by"`
	At          time.Time  `json:"at"`
	Expires     time.Time  `json:"expires"`
	State       string     `json:"state"`
	DecidedBy   string     `json:"decided_by,omitempty"`
	Decided     *time.Time `json:"decided,omitempty"`
}

func proposalOf(p people.Proposal) Proposal {
	return Proposal{
		p.ID, p.Act, p.Object, p.Particulars, p.Reason, p.By, p.At, p.Expires, string(p.State), p.DecidedBy, operation.Some(p.Decided),
	}
}

// decidedShown is how many decided proposals the list has.
const decidedShown = 100

func (a *api) proposals(c *call, _ none) (Proposals, error) {
	list, err := a.Staff.Proposals(c.Ctx, c.By, decidedShown)
	var out Proposals
	for _, p := range slices.Concat(list.Open, list.Decided) {
		out.Proposals = append(out.Proposals, proposalOf(p))
	}
	return out, err
}

type proposalBody struct {
	Act         string `json:"act" required:"true" enum:"finding.lower,party.end"`
	Object      string `json:"object" required:"true" max:"500" doc:"As the ledger names it: finding:12"`
	Particulars string `json:"particulars,omitempty" max:"2000" doc:"A JSON object, as text: {\"tlp\":\"TLP:GREEN\"} or {\"lift\":true} for finding.lower."`
	Reason      string `json:"reason" required:"true" max:"2000"`
}

type proposeQuery struct {
	Body proposalBody
}

func (a *api) propose(c *call, q proposeQuery) (Proposal, error) {
	b := q.Body
	if b.Particulars != "" && !json.Valid([]byte(b.Particulars)) {
		return Proposal{}, operation.Wrong("particulars", "a JSON object was expected")
	}
	if err := a.mayPropose(c, b.Act); err != nil {
		return Proposal{}, err
	}
	p, err := a.Staff.Propose(c.Ctx, c.Now, c.By, b.Act, b.Object, b.Particulars, b.Reason)
	return proposalOf(p), err
}

// mayPropose refuses early whoever lacks the power, before particulars are looked at.
func (a *api) mayPropose(c *call, act string) error {
	need := access.Acts[act+".propose"]
	if !c.By.Holds(need.Power, c.By.Party) {
		return fault.New(fault.Denied, "proposing %s needs the scope %s", act, need.Power)
	}
	return nil
}

// openapi answers the document. It is the same for everybody.
func (a *api) openapi(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(Document()) // nobody is left to tell
	return nil
}

func openapiIs() operation.About {
	return operation.About{Summary: "This document", Request: noRequest, Status: []int{http.StatusOK}, Answer: reflect.TypeFor[operation.OpenDocument]()}
}
