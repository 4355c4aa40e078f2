package public

import (
	"time"

	"tocsin/internal/act/casework"
	"tocsin/internal/act/staff"
	"tocsin/internal/web/page"
)

// advisories is the list of published advice.
func (p *public) advisories(v *page.Visit) error {
	return page.Show(v, "public/advisories", v.T("advisories.title"), struct{}{})
}

func (p *public) accessibility(v *page.Visit) error {
	return page.Show(v, "public/accessibility", v.T("accessibility.title"), struct{}{})
}

// privacyBody has the times that the program keeps to, from the program.
type privacyBody struct {
	Session time.Duration
	Idle    time.Duration
	Counted time.Duration // that a network can be told by its hash
	Contact time.Duration // that an address left with a report stays after its end
	Secure  bool          // over TLS
	Limited bool          // requests are counted
}

func (p *public) privacy(v *page.Visit) error {
	return page.Show(v, "public/privacy", v.T("privacy.title"), privacyBody{
		Session: staff.SessionLife, Idle: staff.SessionIdle, Counted: 24 * time.Hour, Contact: casework.ForgetAfter,
		Secure: v.Kit.Secure, Limited: v.Kit.Limit != nil,
	})
}
