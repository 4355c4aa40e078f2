package register

import (
	"strconv"
	"strings"
	"time"

	acts "tocsin/internal/act/register"
	"tocsin/internal/api/operation"
	"tocsin/internal/party"
)

type changesQuery struct {
	State string `query:"state" enum:"proposed,confirmed,refused,withdrawn" doc:"All of them where absent."`
	operation.Paging
}

// Changes is one page of changes of the register, the newest first; to the authority's people those that wait the oldest
// first.
type Changes struct {
	Changes []Change `json:"changes"`
	Next    string   `json:"next,omitempty"`
}

// NextCursor is where the page after begins.
func (c Changes) NextCursor() string { return c.Next }

// Change is what a party wants changed in the register.
type Change struct {
	ID        string       `json:"id"`
	Party     string       `json:"party"`
	PartyName string       `json:"party_name,omitempty"`
	What      string       `json:"what" doc:"system or resource."`
	Do        string       `json:"do" doc:"added, changed or ended."`
	Target    string       `json:"target,omitempty" doc:"Id of the system or resource; absent for a new one."`
	Before    *ChangeEntry `json:"before,omitempty" doc:"As it was when the change was proposed."`
	After     *ChangeEntry `json:"after,omitempty" doc:"As it is to be; absent where it is to go."`
	Reason    string       `json:"reason,omitempty"`
	By        string       `json:"by" doc:"As the ledger names them."`
	At        time.Time    `json:"at"`
	State     string       `json:"state"`
	DecidedBy string       `json:"decided_by,omitempty" doc:"To members of a party the kind alone where it is not their own."`
	Decided   *time.Time   `json:"decided,omitempty"`
	Decision  string       `json:"decision,omitempty" doc:"Reason of a refusal."`
}

// ChangeEntry is one system or resource as a change states it.
type ChangeEntry struct {
	Kind       string   `json:"kind,omitempty" max:"20" doc:"Of the resource (prefix, asn, domain), or of the system's asset."`
	Value      string   `json:"value,omitempty" max:"300" doc:"Of the resource or the asset; may be empty for a system."`
	Name       string   `json:"name,omitempty" max:"500" doc:"Of a system."`
	Protection int      `json:"protection,omitempty" min:"0" max:"5"`
	Products   []string `json:"products,omitempty" max:"200"`
}

func entryOf(e party.Entry) *ChangeEntry {
	if e.None() {
		return nil
	}
	return &ChangeEntry{e.Kind, e.Value, e.Name, e.Protection, e.Products}
}

func changeOf(c *operation.Call, r acts.Row) Change {
	out := Change{
		ID: r.ID, Party: string(r.Party), PartyName: r.PartyName, What: string(r.What), Do: string(r.Do()), Target: r.Target, Before: entryOf(r.Before),
		After: entryOf(r.After), Reason: r.Reason, By: r.By, At: r.At, State: string(r.State), DecidedBy: r.DecidedBy, Decided: operation.Some(r.Decided),
		Decision: r.Decision,
	}
	if c.By.Member() && r.State != party.Withdrawn && r.DecidedBy != r.By {
		out.DecidedBy, _, _ = strings.Cut(r.DecidedBy, ":")
	}
	return out
}

// Changes lists changes: to the desk all, to a party its own.
func (r *Register) Changes(c *operation.Call, q changesQuery) (Changes, error) {
	keys, err := operation.CursorKeys("change", q.Cursor, 2)
	if err != nil {
		return Changes{}, err
	}
	var after acts.Cursor
	if keys != nil {
		at, err := strconv.ParseInt(keys[0], 10, 64)
		if err != nil {
			return Changes{}, operation.Wrong("cursor", "this is no cursor of this list")
		}
		after = acts.Cursor{At: time.UnixMicro(at), ID: keys[1]}
	}
	read := r.Acts.Changes
	if c.By.Member() {
		read = r.Acts.Mine
	}
	rows, err := read(c.Ctx, c.Now, c.By, party.RequestState(q.State), after, q.Rows()+1)
	if err != nil {
		return Changes{}, err
	}
	var out Changes
	if len(rows) > q.Rows() {
		rows = rows[:q.Rows()]
		last := &rows[len(rows)-1]
		out.Next = operation.NewCursor("change", strconv.FormatInt(last.At.UnixMicro(), 10), last.ID)
	}
	for _, r := range rows {
		out.Changes = append(out.Changes, changeOf(c, r))
	}
	return out, nil
}

