package api

import (
	"tocsin/internal/api/operation"
	"tocsin/internal/people"
)

type (
	call = operation.Call
	none = operation.None
)

// op makes a route of an operation of the interface.
func op[Q, A any](a *api, pattern string, key operation.Key, power people.Power, summary string, do func(*call, Q) (A, error), more ...func(*operation.About)) Route {
	return operation.New(a.door(), pattern, key, power, summary, do, more...)
}

func (a *api) front() operation.Front { return operation.Front{Log: a.Log, Secure: a.Secure} }

func (a *api) door() operation.Door {
	return operation.Door{Front: a.front(), Clock: a.Clock, Admit: a.admit}
}
