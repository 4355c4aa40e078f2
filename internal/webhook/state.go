package webhook

import (
	"time"

	"tocsin/internal/fault"
)

// State is where a delivery stands.
type State string

// States of a delivery.
const (
	Waiting   State = "waiting"   // for its time
	Sending   State = "sending"   // a worker holds it until its lease ends
	Delivered State = "delivered" // the other side answered 2xx
	Dead      State = "dead"      // every try failed
	Dropped   State = "dropped"   // the webhook ended first
)

// States lists them in the order of a delivery's life.
var States = []State{Waiting, Sending, Delivered, Dead, Dropped}

// Over reports whether nothing more happens to a delivery.
func (s State) Over() bool { return s == Delivered || s == Dead || s == Dropped }

// Trigger moves a delivery from one state to another.
type Trigger string

// Triggers.
const (
	Claim  Trigger = "claim"   // a worker takes it; again when a lease ran out
	Accept Trigger = "accept"  // the other side took it
	Defer  Trigger = "defer"   // it did not; try again later
	GiveUp Trigger = "give_up" // that was the last try, or the address is gone
	Drop   Trigger = "drop"    // the webhook ended
	Retry  Trigger = "retry"   // a person wants a dead one tried again
)

var transitions = map[Trigger]map[State]State{
	Claim:  {Waiting: Sending, Sending: Sending},
	Accept: {Sending: Delivered},
	Defer:  {Sending: Waiting},
	GiveUp: {Sending: Dead},
	Drop:   {Waiting: Dropped, Sending: Dropped},
	Retry:  {Dead: Waiting},
}

// Next returns the state after a trigger; fault.Conflict where there is none.
func Next(s State, t Trigger) (State, error) {
	if to, ok := transitions[t][s]; ok {
		return to, nil
	}
	return "", fault.New(fault.Conflict, "a delivery that is %s cannot take %q", s, t)
}

// Delivery is one message to a webhook with what became of it.
type Delivery struct {
	ID       string
	Webhook  string
	First    int64 // places in the log that it tells about
	Last     int64
	Events   int
	Withheld int // events that are marked too strictly for a webhook
	Test     bool
	Body     []byte
	State    State
	Attempts int
	Next     time.Time // when it is due; zero where it is over
	Leased   time.Time // until when a worker holds it; zero = free
	Created  time.Time
	Done     time.Time // zero while it is not over
	Status   int       // HTTP status of the newest answer; 0 where none came
	Error    string    // of the newest try; empty where that was good
}

// Lease is how long a worker may hold a delivery; longer than the client's timeout.
const Lease = 2 * time.Minute

// waits are the times between tries, some two days in all: a weekend's outage of the other side loses nothing that a
// person could not send again.
var waits = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// MaxAttempts is how often a delivery is tried.
var MaxAttempts = len(waits) + 1

// gone is the status by which the other side says that it wants no more (RFC 9110, section 15.5.11).
const gone = 410

// Verdict says what a try leads to: attempts counts it. wait is until the next one, for Defer only.
func Verdict(status, attempts int) (t Trigger, wait time.Duration) {
	switch {
	case status >= 200 && status < 300:
		return Accept, 0
	case status == gone || attempts > len(waits):
		return GiveUp, 0
	}
	return Defer, waits[max(0, attempts-1)]
}
