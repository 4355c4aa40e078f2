// Package webhook owns what a program elsewhere is told by a webhook: of which acts, where to, signed how, and how often
// a delivery is tried. It is pure: who posts is behind Poster, what is kept is the store's.
package webhook

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ident"
)

// Webhook is one address that is told of acts.
type Webhook struct {
	ID      string
	Party   ident.Party // whose it is: of the authority, it is told of everything; of a party, of what the party may read
	Label   string
	URL     string
	Acts    []string // of Acts
	Secret  []byte   // sealed
	Before  []byte   // sealed: the secret before, which signs as well until Rotated + Overlap; empty where there is none
	Rotated time.Time
	Seen    int64 // place in the log up to which entries were looked at
	Created time.Time
	By      string    // who made it, as the ledger names them
	Ended   time.Time // zero while it is in use
}

// Overlap is how long the secret before signs beside a new one.
const Overlap = 24 * time.Hour

// MaxLabel bounds the bytes of a label.
const MaxLabel = 200

// Acts that a webhook can be told of, a closed list: what happens to findings, notices, signals, feeds, parties, changes of
// the register and reports. Who signs in and who holds which post goes nowhere.
var Acts = []string{
	"signal.finish", "signal.replay",
	"finding.fold", "finding.attribute", "finding.reattribute", "finding.discard", "finding.reject", "finding.verify", "finding.expire",
	"finding.raise", "finding.lower", "finding.share", "finding.unshare",
	"notice.plan", "notice.send", "notice.fail", "notice.answer", "notice.escalate", "notice.withdraw", "notice.no_contact",
	"feed.put", "feed.drift", "feed.fail", "feed.recover", "feed.silent", "feed.speak",
	"feed.weak", "feed.strong", "feed.level", "feed.sources", "feed.together", "feed.apart",
	"party.put", "party.import", "party.end",
	"change.propose", "change.apply", "change.confirm", "change.refuse", "change.withdraw",
	"report.receive", "report.take", "report.close",
}

// PartyActs are those that a party's own things can have.
var PartyActs = []string{
	"finding.attribute", "finding.discard", "finding.reject", "finding.raise", "finding.lower",
	"notice.plan", "notice.send", "notice.answer", "notice.escalate", "notice.withdraw",
	"change.apply", "change.confirm", "change.refuse", "change.withdraw",
}

// ActsFor lists what the webhook of a party can be told of.
func ActsFor(p ident.Party) []string {
	if p == ident.Authority {
		return Acts
	}
	return PartyActs
}

// CheckActs returns the acts in the order of the list; fault.Invalid where there is none, or one is not on it.
func CheckActs(of ident.Party, acts []string) ([]string, error) {
	var out []string
	known := ActsFor(of)
	for _, a := range acts {
		if !slices.Contains(known, a) {
			return nil, fault.New(fault.Invalid, "acts: %q is not one that a webhook is told of", a)
		}
	}
	for _, a := range known {
		if slices.Contains(acts, a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "acts: at least one was expected")
	}
	return out, nil
}

// URLs are the rules for where webhooks may go. The zero value allows https to public addresses only.
type URLs struct {
	Allow []netip.Prefix // inside addresses that may be posted to, by http too
}

// maxURL bounds the bytes of an address.
const maxURL = 2000

// Check returns the address as it is kept. fault.Invalid where it is not https://host/…, holds a name and password or a
// fragment, or is an address inside that the operator did not allow. What a name resolves to is looked at when it is
// dialled.
func (r URLs) Check(text string) (string, error) {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "", fault.New(fault.Invalid, "url: at most %d bytes without space were expected", maxURL)
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return "", fault.New(fault.Invalid, "url: an address such as https://soc.example.org/tocsin was expected")
	case u.User != nil:
		return "", fault.New(fault.Invalid, "url: no name and password in the address; deliveries are signed instead")
	case u.Fragment != "":
		return "", fault.New(fault.Invalid, "url: no fragment (#…) was expected")
	case u.Scheme != "https" && !(u.Scheme == "http" && r.inside(u.Hostname())):
		return "", fault.New(fault.Invalid, "url: https:// was expected")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !r.inside(u.Hostname()) && (!ip.IsGlobalUnicast() || ip.IsPrivate()) {
		return "", fault.New(fault.Invalid, "url: an address inside is not posted to unless the operator allows it")
	}
	return u.String(), nil
}

// inside reports whether a host is an address that the operator allowed.
func (r URLs) inside(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(r.Allow, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// Host is the address without what may be a key: scheme, host and port.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Post is one delivery on its way. It is an unnamed type so that package outside need not know this package.
type Post = struct {
	URL       string
	ID        string // of the delivery: the same when it is tried again
	Signature string
	Body      []byte
}

// Poster posts deliveries. It returns the HTTP status, 0 where none came; err is for people and holds no address. Its
// kind is fault.Denied where the address must not be dialled.
type Poster interface {
	Post(ctx context.Context, p Post) (status int, err error)
}
