package operation

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/marking"
	"tocsin/internal/people"
)

// Call is one request with what every operation needs to know of it.
type Call struct {
	Ctx    context.Context //nolint:containedctx // lives as long as the request
	Now    time.Time
	By     access.Actor
	R      *http.Request
	Status int // of the answer where it is not the usual one
}

// Desk refuses those who are not the authority's people.
func (c *Call) Desk() error {
	if c.By.Desk() {
		return nil
	}
	return fault.New(fault.Denied, "this is for the authority's people")
}

// Member refuses those who are nobody's member.
func (c *Call) Member() error {
	if c.By.Member() {
		return nil
	}
	return fault.New(fault.Denied, "this is for a party's own people")
}

// Door is what stands before every operation.
type Door struct {
	Front
	Clock func() time.Time
	Admit func(*Call, Key, people.Power) error // finds out who calls, and whether they may at all
}

// New makes a route of an operation: request and answer are Go types that the document is made from.
func New[Q, A any](d Door, pattern string, key Key, power people.Power, summary string, do func(*Call, Q) (A, error), more ...func(*About)) Route {
	var q Q
	var answer A
	is := About{Summary: summary, Request: reflect.TypeOf(q), Answer: reflect.TypeOf(answer), Status: []int{http.StatusOK}}
	for _, f := range more {
		f(&is)
	}
	if is.Answer == reflect.TypeFor[None]() {
		is.Answer = nil
		is.Status = []int{http.StatusNoContent}
	}
	return Route{Pattern: pattern, Key: key, Power: power, Is: is, Handle: func(w http.ResponseWriter, r *http.Request) error {
		c := &Call{Ctx: r.Context(), Now: d.Clock(), R: r, Status: is.Status[0]}
		if err := d.Admit(c, key, power); err != nil {
			return err
		}
		var q Q
		if err := Decode(r, &q); err != nil {
			return err
		}
		out, err := do(c, q)
		if err != nil {
			return named(err, is.Request)
		}
		if is.Answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		d.Answer(w, r, c.Status, out)
		return nil
	}}
}

// None is the request or the answer of an operation that has none.
type None struct{}

// Created says that good answers are 201.
func Created(is *About) { is.Status = []int{http.StatusCreated} }

// Says adds a text to what the document says.
func Says(text string) func(*About) { return func(is *About) { is.Text = text } }

// Also names further statuses of refusals.
func Also(status ...int) func(*About) {
	return func(is *About) { is.Errors = append(is.Errors, status...) }
}

// pageSize is how many rows a list has where the request does not say.
const pageSize = 100

// Paging is what every list takes.
type Paging struct {
	Cursor string `query:"cursor" max:"2000" doc:"next of the page before; empty for the first page."`
	Limit  int    `query:"limit" min:"1" max:"500" doc:"Rows of a page at most; 100 where it is not given."`
}

// Rows is how many rows the page has at most.
func (p Paging) Rows() int {
	if p.Limit == 0 {
		return pageSize
	}
	return p.Limit
}

// ReasonBody is what an act asks that needs nothing but a reason.
type ReasonBody struct {
	Reason string `json:"reason" required:"true" max:"2000"`
}

// Leave says whether something so marked may leave by this interface.
func Leave(m marking.Mark) error { return marking.Leave(marking.ExportFile, m, true) }

// Some is a pointer to an instant; nil for none.
func Some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// OrZero is the instant that t points at; zero for none.
func OrZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
