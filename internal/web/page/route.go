package page

import (
	"net/http"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
)

// Door says whom a route lets in at all.
type Door string

// Doors. What a person needs beyond being let in is the route's Power.
const (
	ForAll    Door = "all"    // anybody; the answer may be kept but is asked for anew each time
	ForHolder Door = "holder" // whoever knows the address; the answer is kept nowhere
	ForPerson Door = "person" // whoever has signed in, without a second factor too
	ForMember Door = "member" // people of a party
	ForDesk   Door = "desk"   // people of the authority
)

// Route is one address: whom it lets in, what they need, and what answers. A route exists only by being in a list that
// Mount takes, so whoever reads the lists knows them all.
type Route struct {
	Pattern string // of http.ServeMux
	Door    Door
	Power   people.Power // that a post of the visitor must hold; empty: being let in is enough
	Handle  Handler
	Raw     http.Handler // instead of Handle, for what is no page: assets
	Waits   bool         // Handle asks another server, writes, or reads all there is before it answers: it takes no page's turn
}

// Mount puts routes on mux.
func (k *Kit) Mount(mux *http.ServeMux, routes []Route) {
	for _, r := range routes {
		mux.Handle(r.Pattern, k.admit(r))
	}
}

func (k *Kit) admit(r Route) http.Handler {
	switch {
	case r.Raw != nil:
		return r.Raw
	case r.Door == ForAll:
		return k.serve("no-cache", !r.Waits, r.handle)
	}
	return k.serve("no-store", !r.Waits, r.handle)
}

// handle answers whom the route lets in.
func (r Route) handle(v *Visit) error {
	if r.Door != ForAll && r.Door != ForHolder {
		if stop, err := v.stopped(r); stop || err != nil {
			return err
		}
	}
	return r.Handle(v)
}

// Account is where a person sets up how they prove who they are.
const Account = "/account"

// stopped turns away whom a route does not let in: to sign-in, to the page where a second factor is set up, or with an
// error. What is another side's is not there.
func (v *Visit) stopped(r Route) (bool, error) {
	who := v.Who
	switch {
	case !who.Desk() && !who.Member():
		return true, v.signInFirst()
	case r.Door == ForDesk && !who.Desk(), r.Door == ForMember && !who.Member():
		return true, fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	case r.Door != ForPerson && who.Weak:
		if v.R.Method == http.MethodGet || v.R.Method == http.MethodHead {
			return true, v.Redirect(Account, "")
		}
		return true, fault.New(fault.Denied, "%s", v.T("error.weak"))
	case r.Power != "" && !v.May(r.Power):
		return true, fault.New(fault.Denied, "%s", v.T("error.no_power", v.Lang.Word("power", string(r.Power))))
	}
	return false, nil
}

// May reports whether the visitor holds a power: for everybody's things at the desk, for its own party's otherwise.
func (v *Visit) May(p people.Power) bool { return may(v.Who, p) }

// May is Visit.May for templates.
func (f Frame) May(p people.Power) bool { return may(f.Who, p) }

// Home is the visitor's first page.
func (f Frame) Home() string { return Home(f.Who) }

func may(who Visitor, p people.Power) bool {
	of := who.Party
	if who.Desk() {
		of = ident.Authority
	}
	return !who.Weak && who.Holds(p, of)
}

// Home is where a visitor goes after signing in: the first page that their posts let them see.
func Home(who Visitor) string {
	switch {
	case !who.Desk() && !who.Member():
		return "/"
	case who.Weak:
		return Account
	case who.Member() && may(who, people.Read):
		return "/my"
	case who.Member():
		return Account
	case may(who, people.Read):
		return "/desk"
	case may(who, people.Audit):
		return "/desk/ledger"
	}
	return Account
}
