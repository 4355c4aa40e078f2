package desk

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/web/page"
)

// lookForm asks why somebody looks at raw rows or a mail.
type lookForm struct {
	Action  string // empty: nothing is asked
	Reasons []string
}

func lookAt(action string) lookForm { return lookForm{action, loop.Looks} }

func (d *desk) findingLook(v *page.Visit) error {
	id, err := findingID(v)
	if err == nil {
		err = d.loop.LookAtFinding(v.R.Context(), v.Now, v.Who.Actor, id, v.R.PostForm.Get("why"))
	}
	if err != nil {
		return err
	}
	return v.Redirect(fmt.Sprintf("/desk/findings/%d#raw", id), "")
}

func (d *desk) signalLook(v *page.Visit) error {
	id, err := signalID(v)
	if err == nil {
		err = d.loop.LookAtSignal(v.R.Context(), v.Now, v.Who.Actor, id, v.R.PostForm.Get("why"))
	}
	if err != nil {
		return err
	}
	return v.Redirect(fmt.Sprintf("/desk/signals/%d", id), "")
}

func (d *desk) noticeLook(v *page.Visit) error { return d.lookAtMail(v, "/desk/notices/") }

func (d *desk) letterLook(v *page.Visit) error { return d.lookAtMail(v, "/desk/mail/") }

func (d *desk) lookAtMail(v *page.Visit, back string) error {
	id := v.R.PathValue("id")
	if err := d.loop.LookAtNotice(v.R.Context(), v.Now, v.Who.Actor, ident.Notice(id), v.R.PostForm.Get("why")); err != nil {
		return err
	}
	return v.Redirect(back+id, "")
}

// around lists the marks below and above one.
func around(m marking.TLP) (milder, stricter []marking.TLP) {
	for _, t := range marking.TLPs {
		switch {
		case t < m:
			milder = append(milder, t)
		case t > m:
			stricter = append(stricter, t)
		}
	}
	return milder, stricter
}

// mark raises a finding's mark, sets its embargo, or both: each is an act of its own.
func (d *desk) mark(v *page.Visit) error {
	id, err := findingID(v)
	if err != nil {
		return err
	}
	ctx, post := v.R.Context(), v.R.PostForm
	to, until, reason := post.Get("tlp"), post.Get("until"), post.Get("reason")
	if to == "" && until == "" {
		return fault.New(fault.Invalid, "%s", v.T("desk.mark.nothing"))
	}
	if to != "" {
		tlp, err := marking.ParseTLP(to)
		if err != nil {
			return err
		}
		if err := d.loop.Raise(ctx, v.Now, v.Who.Actor, id, tlp, reason); err != nil {
			return err
		}
	}
	if until != "" {
		end, err := d.endOf(v, until)
		if err != nil {
			return err
		}
		if err := d.loop.Embargo(ctx, v.Now, v.Who.Actor, id, end, reason); err != nil {
			return err
		}
	}
	return v.Redirect(fmt.Sprintf("/desk/findings/%d", id), "mark")
}

// endOf reads a civil date: to the end of that day where the installation is.
func (d *desk) endOf(v *page.Visit, text string) (time.Time, error) {
	day, err := time.ParseInLocation(time.DateOnly, text, v.Kit.Zone)
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "%s", v.T("answer.bad_date"))
	}
	return day.AddDate(0, 0, 1).Add(-time.Second), nil
}

func (d *desk) share(v *page.Visit) error {
	id, err := findingID(v)
	if err != nil {
		return err
	}
	post := v.R.PostForm
	with, err := d.called(v, post.Get("party"))
	if err != nil {
		return err
	}
	whom := "party:" + string(with.ID)
	if p := strings.TrimSpace(post.Get("person")); p != "" {
		whom = "person:" + p
	}
	var until time.Time
	if text := post.Get("until"); text != "" {
		if until, err = d.endOf(v, text); err != nil {
			return err
		}
	}
	if err := d.loop.Share(v.R.Context(), v.Now, v.Who.Actor, id, whom, until, post.Get("reason")); err != nil {
		return err
	}
	return v.Redirect(fmt.Sprintf("/desk/findings/%d", id), "share")
}

func (d *desk) unshare(v *page.Visit) error {
	id, err := findingID(v)
	if err != nil {
		return err
	}
	if err := d.loop.Unshare(v.R.Context(), v.Now, v.Who.Actor, id, v.R.PostForm.Get("share"), v.R.PostForm.Get("reason")); err != nil {
		return err
	}
	return v.Redirect(fmt.Sprintf("/desk/findings/%d", id), "unshare")
}
