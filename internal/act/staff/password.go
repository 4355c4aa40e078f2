package staff

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"tocsin/internal/fault"
)

// Limits of passwords (NIST SP 800-63B-4, section 3.1.1.2, asks for 15 characters where a password stands alone and 8
// beside a second factor; here it always has one). There are no rules of composition.
const (
	MinPassword     = 12   // characters
	AdvisedPassword = 15   // characters
	maxPassword     = 1000 // bytes
)

// Parameters of Argon2id: the second recommendation of RFC 9106, section 4.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	argonSalt    = 16
	argonKey     = 32
)

// phc is a hash in the string format of the Password Hashing Competition.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// String is "$argon2id$v=19$m=…,t=…,p=…$salt$hash".
func (p phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads,
		base64.RawStdEncoding.EncodeToString(p.salt), base64.RawStdEncoding.EncodeToString(p.key))
}

// parsePHC reads what String writes. Costs beyond four times today's are refused: a hash that cannot be computed would
// stop the program. fault.Invalid.
func parsePHC(text string) (phc, error) {
	bad := fault.New(fault.Invalid, "this is no Argon2id hash")
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, bad
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return phc{}, bad
	}
	var n [3]uint64
	for i, c := range []struct {
		name  string
		least uint64
		most  uint64
	}{{"m=", 8, 4 * argonMemory}, {"t=", 1, 4 * argonTime}, {"p=", 1, 4 * argonThreads}} {
		digits, ok := strings.CutPrefix(costs[i], c.name)
		var err error
		if n[i], err = strconv.ParseUint(digits, 10, 32); err != nil || !ok || n[i] < c.least || n[i] > c.most {
			return phc{}, bad
		}
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return phc{}, bad
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(key) < 16 || len(key) > 64 {
		return phc{}, bad
	}
	return phc{memory: uint32(n[0]), time: uint32(n[1]), threads: uint8(n[2]), salt: salt, key: key}, nil
}

// hash returns the PHC string of a password.
func (s *Staff) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	p := phc{memory: s.cost.memory, time: s.cost.time, threads: s.cost.threads, salt: salt, key: make([]byte, argonKey)}
	key, err := s.derive(ctx, p, password)
	p.key = key
	return p.String(), err
}

// matches reports whether a password is the one of a PHC string.
func (s *Staff) matches(ctx context.Context, text, password string) (bool, error) {
	p, err := parsePHC(text)
	if err != nil {
		return false, err
	}
	key, err := s.derive(ctx, p, password)
	return err == nil && subtle.ConstantTimeCompare(key, p.key) == 1, err
}

// derive computes a key. Few run at once: each takes 64 MiB.
func (s *Staff) derive(ctx context.Context, p phc, password string) ([]byte, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.key))), nil
}

// usualCost is what a hash costs.
var usualCost = phc{memory: argonMemory, time: argonTime, threads: argonThreads, salt: make([]byte, argonSalt), key: make([]byte, argonKey)}

// nobodysHash is what the password of an unknown person is compared with, so that it takes as long as a wrong one.
func (s *Staff) nobodysHash() string { return s.cost.String() }

// Weakness says why a password is refused; empty where it is not.
type Weakness string

// Reasons to refuse a password.
const (
	TooShort Weakness = "short"    // fewer than MinPassword characters
	TooLong  Weakness = "long"     // more than 1,000 bytes
	Common   Weakness = "common"   // made of what everybody uses
	Breached Weakness = "breached" // on the operator's list of breached passwords
	Personal Weakness = "personal" // holds the person's own name or mail
)

// ErrWeak is a refused password; Why says why.
type ErrWeak struct{ Why Weakness }

func (e *ErrWeak) Error() string { return "this password is refused: " + string(e.Why) }
func (e *ErrWeak) Unwrap() error { return fault.Invalid }

// weigh says what is wrong with a new password of a person.
func (s *Staff) weigh(password, name, mail string) error {
	switch {
	case len(password) > maxPassword || !utf8.ValidString(password):
		return &ErrWeak{TooLong}
	case utf8.RuneCountInString(password) < MinPassword:
		return &ErrWeak{TooShort}
	case personal(password, name, mail):
		return &ErrWeak{Personal}
	case common(password):
		return &ErrWeak{Common}
	}
	if s.set.Breached == nil {
		return nil
	}
	found, err := s.set.Breached.Holds(password)
	if err != nil {
		return fmt.Errorf("breached-passwords: %w", err)
	}
	if found {
		return &ErrWeak{Breached}
	}
	return nil
}

// personal reports whether a password is little more than the person's own name or mail.
func personal(password, name, mail string) bool {
	p := strings.ToLower(password)
	local, domain, _ := strings.Cut(strings.ToLower(mail), "@")
	words := append(strings.Fields(strings.ToLower(name)), local, domain, strings.ReplaceAll(strings.ToLower(name), " ", ""))
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		if n >= 4 && strings.Contains(p, w) && utf8.RuneCountInString(p)-n < MinPassword {
			return true
		}
	}
	return false
}
