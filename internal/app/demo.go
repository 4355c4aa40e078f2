package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/simulate"
	"tocsin/internal/store"
)

// demoDays is how many days of signals the demonstration starts with.
const demoDays = 90

// demoFade makes what was seen once go stale within those days.
const demoFade = 30 * 24 * time.Hour

type demoCommand struct {
	Ephemeral bool `help:"Keep everything in a temporary folder and remove it at the end."`
	Quick     bool `hidden:"" help:"Set up, print, and end: for tests."`
}

// Run sets up the fictitious province, lets 90 days pass through the real loop, and serves the result.
func (c *demoCommand) Run(r *running) error {
	started := time.Now()
	r.cfg.Name, r.cfg.NameZH, r.cfg.Mail = "CSIRT Aurelia", "奥雷利亚省网络安全应急中心", "csirt@aurelia.example"
	r.cfg.FadeAfter = demoFade
	r.cfg.plain()
	r.cfg.Database, r.cfg.SMTPHost = "", "" // an installation's own settings must not lead the demonstration to it
	if r.origin["data"] != "flag" {
		r.cfg.Data = "tocsin-demo"
	}
	if c.Ephemeral {
		dir, err := os.MkdirTemp("", "tocsin-demo-")
		if err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // at the end of the process; what cannot be removed stays in the temporary folder
		r.cfg.Data = filepath.Join(dir, "data")
	}
	in, err := r.open(r.ctx, loop.Mailbox{})
	if err != nil {
		return err
	}
	err = c.run(r, in, started)
	return errors.Join(err, in.close(context.WithoutCancel(r.ctx)))
}

func (c *demoCommand) run(r *running, in *installation, started time.Time) error {
	now := r.clock()
	finished, err := in.isDemo(r.ctx)
	if err != nil {
		return err
	}
	_, err = in.loop.FeedByID(r.ctx, "shadowserver")
	switch {
	case err == nil && !finished:
		return fault.New(fault.Conflict, "%s holds an installation that is no finished demonstration: name another folder with --data, or remove it", r.cfg.Data)
	case err == nil:
		fmt.Fprintf(r.errOut, "%s is there already: going on with it\n", r.cfg.Data)
	case errors.Is(err, fault.NotFound):
		p := &play{r: r, in: in, province: simulate.NewProvince(now, demoDays), todo: map[int][]planned{}}
		if err := p.run(); err != nil {
			return fmt.Errorf("set up the demonstration: %w", err)
		}
	default:
		return err
	}
	ready := func(addr string) { err = c.greet(r, in, addr, started) }
	if c.Quick {
		ready(r.cfg.Listen)
		return err
	}
	return errors.Join(r.serve(in, serving{mail: true, mailbox: true, ready: ready}), err)
}

// greet prints where to click.
func (c *demoCommand) greet(r *running, in *installation, addr string, started time.Time) error {
	base := "http://" + addr
	fmt.Fprintf(r.out, "\nTocsin serves the fictitious province of Aurelia at %s/ (ready after %s)\n\n", base, time.Since(started).Round(10*time.Millisecond))
	for i, what := range []string{"the desk of the authority", "a member: City Hospital", "a member: AureliaNet, a provider"} {
		who, err := in.staff.PersonByMail(r.ctx, demoPeople[i].Mail)
		if err != nil {
			return err
		}
		token, err := in.staff.OfferLink(r.ctx, r.clock(), operator, store.LinkOperator, who.ID, 12*time.Hour)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "  %-34s %s/sign-in/%s\n", what, base, token)
	}
	_, err := fmt.Fprintf(r.out, "\nEach link signs in once. Mails that went out: %s/desk/mail. Stop with Ctrl-C.\n", base)
	return err
}

// demoPeople are the first person of the authority and those of two parties.
var demoPeople = []people.Person{
	{Party: ident.Authority, Name: "Ada Lind", Mail: "ada@aurelia.example", Language: "en"},
	{Party: "city-hospital", Name: "Maria Okafor", Mail: "maria@hospital.aurelia.example", Language: "en"},
	{Party: "aurelianet", Name: "Wen Li", Mail: "wen@aurelianet.example", Language: "en"},
}

