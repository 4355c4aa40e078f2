package gate

import (
	"net"
	"net/netip"
	"sync"
)

// Listener caps the open connections of another: in all, by letting newcomers wait in the system's queue, and of one
// address (of one /64 for IPv6), by closing what is too much. Trusted proxies are capped in all only.
type Listener struct {
	net.Listener
	places     chan struct{}
	perAddress int
	proxies    Proxies

	mu   sync.Mutex
	open map[netip.Prefix]int
	end  chan struct{}
	once sync.Once
}

// Listen puts caps around l.
func Listen(l net.Listener, total, perAddress int, proxies Proxies) *Listener {
	return &Listener{
		Listener: l, places: make(chan struct{}, total), perAddress: perAddress, proxies: proxies,
		open: map[netip.Prefix]int{}, end: make(chan struct{}),
	}
}

// Accept waits for a place, then for a connection that may have it.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.end:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.places
			return nil, err
		}
		from, ok := l.enter(peer(c.RemoteAddr().String()))
		if ok {
			return &held{Conn: c, leave: sync.OnceFunc(func() {
				l.leave(from)
				<-l.places
			})}, nil
		}
		_ = c.Close() // it was one too many; nothing was said on it
	}
}

// Close stops Accept.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.end) })
	return l.Listener.Close()
}

func (l *Listener) enter(a netip.Addr) (netip.Prefix, bool) {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	from, err := a.Prefix(bits)
	if err != nil || l.proxies.Trust(a) {
		return netip.Prefix{}, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from] >= l.perAddress {
		return from, false
	}
	l.open[from]++
	return from, true
}

func (l *Listener) leave(from netip.Prefix) {
	if !from.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from]--; l.open[from] <= 0 {
		delete(l.open, from)
	}
}

// held is a connection that gives its place back once.
type held struct {
	net.Conn
	leave func()
}

func (h *held) Close() error {
	defer h.leave()
	return h.Conn.Close()
}
