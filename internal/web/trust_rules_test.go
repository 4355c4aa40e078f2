package web_test

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/mailing"
	"tocsin/internal/act/rehearse"
	ruling "tocsin/internal/act/rule"
	"tocsin/internal/act/upkeep"
	"tocsin/internal/feed"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/rule"
	"tocsin/internal/store"
	"tocsin/internal/web"
	"tocsin/internal/web/desk"
	"tocsin/packs"
)

// deskTools adds what the desk's pages of rules, feeds and the system need.
func deskTools(c web.Config, db *store.Store, l *loop.Loop) web.Config {
	known, err := feed.ReadPacks(packs.Feeds())
	if err != nil {
		panic(err) // built in
	}
	library, err := notice.LoadLibrary(packs.Classes())
	if err != nil {
		panic(err)
	}
	c.Snapshot = db.Snapshot
	c.Ruling, c.Upkeep = ruling.New(ruling.Config{Store: db}), upkeep.New(db)
	taken := func(context.Context, notice.Envelope) error { return nil }
	c.Mailing = mailing.New(db, notice.Sender{Mail: "csirt@anhe.example"}, taken)
	c.Stage = rehearse.New(rehearse.Config{Store: db, Packs: known, Library: library, Register: l.Register})
	c.System = func(context.Context) desk.SystemFacts {
		return desk.SystemFacts{
			Program: "test", Started: today, Mail: true, Backup: today.Add(-50 * time.Hour),
			Duties:   []desk.Duty{{Name: "fold", Every: time.Second, Last: today, Runs: 3}, {Name: "deliver", Every: time.Minute, Failures: 3, Failed: today, Error: "no route"}},
			Settings: []desk.Setting{{Name: "zone", Value: "UTC", Origin: "default"}}, Disk: desk.Disk{Free: 1 << 20, Total: 1 << 40},
		}
	}
	return c
}

// ruleCalls are well-formed calls of the routes of rules, feeds and previews.
var ruleCalls = map[string]func(w *trustWorld, c *caller) request{
	"GET /desk/feeds/{id}": func(*trustWorld, *caller) request { return at("/desk/feeds/green") },
	"POST /desk/feeds/{id}": func(w *trustWorld, _ *caller) request {
		return send("/desk/feeds/"+w.spare(), url.Values{"do": {"pause"}})
	},
	"POST /desk/feeds": func(w *trustWorld, _ *caller) request {
		w.used["spare"]++
		return send("/desk/feeds", url.Values{"id": {fmt.Sprintf("spare-%d", w.used["spare"])}, "pack": {"intelmq"}, "tlp": {"green"}})
	},
	"POST /desk/feeds/new": func(*trustWorld, *caller) request {
		return send("/desk/feeds/new", url.Values{"pack": {"intelmq"}, "sample": {plainEvents(2)}})
	},
	"POST /desk/rules/route": func(*trustWorld, *caller) request {
		return send("/desk/rules/route", ruleForm("to", "beta", "identifier", "no-such-thing"))
	},
	"POST /desk/rules/tell": func(*trustWorld, *caller) request {
		return send("/desk/rules/tell", ruleForm("deed", "hold", "identifier", "no-such-thing"))
	},
	"GET /desk/rules/{number}":      func(w *trustWorld, _ *caller) request { return at("/desk/rules/" + w.rule()) },
	"POST /desk/rules/{number}/end": func(w *trustWorld, _ *caller) request { return send("/desk/rules/"+w.rule()+"/end", nil) },
	"POST /desk/rules/{number}/release": func(w *trustWorld, _ *caller) request {
		return send("/desk/rules/"+w.rule()+"/release", url.Values{"party": {"alpha"}})
	},
	"POST /desk/notices/held/release": func(w *trustWorld, _ *caller) request {
		return send("/desk/notices/held/release", url.Values{"hold": {w.held()}})
	},
	"POST /desk/notices/held/refuse": func(w *trustWorld, _ *caller) request {
		return send("/desk/notices/held/refuse", url.Values{"hold": {w.held()}, "reason": {"because of the test"}})
	},
	"POST /desk/system/mail": func(*trustWorld, *caller) request {
		return send("/desk/system/mail", url.Values{"to": {"ann@anhe.example"}})
	},
	"GET /desk/notices/preview":           func(w *trustWorld, _ *caller) request { return at(w.preview("")) },
	"GET /desk/notices/preview/html":      func(w *trustWorld, _ *caller) request { return at(w.preview("/html") + "&n=1") },
	"GET /desk/notices/{id}/preview":      func(w *trustWorld, _ *caller) request { return at("/desk/notices/" + w.planned() + "/preview") },
	"GET /desk/notices/{id}/preview/html": func(w *trustWorld, _ *caller) request { return at("/desk/notices/" + w.planned() + "/preview/html") },
}

func ruleForm(more ...string) url.Values {
	f := url.Values{"order": {"10"}, "reason": {"because of the test"}, "do": {"save"}}
	for i := 0; i+1 < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

// spare is a feed that nothing comes from.
func (w *trustWorld) spare() string {
	w.t.Helper()
	w.used["spare"]++
	id := fmt.Sprintf("spare-%d", w.used["spare"])
	w.must(w.loop.PutFeed(w.t.Context(), w.now, operator, loop.FeedSettings{ID: ident.Feed(id), Pack: "intelmq"}))
	return id
}

// rule is a rule that holds what is nowhere.
func (w *trustWorld) rule() string {
	w.t.Helper()
	by, err := w.staff.ActorOf(w.t.Context(), w.now, "per_handler")
	w.must(err)
	r, err := ruling.New(ruling.Config{Store: w.db}).Put(w.t.Context(), w.now, by, rule.Rule{
		Order: 10, When: rule.Condition{Identifier: "no-such-thing"}, Do: rule.Effect{Deed: rule.Hold}, Reason: "because of the test",
	})
	w.must(err)
	return fmt.Sprint(r.Number)
}

// preview is the address of what party alpha would get of one of its findings.
func (w *trustWorld) preview(part string) string {
	w.t.Helper()
	id := w.one(0, "select id from finding where party_id = 'alpha' and identifier = 'open-plain' order by id")
	return "/desk/notices/preview" + part + "?party=alpha&finding=" + id
}

// held is the hold in which a notice to party alpha waits.
func (w *trustWorld) held() string {
	w.t.Helper()
	var id string
	w.must(w.db.Keep(w.t.Context(), func(tx *store.Tx) error {
		h, open, err := tx.OpenHold(w.t.Context())
		if err == nil && !open {
			h = notice.Hold{ID: ident.New("hld"), Reason: notice.HeldBatch, Opened: w.now}
			err = tx.InsertHold(w.t.Context(), h)
		}
		id = h.ID
		return err
	}))
	w.planned()
	return id
}

// planned is a notice to party alpha that has not gone out.
func (w *trustWorld) planned() string {
	w.t.Helper()
	w.used["planned"]++
	w.accept("green", fmt.Sprintf("planned-%d.json", w.used["planned"]), fmt.Sprintf(
		`{"classification.type":"vulnerable-system","classification.identifier":"open-planned","source.ip":"192.0.2.9","source.port":%d,"severity":"critical",`+
			`"time.source":"2026-11-23T08:00:00+00:00"}`+"\n", 2000+w.used["planned"]))
	w.fold()
	_, err := w.loop.Plan(w.t.Context(), w.now)
	w.must(err)
	return w.one(0, "select id from notice where party_id = 'alpha' and state in ('planned', 'held') order by created_at desc, id")
}