// play lets days pass in the province.
type play struct {
	r        *running
	in       *installation
	province *simulate.Province
	seq      int64             // ledger position up to which notices were looked at
	todo     map[int][]planned // what parties will say, by day
	ada      ident.Person      // who decides at the desk
	coming   []happening       // to reports, in order
}

// planned is something that a party will say.
type planned struct {
	party   ident.Party
	finding ident.Finding
	what    string
}

func (p *play) run() error {
	ctx, l := p.r.ctx, p.in.loop
	start := p.province.Day(0)
	for _, f := range []string{"shadowserver", "ipsum", "recheck", "intelmq"} {
		pack, ok := p.in.packs.Pack(f)
		if !ok {
			return fmt.Errorf("pack %s: %w", f, fault.NotFound)
		}
		err := l.PutFeed(ctx, start, operator, loop.FeedSettings{ID: ident.Feed(f), Pack: f, Title: pack.Title, Urgent: pack.Urgent})
		if err != nil {
			return err
		}
	}
	if _, err := l.ImportParties(ctx, start, operator, p.province.Parties(), p.province.Regions); err != nil {
		return err
	}
	for _, q := range demoPeople {
		made, err := p.in.staff.Found(ctx, start, operator, q)
		if err != nil {
			return err
		}
		if q.Party == ident.Authority {
			p.ada = made.ID
		}
	}
	p.foretell()
	for d := 1; d <= p.province.Days(); d++ {
		if err := p.day(ctx, d); err != nil {
			return fmt.Errorf("day %d: %w", d, err)
		}
	}
	if err := p.judge(ctx); err != nil {
		return err
	}
	if err := p.happen(ctx, p.r.clock()); err != nil {
		return err
	}
	return p.in.store.Keep(ctx, func(tx *store.Tx) error { return tx.PutSetting(ctx, demoSetting, "finished") })
}

// demoSetting marks a database as a demonstration that was set up to its end.
const demoSetting = "demonstration"

func (in *installation) isDemo(ctx context.Context) (bool, error) {
	var text string
	err := in.store.View(ctx, func(tx *store.Tx) (err error) {
		text, err = tx.Setting(ctx, demoSetting)
		return err
	})
	return text == "finished", err
}

// judge lets the desk look at the first disputes: it takes one for a wrong observation and one for a real problem.
func (p *play) judge(ctx context.Context) error {
	now := p.province.Day(p.province.Days()).Add(15 * time.Hour)
	list, err := p.in.loop.Findings(ctx, now, operator, loop.FindingQuery{States: []finding.State{finding.Disputed}}, 0, 3)
	if err != nil {
		return err
	}
	ada, err := p.in.staff.ActorOf(ctx, now, p.ada)
	if err != nil {
		return err
	}
	for i, f := range list.Rows {
		act, reason := triage.Discard, "The party showed that this host is a honeypot of its own."
		if i == 2 {
			act, reason = triage.Reject, "The address answered again while we were on the telephone."
		}
		if err := p.in.triage.One(ctx, now, ada, triage.On{Key: fmt.Sprintf("finding:%d", f.ID), Act: act}, reason); err != nil {
			return err
		}
	}
	return nil
}

