// Package register owns the operations of the interface for programs on what a party's own people say of their party, and on
// what the desk says to it: changes of the register, contacts, and how a party wants to be told. What is done is
// act/register's.
package register

import (
	"errors"
	"time"

	acts "tocsin/internal/act/register"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/party"
)

// Register is the operations.
type Register struct {
	Acts *acts.Register
	Zone *time.Location // that hours are in
}

// problemsOf names what the register cannot take by the fields of the request.
func problemsOf(err error, place func(field string) string) error {
	var all *party.Problems
	if !errors.As(err, &all) || !errors.Is(err, fault.Invalid) {
		return err
	}
	var out operation.Mistakes
	for _, p := range all.List {
		out = append(out, operation.Mistake{Field: place(p.Field), Text: p.Said.Error()})
	}
	return out
}