type changeQuery struct {
	ID string `path:"id"`
}

// Change answers one.
func (r *Register) Change(c *operation.Call, q changeQuery) (Change, error) {
	row, err := r.Acts.ByID(c.Ctx, c.Now, c.By, q.ID)
	return changeOf(c, row), err
}

// ProposeText is what the document says of proposing a change.
const ProposeText = "What describes a system and lowers nothing takes effect at once (`confirmed`); the rest waits for the authority (`proposed`)."

type changeBody struct {
	What   string      `json:"what" required:"true" enum:"system,resource"`
	Target string      `json:"target,omitempty" max:"100" doc:"Id of the system or resource; absent for a new one."`
	End    bool        `json:"end,omitempty" doc:"The target is to go; then there is no entry."`
	Entry  ChangeEntry `json:"entry,omitzero" doc:"As it is to be, as a whole."`
	Reason string      `json:"reason,omitempty" max:"2000"`
}

type proposeChangeQuery struct {
	Body changeBody
}

func (b *changeBody) wish() (acts.Wish, error) {
	e := b.Entry
	w := acts.Wish{
		What: party.RequestWhat(b.What), Target: b.Target, Reason: b.Reason,
		After: party.Entry{Kind: e.Kind, Value: strings.TrimSpace(e.Value), Name: e.Name, Protection: e.Protection, Products: e.Products},
	}
	switch {
	case b.End && b.Target == "":
		return w, operation.Wrong("target", "the id of what is to go was expected")
	case b.End != w.After.None():
		return w, operation.Wrong("entry", "either an entry or `end` was expected")
	}
	return w, nil
}

// inEntry is where a field of a system or resource stands in the body of a change.
func inEntry(field string) string {
	switch field {
	case "reason", "target", "what":
		return field
	case "asset", "resource":
		field = "value"
	}
	return "entry." + field
}

// Propose asks for a change of the own party.
func (r *Register) Propose(c *operation.Call, q proposeChangeQuery) (Change, error) {
	w, err := q.Body.wish()
	if err == nil {
		err = c.Member()
	}
	if err != nil {
		return Change{}, err
	}
	is, err := r.Acts.Propose(c.Ctx, c.Now, c.By, w)
	return changeOf(c, acts.Row{Request: is}), problemsOf(err, inEntry)
}

// Draft is what a change would be.
type Draft struct {
	AtOnce bool   `json:"at_once" doc:"It would take effect without the authority."`
	Change Change `json:"change"`
}

// Draft says what a change would be.
func (r *Register) Draft(c *operation.Call, q proposeChangeQuery) (Draft, error) {
	w, err := q.Body.wish()
	if err == nil {
		err = c.Member()
	}
	if err != nil {
		return Draft{}, err
	}
	is, err := r.Acts.Draft(c.Ctx, c.Now, c.By, w)
	return Draft{is.AtOnce(), changeOf(c, acts.Row{Request: is})}, problemsOf(err, inEntry)
}

// Confirm carries a change out.
func (r *Register) Confirm(c *operation.Call, q changeQuery) (Change, error) {
	if err := c.Desk(); err != nil {
		return Change{}, err
	}
	is, err := r.Acts.Confirm(c.Ctx, c.Now, c.By, q.ID)
	return changeOf(c, acts.Row{Request: is}), err
}

type refuseQuery struct {
	ID   string `path:"id"`
	Body operation.ReasonBody
}

// Refuse says no to a change.
func (r *Register) Refuse(c *operation.Call, q refuseQuery) (Change, error) {
	if err := c.Desk(); err != nil {
		return Change{}, err
	}
	is, err := r.Acts.Refuse(c.Ctx, c.Now, c.By, q.ID, q.Body.Reason)
	return changeOf(c, acts.Row{Request: is}), err
}

// Withdraw takes a change of the own party back.
func (r *Register) Withdraw(c *operation.Call, q changeQuery) (Change, error) {
	if err := c.Member(); err != nil {
		return Change{}, err
	}
	is, err := r.Acts.Withdraw(c.Ctx, c.Now, c.By, q.ID)
	return changeOf(c, acts.Row{Request: is}), err
}
