package loop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// refused checks that an act was refused for a reason of a kind.
func refused(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

// A mark is raised by one person, which takes effect at once, and lowered by two; RED is for whom a share names.
func TestMarksByHand(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		ctx, ada, bo, wang := t.Context(), deskPerson("ada"), deskPerson("bo"), memberOf("hospital")
		id := o.find("hospital", event.Low, 2, noon)[0]
		sees := func(who access.Actor, at time.Time) bool {
			_, err := o.FindingByID(ctx, at, who, id)
			if err != nil && !errors.Is(err, fault.NotFound) {
				t.Fatal(err)
			}
			n, err2 := o.CountFindings(ctx, at, who, FindingQuery{}, 10)
			if err2 != nil || n != map[bool]int{true: 2, false: 1}[err == nil] && who.Desk() {
				t.Errorf("%s: counts %d, sees %v", who, n, err)
			}
			return err == nil
		}
		must(t, o.Raise(ctx, noon, ada, id, marking.AmberStrict, "a victim asked for it"))
		if !sees(ada, noon) || !sees(wang, noon) || sees(memberOf("bank"), noon) {
			t.Error("AMBER+STRICT is for the authority and the owner")
		}
		refused(t, "raise to less", o.Raise(ctx, noon, ada, id, marking.Green, "x"), fault.Conflict)
		refused(t, "lower alone", o.Lower(ctx, noon, ada, ada.String(), id, marking.Green, "x"), fault.Denied)
		refused(t, "lower without a proposal", o.Lower(ctx, noon, ada, "", id, marking.Green, "x"), fault.Denied)
		refused(t, "a member marks", o.Raise(ctx, noon, wang, id, marking.Red, "x"), fault.Denied)
		refused(t, "no reason", o.Raise(ctx, noon, ada, id, marking.Red, " "), fault.Invalid)

		must(t, o.Raise(ctx, noon, ada, id, marking.Red, "an informant"))
		if !sees(ada, noon) || sees(bo, noon) || sees(wang, noon) {
			t.Error("RED is for the persons named: whoever raised it")
		}
		refused(t, "share by somebody who may not read it", o.Share(ctx, noon, bo, id, "party:bank", time.Time{}, "x"), fault.NotFound)
		end := noon.Add(24 * time.Hour)
		must(t, o.sharePerson(s, bo))
		must(t, o.Share(ctx, noon, ada, id, bo.String(), end, "second pair of eyes"))
		if !sees(bo, end.Add(-time.Second)) || sees(bo, end) {
			t.Error("a share holds until its end")
		}
		must(t, o.LowerAs(ctx, noon, bo, ada.String(), fmt.Sprintf("finding:%d", id), `{"tlp":"TLP:GREEN"}`, "the informant agreed"))
		refused(t, "lower by nothing", o.LowerAs(ctx, noon, bo, ada.String(), fmt.Sprintf("finding:%d", id), `{}`, "x"), fault.Invalid)

		must(t, o.Share(ctx, noon, ada, id, "party:bank", time.Time{}, "its supplier"))
		refused(t, "share with nobody", o.Share(ctx, noon, ada, id, "party:none", time.Time{}, "x"), fault.Invalid)
		if !sees(memberOf("bank"), noon) {
			t.Error("a share with a party lets its members read")
		}
		must(t, o.Embargo(ctx, noon, ada, id, end, "until the patch is out"))
		if sees(memberOf("bank"), noon) || !sees(wang, noon) || !sees(memberOf("bank"), end) {
			t.Error("an embargo leaves the authority and the owner")
		}
		refused(t, "shorten an embargo", o.Embargo(ctx, noon, ada, id, end.Add(-time.Hour), "x"), fault.Invalid)
		must(t, o.LowerAs(ctx, noon, bo, ada.String(), fmt.Sprintf("finding:%d", id), `{"lift":true}`, "it leaked"))
		d, err := o.FindingByID(ctx, noon, ada, id)
		must(t, err)
		if !d.Embargo.IsZero() || d.Mark.TLP != marking.Green {
			t.Errorf("%v until %v", d.Mark, d.Embargo)
		}
		for _, g := range d.Grants {
			if g.Grantee == "party:bank" {
				must(t, o.Unshare(ctx, noon, ada, id, g.ID, "contract over"))
			}
		}
		if sees(memberOf("bank"), noon) {
			t.Error("a share that was taken back lets somebody read")
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sharePerson makes somebody whom a share can name.
func (o *office) sharePerson(s *store.Store, who access.Actor) error {
	return s.Keep(o.t.Context(), func(tx *store.Tx) error {
		return tx.InsertPerson(o.t.Context(), people.Person{ID: ident.Person(who.ID), Party: who.Party, Name: who.Name, Mail: who.ID + "@csirt.example", Language: "en", Created: noon})
	})
}

// What a stricter feed sees too is marked as that feed is, once: a mark that people lowered stays lowered.
func TestFeedsMark(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		ctx, now := t.Context(), noon
		refused(t, "a RED feed", l.PutFeed(ctx, now, testCommand, FeedSettings{ID: "red", Pack: "shadowserver", TLP: "red"}), fault.Invalid)
		put := func(id ident.Feed, tlp string) {
			must(t, l.PutFeed(ctx, now, testCommand, FeedSettings{ID: id, Pack: "shadowserver", TLP: tlp}))
		}
		see := func(id ident.Feed, name string, hosts ...int) {
			var b strings.Builder
			for _, h := range hosts {
				b.WriteString(seenOn{h, 23, now}.line())
			}
			now = now.Add(time.Hour)
			take(t, l, now, id, "2026-11-20-"+name+"-scan_telnet-test.csv", telnetHeader+b.String())
			foldAll(t, l, now)
			must(t, l.WriteBack(ctx))
		}
		marks := func() (out []marking.TLP) {
			page, err := l.Findings(ctx, now, testCommand, FindingQuery{}, 0, 10)
			must(t, err)
			for _, r := range page.Rows {
				out = append(out, r.Mark.TLP)
			}
			return out
		}
		put("partner", "amber")
		put("partner", "")
		see("shadowserver", "a", 1, 2)
		same(t, "by default", []marking.TLP{marking.Green, marking.Green}, marks())
		see("partner", "b", 2, 3)
		same(t, "the stricter feed", []marking.TLP{marking.Amber, marking.Amber, marking.Green}, marks())
		must(t, l.Lower(ctx, now, deskPerson("bo"), deskPerson("ada").String(), 2, marking.Green, "the partner agreed"))
		see("partner", "c", 2, 3)
		same(t, "lowered by people", []marking.TLP{marking.Amber, marking.Green, marking.Green}, marks())
		put("strict", "TLP:AMBER+STRICT")
		see("strict", "d", 1, 2)
		same(t, "another feed", []marking.TLP{marking.Amber, marking.AmberStrict, marking.AmberStrict}, marks())
	})
}

// What is marked too strictly for mail in clear leaves only a link; what is RED is not behind the link either.
func TestMarkedNotices(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	ctx := t.Context()
	ids := o.find("hospital", event.Critical, 2, noon)
	for _, id := range ids {
		must(t, o.Raise(ctx, noon, testDesk, id, marking.Amber, "sensitive"))
	}
	o.plan(noon)
	if n := o.notices()[0]; n.TLP != marking.Amber {
		t.Fatalf("the notice is %s", n.TLP)
	}
	o.deliver(noon)
	raw := o.post.mails[0].Message
	if bytes.Contains(raw, []byte("192.0.2.")) || !bytes.Contains(raw, []byte("[TLP:AMBER] Security notice")) {
		t.Errorf("%s", raw)
	}
	if len(o.queue()) != 0 {
		t.Errorf("queue: %v", o.queue())
	}
	must(t, o.Raise(ctx, noon, testDesk, ids[1], marking.Red, "an informant"))
	link := token(t, raw)
	page, err := o.NoticeByToken(ctx, noon, link)
	must(t, err)
	if len(page.Items) != 1 || page.Closed != 1 || page.Moved != 0 {
		t.Errorf("%d items, %d closed, %d moved", len(page.Items), page.Closed, page.Moved)
	}
	a, err := o.Answer(ctx, noon, link, ids, AnswerFixed, Particulars{})
	must(t, err)
	if a.Changed != 1 {
		t.Errorf("%+v", a)
	}
	as, err := o.AnswerAs(ctx, noon, memberOf("hospital"), ids[1:], AnswerFixed, Particulars{})
	must(t, err)
	if as.Changed != 0 {
		t.Error("a member answers for what they may not read")
	}
}

// A notice's page names those of its chain only that its reader may read.
func TestMarkedChain(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	ids := o.find("hospital", event.High, 1, noon)
	o.plan(noon)
	o.deliver(noon)
	later := noon.Add(3 * 24 * time.Hour)
	must(t, o.Raise(t.Context(), later, testDesk, ids[0], marking.Red, "an informant"))
	o.chaseAll(later)
	ns := o.notices()
	if len(ns) != 2 || ns[0].TLP == marking.Red || ns[1].TLP != marking.Red {
		t.Fatalf("%+v", ns)
	}
	d, err := o.NoticeByID(t.Context(), later, testDesk, ns[0].ID)
	must(t, err)
	if len(d.Chain) != 1 || d.Chain[0].ID != ns[0].ID {
		t.Errorf("%d in the chain", len(d.Chain))
	}
}

var testDesk = deskPerson("ada")

// A mail opens to whoever holds the power and said why, for a quarter of an hour; each reason is in the ledger.
func TestLooks(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	ctx, blind := t.Context(), deskPerson("eve")
	blind.Seats[0].Powers = blind.Seats[0].Powers[:1]
	o.find("hospital", event.Critical, 1, noon)
	o.plan(noon)
	o.deliver(noon)
	id := o.notices()[0].ID
	_, err := o.NoticeMail(ctx, noon, testDesk, id)
	refused(t, "without a reason", err, ErrLook)
	refused(t, "a reason of one's own", o.LookAtNotice(ctx, noon, testDesk, id, "curious"), fault.Invalid)
	refused(t, "without the power", o.LookAtNotice(ctx, noon, blind, id, "triage"), fault.Denied)
	refused(t, "another party's", o.LookAtNotice(ctx, noon, memberOf("bank"), id, "triage"), fault.NotFound)
	must(t, o.LookAtNotice(ctx, noon, testDesk, id, "triage"))
	for at, want := range map[time.Duration]bool{0: true, lookFor: true, lookFor + time.Second: false} {
		raw, err := o.NoticeMail(ctx, noon.Add(at), testDesk, id)
		if (err == nil && len(raw) > 0) != want {
			t.Errorf("after %s: %v", at, err)
		}
	}
	_, err = o.NoticeMail(ctx, noon, deskPerson("bo"), id)
	refused(t, "another's reason", err, ErrLook)
	if n := acts(t, o.Loop, "notice.look"); n != 1 {
		t.Errorf("%d looks in the ledger", n)
	}
}

// An export leaves one entry, takes its marks along, and leaves RED rows out and says so.
func TestExportMarks(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	ctx := t.Context()
	ids := o.find("hospital", event.Low, 3, noon)
	must(t, o.Raise(ctx, noon, testDesk, ids[1], marking.Red, "an informant"))
	x, err := o.OpenExport(ctx, noon, testDesk, FindingQuery{}, "csv", 10)
	must(t, err)
	var got []ident.Finding
	must(t, x.Each(ctx, func(rows []FindingRow) error {
		for _, r := range rows {
			got = append(got, r.ID)
		}
		return nil
	}))
	same(t, "exported", []ident.Finding{ids[2], ids[0]}, got)
	if x.Withheld != 1 || x.Count != 2 || x.Cut {
		t.Errorf("%+v", x)
	}
	_, err = o.OpenExport(ctx, noon, memberOf("hospital"), FindingQuery{}, "csv", 10)
	refused(t, "a member", err, fault.Denied)
	if n := acts(t, o.Loop, "finding.export"); n != 1 {
		t.Errorf("%d exports in the ledger", n)
	}
}

// An observer reads what the rule says, of all regions below, and no longer once it is ended.
func TestObservers(t *testing.T) {
	t.Parallel()
	o := newOffice(t, testkit.SQLite(t))
	ctx := t.Context()
	o.find("hospital", event.Low, 2, noon)
	count := func() int {
		n, err := o.CountFindings(ctx, noon, memberOf("bank"), FindingQuery{Purpose: access.Oversight}, 10)
		must(t, err)
		return n
	}
	_, err := o.PutObserver(ctx, noon, testCommand, store.ObserverRule{Party: "bank"})
	refused(t, "without a basis", err, fault.Invalid)
	rule := store.ObserverRule{Party: "bank", Basis: "Banking Act, section 7"}
	rule.ID, err = o.PutObserver(ctx, noon, testCommand, rule)
	must(t, err)
	if n := count(); n != 2 {
		t.Errorf("observes %d", n)
	}
	rule.Ended = noon
	_, err = o.PutObserver(ctx, noon, testCommand, rule)
	must(t, err)
	if n := count(); n != 0 {
		t.Errorf("observes %d after the end", n)
	}
	must(t, o.PutClients(ctx, noon, testCommand, "hospital", []ident.Party{"bank"}))
	refused(t, "an unknown client", o.PutClients(ctx, noon, testCommand, "hospital", []ident.Party{"none"}), fault.NotFound)
	o.update(func(ctx context.Context, tx *store.Tx) error {
		have, err := tx.Clients(ctx, "hospital")
		same(t, "clients", []ident.Party{"bank"}, have)
		return err
	})
}
