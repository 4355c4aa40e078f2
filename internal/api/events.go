package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/program"
	"tocsin/internal/api/operation"
	"tocsin/internal/fault"
	"tocsin/internal/people"
)

const eventsText = "Server-Sent Events: each has the entry's place in the log as its id, its act as its name and an Event as its data. " +
	"It tells what the token's person may read: a member what is their party's, the authority's people more, and whoever may read the " +
	"whole ledger (scope audit) everything. `Last-Event-ID`, or `after`, goes on from a place; without either it begins now. " +
	"An empty comment comes every 15 seconds; the stream ends when the token does. What is marked too strictly to leave the pages is left out."

type eventsQuery struct {
	After int64 `query:"after" min:"0" doc:"Place in the log to go on from."`
	Last  int64 `header:"Last-Event-ID" min:"0" doc:"The same, as browsers send it when they come back; goes before after."`
	Limit int64 `query:"limit" min:"1" max:"10000" doc:"Ends the stream after so many looks at the log; without it, it stays open."`
}

func eventsIs() operation.About {
	return operation.About{
		Summary: "Events of the ledger, as they happen", Text: eventsText, Request: reflect.TypeFor[eventsQuery](), Kind: "text/event-stream",
		Status: []int{http.StatusOK},
	}
}

// How often a stream looks at the log, and after how many looks it says that it is alive and asks whether its token is.
const (
	lookEvery = time.Second
	beatEvery = 15
)

func (a *api) events(w http.ResponseWriter, r *http.Request) error {
	by, err := a.person(r)
	if err != nil {
		return err
	}
	if !by.Holds(people.Read, by.Party) && !by.Holds(people.Audit, by.Party) {
		return fault.New(fault.Denied, "this needs the scope read or audit, and a post that holds it")
	}
	var q eventsQuery
	if err := operation.Decode(r, &q); err != nil {
		return err
	}
	after := q.After
	switch {
	case q.Last > 0:
		after = q.Last
	case r.URL.Query().Get("after") == "" && r.Header.Get("Last-Event-ID") == "":
		if after, err = a.Programs.LastPlace(r.Context()); err != nil {
			return err
		}
	}
	s, ok := a.Streams.Open(w, r, by.String())
	if !ok {
		return &operation.TooMany{Wait: 10 * time.Second}
	}
	defer s.Close()
	every := a.LookEvery
	if every == 0 {
		every = lookEvery
	}
	for n := int64(1); ; n++ {
		more, err := a.tell(r, s, by, &after)
		if err != nil {
			return a.broken(r, err)
		}
		if n == q.Limit || !more && !s.Wait(every) {
			return nil
		}
		if n%beatEvery == 0 {
			if s.Beat() != nil {
				return nil // they left
			}
			token, _ := bearer(r)
			if by, err = a.Staff.ActorByToken(r.Context(), a.Clock(), token); err != nil {
				return nil
			}
		}
	}
}

// sender is what tell needs of a stream.
type sender interface {
	Send(id, name string, data []byte) error
}

// tell sends what came behind a place and moves the place on; it reports whether there is more.
func (a *api) tell(r *http.Request, s sender, by access.Actor, after *int64) (bool, error) {
	is, err := a.Programs.EventsAfter(r.Context(), a.Clock(), by, *after)
	if err != nil {
		return false, err
	}
	for i := range is.Events {
		data, err := json.Marshal(is.Events[i])
		if err != nil {
			return false, err
		}
		if err := s.Send(strconv.FormatInt(is.Events[i].Seq, 10), is.Events[i].Act, data); err != nil {
			return false, err
		}
	}
	*after = is.Next
	return is.More, nil
}

// broken ends a stream that cannot go on: the answer has begun, so nothing more can be said but by ending it.
func (a *api) broken(r *http.Request, err error) error {
	if r.Context().Err() == nil {
		a.Log.WarnContext(r.Context(), "stream of events ended", "error", err)
	}
	return nil
}

// Event is what the stream's data hold.
type Event = program.Event
