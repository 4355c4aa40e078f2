package loop

import (
	"tocsin/internal/access"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// testCommand is whoever owns the data folder.
var testCommand = access.ForSoftware("command")

// deskPerson is somebody at the desk in a post with every power.
func deskPerson(name string) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: name, Name: name, Party: ident.Authority, Proved: noon,
		Seats: []access.Seat{{Post: "all", Party: ident.Authority, Powers: people.Powers}},
	}
}

// memberOf is somebody who answers for a party.
func memberOf(p ident.Party) access.Actor {
	return access.Actor{
		Kind: access.Person, ID: "member-of-" + string(p), Party: p,
		Seats: []access.Seat{{Post: "member", Party: p, Powers: people.PartyPowers}},
	}
}
