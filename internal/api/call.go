package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/api/operation"
	"tocsin/internal/people"
)

// call is one request with what every operation needs to know of it.
type call struct {
	ctx    context.Context //nolint:containedctx // lives as long as the request
	now    time.Time
	by     access.Actor
	w      http.ResponseWriter
	r      *http.Request
	status int // of the answer where it is not the usual one
}

// about is what the document says of an operation.
type about = operation.About

// op makes a route of an operation: request and answer are Go types that the document is made from.
func op[Q, A any](a *api, pattern string, key operation.Key, power people.Power, summary string, do func(*call, Q) (A, error), more ...func(*about)) Route {
	var q Q
	var answer A
	is := about{Summary: summary, Request: reflect.TypeOf(q), Answer: reflect.TypeOf(answer), Status: []int{http.StatusOK}}
	for _, f := range more {
		f(&is)
	}
	if is.Answer == reflect.TypeFor[none]() {
		is.Answer = nil
		is.Status = []int{http.StatusNoContent}
	}
	return Route{Pattern: pattern, Key: key, Power: power, Is: is, Handle: func(w http.ResponseWriter, r *http.Request) error {
		c := &call{ctx: r.Context(), now: a.Clock(), w: w, r: r, status: is.Status[0]}
		if err := a.admit(c, key, power); err != nil {
			return err
		}
		var q Q
		if err := operation.Decode(r, &q); err != nil {
			return err
		}
		out, err := do(c, q)
		if err != nil {
			return operation.Named(err, is.Request)
		}
		if is.Answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		a.front().Answer(w, r, c.status, out)
		return nil
	}}
}

// none is the request or the answer of an operation that has none.
type none struct{}

// created says that good answers are 201.
func created(is *about) { is.Status = []int{http.StatusCreated} }

// says adds a text to what the document says.
func says(text string) func(*about) { return func(is *about) { is.Text = text } }

// also names further statuses of refusals.
func also(status ...int) func(*about) {
	return func(is *about) { is.Errors = append(is.Errors, status...) }
}

func (a *api) front() operation.Front { return operation.Front{Log: a.Log, Secure: a.Secure} }
