package account

import (
	"errors"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/fault"
	"tocsin/internal/lang"
	"tocsin/internal/web/page"
)

// Mistake says in the visitor's language what was wrong with a proof of identity, and false where it was not that.
func Mistake(v *page.Visit, err error) (string, bool) {
	var wait *staff.ErrWait
	var weak *staff.ErrWeak
	switch {
	case err == nil:
		return "", false
	case errors.As(err, &wait):
		return v.T("account.mistake.wait", lang.Number(int64((wait.For+time.Second-1)/time.Second))), true
	case errors.As(err, &weak):
		return v.Lang.Word("account.weak", string(weak.Why)), true
	case errors.Is(err, staff.ErrSignIn):
		return v.T("account.mistake.sign_in"), true
	case errors.Is(err, staff.ErrCode):
		return v.T("account.mistake.code"), true
	case errors.Is(err, staff.ErrCeremony):
		return v.T("account.mistake.ceremony"), true
	case errors.Is(err, staff.ErrCopied):
		return v.T("account.mistake.copied"), true
	case errors.Is(err, staff.ErrNoPasskeys):
		return v.T("account.passkeys.not_here"), true
	case errors.Is(err, staff.ErrPasskey), errors.Is(err, fault.Exists):
		return v.T("account.mistake.passkey"), true
	case errors.Is(err, staff.ErrLast):
		return v.T("account.mistake.last"), true
	case errors.Is(err, staff.ErrStale):
		return v.T("account.mistake.stale"), true
	case errors.Is(err, staff.ErrStranger):
		return v.T("account.mistake.stranger"), true
	}
	return "", false
}
