// Package access owns who may do and see what. Every act and every read of every door asks it, by default deny.
//
// Rules are written once, as tables: acts.go says what each act needs. It is pure: callers bring what the store knows.
package access

import (
	"slices"
	"time"

	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// Kind tells what an actor is.
type Kind string

// Kinds of actor. The zero value is nobody: a visitor who has not said who they are.
const (
	Nobody   Kind = ""
	Person   Kind = "person"   // signed in, or holder of an API token
	Party    Kind = "party"    // whoever holds the link of a party's notice
	Feed     Kind = "feed"     // whoever holds a feed's token
	Software Kind = "software" // this program: a duty, or a command run by whoever owns the data folder
)

// Actor is who acts or reads, with what they hold at this instant.
type Actor struct {
	Kind   Kind
	ID     string         // person, party, feed, or the name of the duty or command
	Name   string         // to show; may be empty
	Party  ident.Party    // for whom: ident.Authority or a party; empty for nobody, feeds and software
	Seats  []Seat         // posts that a person holds now, in the order of their choice
	Only   []people.Power // an API token's scopes: powers beyond them do not count; nil = no limit
	Proved time.Time      // when a person last proved who they are; zero for an API token
	Weak   bool           // signed in, but without the second factor that the posts demand: may only set one up
}

// Seat is a post that a person holds at this instant.
type Seat struct {
	Post         ident.Post
	Title        string
	Party        ident.Party // of the unit that the post is in
	Powers       []people.Power
	Incompatible []ident.Post // whoever acted on an object in one of these may not act on it in this post
}

// ForSoftware is a duty or command of this program.
func ForSoftware(name string) Actor { return Actor{Kind: Software, ID: name} }

// ForParty is whoever holds the link of a notice to a party.
func ForParty(p ident.Party) Actor { return Actor{Kind: Party, ID: string(p), Party: p} }

// ForFeed is whoever holds a feed's token.
func ForFeed(f ident.Feed) Actor { return Actor{Kind: Feed, ID: string(f)} }

// String is the actor as the ledger names it: kind and id.
func (a Actor) String() string {
	if a.Kind == Nobody {
		return "nobody"
	}
	return string(a.Kind) + ":" + a.ID
}

// Holds reports whether a has the power in one of its seats, for party p's things: the authority's seats count for
// everybody's, a party's for its own.
func (a Actor) Holds(power people.Power, p ident.Party) bool {
	_, ok := a.seat(power, p, nil)
	return ok
}

// Desk reports whether a is one of the authority's people.
func (a Actor) Desk() bool { return a.Kind == Person && a.Party == ident.Authority }

// Member reports whether a is a person of a party other than the authority.
func (a Actor) Member() bool { return a.Kind == Person && a.Party != ident.Authority && a.Party != "" }

// seat returns the first seat with the power that is not blocked by what a did before in an incompatible post.
func (a Actor) seat(power people.Power, p ident.Party, acted []ident.Post) (Seat, bool) {
	if a.Only != nil && !slices.Contains(a.Only, power) {
		return Seat{}, false
	}
	for _, s := range a.Seats {
		if !slices.Contains(s.Powers, power) || s.Party != ident.Authority && (s.Party != p || p == "") {
			continue
		}
		if !slices.ContainsFunc(acted, func(before ident.Post) bool { return slices.Contains(s.Incompatible, before) }) {
			return s, true
		}
	}
	return Seat{}, false
}

// Incompatible reports whether what a did before on an object can bar it from a post.
func (a Actor) Incompatible() bool {
	return slices.ContainsFunc(a.Seats, func(s Seat) bool { return len(s.Incompatible) > 0 })
}
