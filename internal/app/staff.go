package app

import (
	"errors"
	"fmt"
	"os"

	"tocsin/internal/act/staff"
	"tocsin/internal/ident"
	"tocsin/internal/outside"
)

// staffSettings turns the configuration into what sign-in needs. The list of breached passwords stays open as long as
// the process lives.
func (r *running) staffSettings(key []byte) (staff.Settings, error) {
	cfg := r.cfg
	s := staff.Settings{BaseURL: cfg.base(), DeskURL: cfg.baseOf(ident.Authority), Key: key, Name: cfg.Name, LinkByMail: cfg.OIDCLinkByMail}
	var err error
	if s.ClaimPosts, err = staff.ParseClaimPosts(cfg.OIDCPosts); err != nil {
		return s, err
	}
	if cfg.OIDCIssuer != "" {
		s.Provider, err = outside.NewOIDC(outside.OIDCConfig{
			Issuer: cfg.OIDCIssuer, ClientID: cfg.OIDCClientID, ClientSecret: cfg.OIDCClientSecret, Claim: cfg.OIDCClaim,
			Redirect: cfg.base() + "/sign-in/oidc/callback",
		})
		if err != nil {
			return s, err
		}
	}
	if cfg.BreachedPasswords != "" {
		s.Breached, err = openBreached(cfg.BreachedPasswords)
	}
	return s, err
}

func openBreached(path string) (*staff.BreachedList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("breached-passwords: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("breached-passwords: %w", err), f.Close())
	}
	b, err := staff.NewBreachedList(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return b, nil
}
