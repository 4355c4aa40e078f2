// Package people owns who may act in whose name: units, posts with their powers, persons, and who holds which post from
// when to when.
//
// It is pure: it knows neither how somebody proves who they are (act/staff) nor what an act needs (access).
package people

import "slices"

// Power is what an office may do. The list is closed; a post holds some of them.
type Power string

// Powers of the authority's posts. Those of a party's posts are Read, Answer and Staff, for its own things only.
const (
	Read     Power = "read"     // see findings, notices, parties, feeds and signals
	Triage   Power = "triage"   // decide about findings and the queue
	Register Power = "register" // parties, their contacts and what they answer for
	Feeds    Power = "feeds"    // configure feeds, read signals again
	Raw      Power = "raw"      // see raw rows and sent mails: every look leaves its reason in the ledger
	Export   Power = "export"   // take lists out of the program
	Mark     Power = "mark"     // raise markings, share, propose to lower
	Approve  Power = "approve"  // be the second person of an act that needs two
	Audit    Power = "audit"    // read and verify the whole ledger
	Staff    Power = "staff"    // people, posts and access of the own organisation
	Keys     Power = "keys"     // signing keys
	Answer   Power = "answer"   // answer for a party
)

// Powers lists every power in the order in which pages show them.
var Powers = []Power{Read, Triage, Register, Feeds, Raw, Export, Mark, Approve, Audit, Staff, Keys, Answer}

// PartyPowers are those that a post of a party may hold.
var PartyPowers = []Power{Read, Answer, Staff}

// Known reports whether p is on the list.
func (p Power) Known() bool { return slices.Contains(Powers, p) }
