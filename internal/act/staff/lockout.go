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

// Kinds of counts. An attempt from a browser that the account's person signed in with before is counted for that browser
// alone: nobody else can use up its attempts. All others are counted three times.
const (
	known   = "device"  // such a browser
	pair    = "pair"    // the account from a part of the network
	network = "network" // a part of the network, whatever the account
	account = "account" // the account, wherever from
)

// lockRule says from which failure in a row on there is a wait, and whether each further failure doubles it.
type lockRule struct {
	from    int64
	doubles bool
}

// lockRules are the rules of lock-out. Behind one network there may be a whole organisation. The wait of an account as a
// whole slows down who guesses from many networks, and is short, because it meets its person too where the browser is
// a new one. A day without an attempt begins anew.
var lockRules = map[string]lockRule{
	known:   {5, true},
	pair:    {5, true},
	network: {50, true},
	account: {100, false},
}

const (
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

// ruleOf returns the rule for a name.
func ruleOf(name string) lockRule {
	kind, _, _ := strings.Cut(name, ":")
	return lockRules[kind]
}

// wait returns how long nothing counts after so many failures in a row.
func (r lockRule) wait(failures int64) time.Duration {
	switch {
	case failures < r.from:
		return 0
	case !r.doubles:
		return firstWait
	}
	doublings := min(failures-r.from, 7) // 30 s doubled seven times is beyond an hour
	return min(firstWait<<doublings, longestTry)
}

// keyed hides a name under the installation's key: the database and the ledger tell nobody who tried to sign in.
func (s *Staff) keyed(kind, name string) string {
	h := hmac.New(sha256.New, s.set.Key)
	fmt.Fprintf(h, "tocsin lock-out\x00%s\x00%s", kind, name)
	return kind + ":" + hex.EncodeToString(h.Sum(nil)[:16])
}

// lockNames are what the failures of an attempt are counted under, whether there is such an account or not.
func (s *Staff) lockNames(now time.Time, a Attempt) []string {
	mail := normalMail(a.Mail)
	if a.session != "" {
		return []string{s.keyed(known, a.session)}
	}
	if id, ok := s.knownDevice(now, mail, a.Known); ok {
		return []string{s.keyed(known, id)}
	}
	from := neighbourhood(a.Address)
	names := []string{s.keyed(pair, mail+"\x00"+from), s.keyed(account, mail)}
	if from != "" {
		names = append(names, s.keyed(network, from))
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
			l.Last, l.Until = now, now.Add(ruleOf(l.Name).wait(l.Failures))
			if l.Failures == ruleOf(l.Name).from {
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
func (s *Staff) failed(ctx context.Context, now time.Time, a Attempt, begins []string) error {
	for _, name := range begins {
		if !strings.HasPrefix(name, network+":") {
			name = s.keyed(account, normalMail(a.Mail))
		}
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

// succeeded forgets the failures of the account and of the browser. Of the network it gives back only what this attempt was counted as: else
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