// day takes in what arrives, verifies, tells, and lets parties answer.
func (p *play) day(ctx context.Context, d int) error {
	l := p.in.loop
	morning := p.province.Day(d).Add(6 * time.Hour)
	signals, err := p.province.Signals(d)
	if err != nil {
		return err
	}
	for _, s := range signals {
		_, err := l.Accept(ctx, morning, loop.AcceptRequest{Feed: s.Feed, Name: s.Name, Body: bytes.NewReader(s.Body), By: operator})
		if err != nil {
			return err
		}
	}
	for worked := true; worked; {
		if _, worked, err = l.FoldNext(ctx, morning, nil); err != nil {
			return err
		}
	}
	if err := l.WriteBack(ctx); err != nil {
		return err
	}
	if _, err := l.Verify(ctx, morning.Add(time.Hour)); err != nil {
		return err
	}
	notified := p.province.Day(d).Add(8*time.Hour + 30*time.Minute)
	if err := p.tell(ctx, notified); err != nil {
		return err
	}
	if err := p.listen(ctx, d); err != nil {
		return err
	}
	if err := p.speak(ctx, d); err != nil {
		return err
	}
	return p.happen(ctx, p.province.Day(min(d+1, p.province.Days())))
}

// tell plans, chases and delivers as the worker would.
func (p *play) tell(ctx context.Context, now time.Time) error {
	l := p.in.loop
	if _, err := l.WatchFeeds(ctx, now); err != nil {
		return err
	}
	plan, err := l.Plan(ctx, now)
	if err == nil && plan.Held > 0 {
		err = p.letGo(ctx, now)
	}
	if err != nil {
		return err
	}
	for more := 1; more > 0; {
		var err error
		if more, err = l.Chase(ctx, now); err != nil {
			return err
		}
	}
	for more := 1; more > 0; {
		var err error
		if more, err = l.Deliver(ctx, now); err != nil {
			return err
		}
	}
	return nil
}

// letGo releases what waits, which the first notices do, as whoever runs the installation would.
func (p *play) letGo(ctx context.Context, now time.Time) error {
	ada, err := p.in.staff.ActorOf(ctx, now, p.ada)
	if err == nil {
		_, err = p.in.mailing.Release(ctx, now, ada, "")
	}
	return err
}

// listen notes what parties will say about the findings they were told of today.
func (p *play) listen(ctx context.Context, d int) error {
	members := map[ident.Party]*simulate.Member{}
	for i := range p.province.Members {
		members[p.province.Members[i].ID] = &p.province.Members[i]
	}
	return p.in.store.View(ctx, func(tx *store.Tx) error {
		err := tx.HistorySince(ctx, p.seq, func(c store.Change) error {
			if c.Trigger != finding.Notify {
				return nil
			}
			f, err := tx.FindingByID(ctx, c.Finding)
			if err != nil || members[f.Party] == nil {
				return err
			}
			for _, a := range members[f.Party].Answers(f.ID) {
				p.todo[d+a.Days] = append(p.todo[d+a.Days], planned{f.Party, f.ID, a.What})
			}
			return nil
		})
		if err != nil {
			return err
		}
		p.seq, err = tx.Horizon(ctx)
		return err
	})
}

// speak lets parties say what they planned for today, together where it is the same.
func (p *play) speak(ctx context.Context, d int) error {
	type said struct {
		party ident.Party
		what  string
	}
	now := p.province.Day(d).Add(14 * time.Hour)
	if now.After(p.r.clock()) {
		now = p.r.clock()
	}
	together := map[said][]ident.Finding{}
	var order []said
	for _, t := range p.todo[d] {
		s := said{t.party, t.what}
		if together[s] == nil {
			order = append(order, s)
		}
		together[s] = append(together[s], t.finding)
	}
	delete(p.todo, d)
	for _, s := range order {
		kind, particulars := loop.AnswerKind(s.what), loop.Particulars{}
		switch kind {
		case loop.AnswerAcceptRisk:
			particulars = loop.Particulars{Reason: "Replacement is ordered and will be installed next quarter.", Until: now.AddDate(0, 2, 0)}
		case loop.AnswerWrong:
			particulars.Reason = "This address is a honeypot of our own."
		case loop.AnswerNotOurs:
			particulars.Whose = "AureliaNet"
		case loop.AnswerAcknowledge, loop.AnswerStart, loop.AnswerFixed:
		}
		_, err := p.in.loop.AnswerAs(ctx, now, access.ForParty(s.party), together[s], kind, particulars)
		if err != nil && !errors.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}
