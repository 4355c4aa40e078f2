// Package operation owns what an operation of the interface for programs is, whatever it does: how a request is read into a
// Go type, how an answer and a refusal are written, where a list goes on, and the OpenAPI document that all of them make.
//
// It knows no act and nobody: which operations there are, and who may call them, is package api's.
package operation

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"tocsin/internal/people"
)

// Key is what a program must show to be let in.
type Key string

// Keys.
const (
	NoKey     Key = ""       // nothing
	FeedKey   Key = "feed"   // a feed's bearer token
	PersonKey Key = "person" // a person's API token
	AnyKey    Key = "any"    // either of them
)

// Handler answers a request or says why not.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is one address of the interface.
type Route struct {
	Pattern string // of http.ServeMux
	Key     Key
	Power   people.Power // that the token and a post of its person must hold; empty: what the person may read decides
	Is      About
	Handle  Handler
}

// About is what the document says of an operation.
type About struct {
	Summary string // empty: the document has nothing of it
	Text    string
	Request reflect.Type // its fields: `path`, `query` and `header` tags, and Body
	Answer  reflect.Type // nil: no content, or Kind says what
	Status  []int        // of good answers
	Kind    string       // media type of the answer; empty is JSON
	Body    string       // media type of a body that is no JSON; empty where there is none
	Errors  []int        // beyond those that follow from the rest
}

// Paged is an answer that goes on: the cursor of the page after, empty at the end.
type Paged interface{ NextCursor() string }

// refusals are the statuses that an operation can refuse with: those that follow from its key, its request and its method,
// and those that it names itself.
func (r Route) refusals() []int {
	out := append([]int{http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}, r.Is.Errors...)
	if r.Key != NoKey {
		out = append(out, http.StatusUnauthorized, http.StatusForbidden)
	}
	if strings.Contains(r.Pattern, "{") {
		out = append(out, http.StatusNotFound)
	}
	if _, hasBody := r.Is.Request.FieldByName("Body"); hasBody || r.Is.Body != "" {
		out = append(out, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusConflict, http.StatusRequestEntityTooLarge)
		if hasBody {
			out = append(out, http.StatusUnsupportedMediaType)
		}
	} else if !strings.HasPrefix(r.Pattern, "GET ") {
		out = append(out, http.StatusConflict)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Statuses lists what a route may answer, good and bad.
func (r Route) Statuses() []int {
	return append(r.refusals(), r.Is.Status...)
}
