package desk

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/act/upkeep"
	"tocsin/internal/people"
	"tocsin/internal/web/atlas"
	"tocsin/internal/web/page"
)

// SystemFacts is what only the running program knows of itself.
type SystemFacts struct {
	Program  string // version
	Go       string
	Platform string
	Started  time.Time
	Packs    int
	Duties   []Duty
	Archive  Space
	Backup   time.Time // the last that was made; zero: none
	Disk     Disk
	Mail     bool // notices are delivered
	Sender   string
	Settings []Setting
}

// Duty is how one duty of the worker is doing.
type Duty struct {
	Name     string
	Every    time.Duration
	Runs     int64
	Failures int // in a row
	Last     time.Time
	Good     time.Time
	Took     time.Duration
	Failed   time.Time
	Error    string
	Running  bool
}

// Space is how much lies somewhere.
type Space struct {
	Bytes int64
	Files int64
	At    time.Time // when it was counted
}

// Disk is the disk that the data folder lies on. The zero value is not known.
type Disk struct{ Free, Total int64 }

// Setting is one setting with where its value comes from; secrets are masked.
type Setting struct{ Name, Value, Origin string }

// systemRoutes is the address of the system's page.
func (d *desk) systemRoutes() []page.Route {
	if d.acts.System == nil {
		return nil
	}
	return []page.Route{route("GET /desk/system", people.Read, d.system)}
}

type systemBody struct {
	Facts   SystemFacts
	Backlog upkeep.Backlog
	Work    int // that waits for the visitor and others at the desk, at most triage.CountCap
	Engine  upkeep.Engine
	Down    bool // the database does not answer
	Todo    []todo
	Feeds   []loop.Health // that are silent or cannot be fetched
	Areas   []string      // of the operator's map that are no region
	Off     []string      // regions that have no area on it
	Zone    string
	Inside  bool // the visitor may see settings and the words of errors
	Most    int64
}

// todo is one problem in plain words, with what to do about it.
type todo struct {
	Code string
	What string
	Do   string
	Link string // to where it can be seen or mended; may be empty
}

// Waits is a count that stops at Most.
func (b systemBody) Waits(n int64) string {
	if n >= b.Most {
		return strconv.FormatInt(b.Most, 10) + "+"
	}
	return strconv.FormatInt(n, 10)
}

func (d *desk) system(v *page.Visit) error {
	ctx := v.R.Context()
	b := systemBody{Facts: d.acts.System(ctx), Zone: v.Kit.Zone.String(), Inside: v.May(people.Staff), Most: upkeep.Most}
	if err := d.look(ctx, v, &b); err != nil {
		b.Down = true // the page says so instead of failing with it
	}
	if !b.Inside {
		b.Facts.Settings = nil
		for i := range b.Facts.Duties {
			b.Facts.Duties[i].Error = ""
		}
	}
	b.Todo = todos(v, &b)
	return page.Show(v, "desk/system", v.T("system.title"), b)
}

func (d *desk) look(ctx context.Context, v *page.Visit, b *systemBody) error {
	var err error
	if b.Backlog, err = d.acts.Upkeep.Backlog(ctx, v.Now); err != nil {
		return err
	}
	work, err := d.triage.Waiting(ctx, v.Now, v.Who.Actor)
	if err != nil {
		return err
	}
	b.Work = min(work.Sum().N, triage.CountCap)
	if b.Engine, err = d.acts.Upkeep.Engine(ctx); err != nil {
		return err
	}
	regions, err := d.loop.Regions(ctx)
	if err != nil {
		return err
	}
	b.Areas, b.Off = atlas.Strangers(d.acts.Shapes, regions)
	health, err := d.loop.FeedHealth(ctx, v.Now)
	for _, h := range health {
		if h.Feed.Disabled.IsZero() && (h.Silent || h.Feed.Poll.Failures > 2) {
			b.Feeds = append(b.Feeds, h)
		}
	}
	return err
}

// Bounds from which something is a problem.
const (
	slowSignal = 15 * time.Minute // a signal waits to be read
	slowPlaces = 5000             // entries wait for their places
	leastFree  = 2 << 30          // bytes of disk
)

// todos says what is wrong and what to do, the worst first.
func todos(v *page.Visit, b *systemBody) []todo {
	var out []todo
	say := func(code, link string, args ...any) {
		out = append(out, todo{code, v.Lang.T("system.todo."+code, args...), v.Lang.T("system.todo." + code + "_do"), link})
	}
	if b.Down {
		say("down", "")
		return out
	}
	f, q := &b.Facts, &b.Backlog
	if f.Disk.Total > 0 && (f.Disk.Free < leastFree || f.Disk.Free*20 < f.Disk.Total) {
		say("disk", "", f.Disk.Free>>20, f.Disk.Total>>20)
	}
	for _, t := range f.Duties {
		switch late := v.Now.Sub(t.Last); {
		case t.Failures > 1:
			say("duty_fails", "#duties", v.Lang.Word("system.duty", t.Name), t.Failures)
		case !t.Running && !t.Last.IsZero() && late > 10*t.Every+10*time.Minute:
			say("duty_late", "#duties", v.Lang.Word("system.duty", t.Name), v.Lang.Span(late))
		}
	}
	if !q.Oldest.IsZero() && v.Now.Sub(q.Oldest) > slowSignal {
		say("signals_wait", "/desk/signals", q.Signals, v.Lang.Span(v.Now.Sub(q.Oldest)))
	}
	if !f.Mail && q.Overdue > 0 {
		say("no_mail", "/desk/notices?state=planned", q.Overdue)
	}
	if n := q.Notices["held"]; n > 0 {
		say("notices_held", heldPage, n)
	}
	if n := q.Notices["failed"]; n > 0 {
		say("notices_failed", "/desk/notices?state=failed", n)
	}
	if q.Unplaced > slowPlaces {
		say("unplaced", "/desk/ledger", q.Unplaced)
	}
	if len(b.Feeds) > 0 {
		say("feeds", "/desk/feeds", len(b.Feeds))
	}
	if n := len(b.Areas) + len(b.Off); n > 0 {
		say("map", "", n, strings.Join(slices.Concat(b.Areas, b.Off)[:min(n, 10)], ", "))
	}
	if q.Refused > 0 {
		say("refused", "/desk/signals?rejected=1", q.Refused)
	}
	if f.Mail && (f.Sender == "" || f.Sender == "csirt@localhost") {
		say("sender", "#settings")
	}
	return out
}
