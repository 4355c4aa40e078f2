// Package staff owns the operations on people: setting up an installation's first administrator, inviting, giving posts,
// proving who somebody is, sessions and API tokens.
//
// Each operation is one act: it changes the store and appends exactly one ledger entry in the same transaction.
package staff

import (
	"crypto/sha256"
	"sync"

	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// Staff is the operations on people of one installation.
type Staff struct {
	store   *store.Store
	set     Settings
	hashing chan struct{} // bounds the passwords that are hashed at once
	cost    phc           // of hashing one

	executions map[string]execution // by act: how what was approved is done
	deciding   sync.Mutex           // held while a proposal is decided, so that its act is done once
}

// Settings are what an operator decides.
type Settings struct {
	BaseURL string // of the pages, without a slash at the end
	DeskURL string // of the desk where it has a listener of its own; empty: BaseURL
	Key     []byte // 32 bytes: seals secrets at rest

	Name       string        // of the authority, as passkeys and authenticator apps show it
	Breached   *BreachedList // nil: no list of breached passwords beside the common ones
	Provider   Provider      // nil: nobody signs in at an OpenID provider
	ClaimPosts []ClaimPost   // posts that claims stand for
	LinkByMail bool          // an account at the provider is linked by its verified mail address
}

// name is what passkeys and authenticator apps show.
func (s Settings) name() string {
	if s.Name == "" {
		return "Tocsin"
	}
	return s.Name
}

// baseOf is the address that people of a party reach their pages by.
func (s Settings) baseOf(of ident.Party) string {
	if of == ident.Authority && s.DeskURL != "" {
		return s.DeskURL
	}
	return s.BaseURL
}

// maxHashing passwords are hashed at once.
const maxHashing = 4

// New returns the operations on people kept in s.
func New(s *store.Store, set Settings) *Staff {
	return &Staff{store: s, set: set, hashing: make(chan struct{}, maxHashing), cost: usualCost}
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
