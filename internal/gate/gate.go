// Package gate owns what stands before every door: who is at the other end, how many connections and requests they may
// have, how slowly they may send and take, and which methods an address knows.
//
// It answers nothing itself but the refusals; it knows no page, no person and no finding.
package gate

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the prefixes of the reverse proxies that the installation trusts to say whom they speak for.
type Proxies []netip.Prefix

// Trust reports whether a is a proxy that is believed.
func (p Proxies) Trust(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(x netip.Prefix) bool { return x.Contains(a) })
}

// Client returns the address that a request comes from. X-Forwarded-For counts only where the connection comes from a
// trusted proxy, and then its right-most entry that is no trusted proxy: what is left of that anybody may have
// written. An entry that is no address ends the reading at the last hop that was believed. The zero Addr: unknown.
func (p Proxies) Client(r *http.Request) netip.Addr {
	at := peer(r.RemoteAddr)
	if !p.Trust(at) {
		return at
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			return at
		}
		if at = a; !p.Trust(at) {
			return at
		}
	}
	return at
}

// parseHop reads an address with or without a port, as proxies write both.
func parseHop(s string) (netip.Addr, error) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().Unmap().WithZone(""), nil
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err
}

func peer(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// Network returns the network that an address is counted with: /24 and /48, as whoever has one address of such a
// network can easily have another.
func Network(a netip.Addr) netip.Prefix {
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil { // the zero Addr: all who are unknown are counted together
		return netip.Prefix{}
	}
	return p
}

// StrictTransport tells browsers for a year to come over TLS only (RFC 6797), to this host and those beneath it.
const StrictTransport = "max-age=31536000; includeSubDomains"

// methods are those that an address is tried with.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Allowed returns the methods that mux knows at the address of r, apart from its catch-all patterns. None: there is no
// such address.
func Allowed(mux *http.ServeMux, r *http.Request, catchAll ...string) []string {
	var out []string
	for _, m := range methods {
		q := *r
		q.Method = m
		if Known(mux, &q, catchAll...) {
			out = append(out, m)
		}
	}
	return out
}

// Known reports whether mux has a pattern for r, apart from its catch-all patterns.
func Known(mux *http.ServeMux, r *http.Request, catchAll ...string) bool {
	_, pattern := mux.Handler(r)
	return pattern != "" && !slices.Contains(catchAll, pattern)
}
