// Package staff owns the operations on people: setting up an installation's first administrator, inviting, giving posts,
// proving who somebody is, sessions and API tokens.
//
// Each operation is one act: it changes the store and appends exactly one ledger entry in the same transaction.
package staff

import (
	"crypto/sha256"

	"tocsin/internal/store"
)

// Staff is the operations on people of one installation.
type Staff struct {
	store *store.Store
	set   Settings
}

// Settings are what an operator decides.
type Settings struct {
	BaseURL string // of the pages, without a slash at the end
	Key     []byte // 32 bytes: seals secrets at rest
}

// New returns the operations on people kept in s.
func New(s *store.Store, set Settings) *Staff { return &Staff{store: s, set: set} }

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
