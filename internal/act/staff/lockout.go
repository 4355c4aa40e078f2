package staff

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/store"
)

// Rules of lock-out: the fifth failure in a row on an account, and the fiftieth from a part of the network, where a whole
// organisation may sit behind one address, begin a wait of half a minute, each further one doubles it, up to an hour. A
// day without an attempt begins anew.
const (
	account = "account" // kinds of what failures are counted under
	network = "network"

	lockAfter        = 5
	lockNetworkAfter = 50

	firstWait  = 30 * time.Second
	longestTry = time.Hour
	forgetting = 24 * time.Hour
)

// ErrWait is an attempt that was not looked at: there were too many failures before.
type ErrWait struct{ For time.Duration }

func (e *ErrWait) Error() string {
	return fmt.Sprintf("too many attempts failed; the next one counts in %s", e.For)
}
func (e *ErrWait) Unwrap() error { return fault.Denied }

// lockFrom returns the failure that begins the lock-out of a name.
func lockFrom(name string) int64 {
	if strings.HasPrefix(name, network+":") {
		return lockNetworkAfter
	}
	return lockAfter
}

// waitAfter returns how long nothing counts after so many failures in a row, of which the one numbered from is the first
// to have a wait.
func waitAfter(failures, from int64) time.Duration {
	if failures < from {
		return 0
	}
	doublings := min(failures-from, 7) // 30 s doubled seven times is beyond an hour
	return min(firstWait<<doublings, longestTry)
}

// keyed hides a name under the installation's key: the database and the ledger tell nobody who tried to sign in.
func (s *Staff) keyed(kind, name string) string {
	h := hmac.New(sha256.New, s.set.Key)
	fmt.Fprintf(h, "tocsin lock-out\x00%s\x00%s", kind, name)
	return kind + ":" + hex.EncodeToString(h.Sum(nil)[:16])
}

// lockNames are what the failures of an attempt are counted under: the account, whether there is one or not, and the
// part of the network that it comes from.
func (s *Staff) lockNames(mail, address string) []string {
	names := []string{s.keyed(account, strings.ToLower(strings.TrimSpace(mail)))}
	if p := neighbourhood(address); p != "" {
		names = append(names, s.keyed(network, p))
	}
	return names
}

// neighbourhood returns the /24 or /48 of an address with or without a port, and "" where it is none.
func neighbourhood(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		ip = at.Addr()
	}
	ip = ip.Unmap().WithZone("")
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// attempt counts an attempt as failed before it is looked at, so that a thousand at once are a thousand failures. It
// returns the names whose lock-out the attempt would begin. *ErrWait where nothing counts yet.
func (s *Staff) attempt(ctx context.Context, now time.Time, names []string) ([]string, error) {
	var begins []string
	err := s.store.Keep(ctx, func(tx *store.Tx) error {
		begins = nil
		var wait time.Duration
		counts := make([]store.Lockout, len(names))
		for i, name := range names {
			l, err := tx.LockoutOf(ctx, name)
			if err != nil {
				return err
			}
			if now.Sub(l.Last) > forgetting {
				l = store.Lockout{Name: name}
			}
			wait = max(wait, l.Until.Sub(now))
			counts[i] = l
		}
		if wait > 0 {
			return &ErrWait{wait}
		}
		for _, l := range counts {
			l.Failures++
			l.Last, l.Until = now, now.Add(waitAfter(l.Failures, lockFrom(l.Name)))
			if l.Failures == lockFrom(l.Name) {
				begins = append(begins, l.Name)
			}
			if err := tx.PutLockout(ctx, l); err != nil {
				return err
			}
		}
		return nil
	})
	return begins, err
}

// failed writes the beginning of lock-outs into the ledger: one entry for each, whatever the number of guesses after it,
// so that nobody can flood the ledger.
func (s *Staff) failed(ctx context.Context, now time.Time, begins []string) error {
	for _, name := range begins {
		err := s.store.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Append(ctx, now, access.Actor{}, "sign_in.fail", access.On(name), "", nil)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// succeeded forgets the failures of the account. Of the network it gives back only what this attempt was counted as: else
// whoever has one account would guess at all others without an end.
func (s *Staff) succeeded(ctx context.Context, now time.Time, names []string) error {
	return s.store.Keep(ctx, func(tx *store.Tx) error {
		for _, name := range names {
			l, err := tx.LockoutOf(ctx, name)
			if err != nil {
				return err
			}
			if l.Failures > 1 && strings.HasPrefix(name, network+":") {
				l.Failures, l.Until = l.Failures-1, now // nothing else was looked at while it would have waited
				err = tx.PutLockout(ctx, l)
			} else {
				err = tx.DropLockout(ctx, name, now.Add(-forgetting))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
