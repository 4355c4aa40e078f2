package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/casework"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/mailing"
	"tocsin/internal/act/record"
	"tocsin/internal/act/staff"
	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/report"
	"tocsin/internal/store"
)

// evidenceWorld is a data folder in which something of everything has happened that the ledger answers for.
type evidenceWorld struct {
	t     testing.TB
	dir   string
	dsn   string
	store *store.Store
	loop  *loop.Loop
	log   *record.Log
	blobs *archive.Archive
	post  *moody
	db    *sql.DB
}

// moody is a mail server that refuses some and puts others off.
type moody struct {
	sent int
}

func (m *moody) Send(_ context.Context, e loop.Envelope) error {
	m.sent++
	switch {
	case strings.HasPrefix(e.To, "gone@"):
		return &notice.SendError{Code: 550, Enhanced: "5.1.1", Text: "no such user", Address: true}
	case strings.HasPrefix(e.To, "busy@") && m.sent%2 == 0:
		return &notice.SendError{Code: 451, Enhanced: "4.7.1", Text: "later"}
	}
	return nil
}

var worldKey = []byte("0123456789abcdef0123456789abcdef")

// openWorld opens the folder; its database is SQLite in it, or dsn.
func openWorld(t testing.TB, dir, dsn string) *evidenceWorld {
	t.Helper()
	if dsn == "" {
		dsn = filepath.Join(dir, "tocsin.db")
	}
	w := &evidenceWorld{t: t, dir: dir, dsn: dsn, post: &moody{}}
	w.must(os.MkdirAll(dir, 0o700))
	w.must(os.WriteFile(filepath.Join(dir, "key"), worldKey, 0o600))
	c, err := BuiltIn()
	w.must(err)
	w.store, err = store.Open(t.Context(), dsn)
	w.must(err)
	w.blobs, err = archive.Open(filepath.Join(dir, "archive"))
	w.must(err)
	c.Store, c.Archive, c.Mailer = w.store, w.blobs, w.post
	c.Settings = loop.Settings{
		Sender: notice.Sender{Name: "CSIRT Anhe", Mail: "csirt@anhe.example"}, BaseURL: "https://tocsin.example", MailDomain: "anhe.example",
		Key: worldKey, NoticesADay: 50,
	}
	w.loop = loop.New(c)
	w.log = record.New(w.store, record.Settings{Dir: dir, Origin: "anhe.example/log"})
	engine := "sqlite"
	if strings.HasPrefix(dsn, "postgres") {
		engine = "pgx"
	}
	w.db, err = sql.Open(engine, dsn)
	w.must(err)
	return w
}

func (w *evidenceWorld) close() {
	w.t.Helper()
	w.must(errors.Join(w.loop.Close(context.WithoutCancel(w.t.Context())), w.db.Close(), w.store.Close(), w.blobs.Close()))
}

func (w *evidenceWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// newEvidenceWorld lives nine days and gives every entry its place.
func newEvidenceWorld(t testing.TB, dir, dsn string) *evidenceWorld {
	t.Helper()
	w := openWorld(t, dir, dsn)
	first := time.Date(2026, 11, 10, 6, 0, 0, 0, time.UTC)
	for _, f := range []ident.Feed{"shadowserver", "ipsum", "recheck"} {
		w.must(w.loop.PutFeed(t.Context(), first, operator, loop.FeedSettings{ID: f, Pack: string(f), Title: string(f)}))
	}
	_, err := w.loop.ImportParties(t.Context(), first, operator, []party.Party{
		{ID: "hospital", Name: "City Hospital", Kind: "institution", Language: "en", Contacts: []party.Contact{
			{Role: party.Security, Name: "IT", Mail: "gone@hospital.example"}, {Role: party.Technical, Name: "Net", Mail: "it@hospital.example"},
		}, Resources: []party.Resource{{Kind: party.Prefix, Value: "198.51.100.0/24"}}},
		{ID: "bank", Name: "Town Bank", Kind: "company", Language: "zh", Contacts: []party.Contact{
			{Role: party.Security, Name: "SOC", Mail: "busy@bank.example"},
		}, Resources: []party.Resource{{Kind: party.Prefix, Value: "203.0.113.0/24"}}},
	}, nil)
	w.must(err)
	desk := staff.New(w.store, staff.Settings{Key: worldKey})
	for _, of := range []ident.Party{ident.Authority, "bank"} {
		_, err = desk.Found(t.Context(), first, operator, people.Person{Party: of, Name: "Ann Berg", Mail: "ann@" + string(of) + ".example", Language: "en"})
		w.must(err)
	}
	_, _, err = desk.Invite(t.Context(), first.Add(time.Hour), operator, staff.Invitation{
		Person: people.Person{Party: ident.Authority, Name: "Bo Lin", Mail: "bo@authority.example", Language: "zh"}, Posts: []ident.Post{"handler", "approver"},
	})
	w.must(err)
	w.told(desk, first)
	for day := range 9 {
		w.day(first.AddDate(0, 0, day), day)
	}
	for i := range 300 { // so that the tree has hashes above full tiles
		w.must(w.loop.PutFeed(t.Context(), first.AddDate(0, 0, 10).Add(time.Duration(i)*time.Second), operator,
			loop.FeedSettings{ID: "ipsum", Pack: "ipsum", Title: fmt.Sprint(i), QuotaRows: int64(i % 7)}))
	}
	w.place(first.AddDate(0, 0, 11))
	return w
}

// place gives every entry its place and signs. On PostgreSQL that waits for the oldest transaction of the whole cluster,
// which may be another test's.
func (w *evidenceWorld) place(at time.Time) {
	w.t.Helper()
	for waits := int64(1); waits > 0; {
		if err := w.log.Complete(w.t.Context(), at); !errors.Is(err, fault.NotFound) { // as it is of a log that has no place yet
			w.must(err)
		}
		w.must(w.store.View(w.t.Context(), func(tx *store.Tx) error {
			m, err := tx.Measure(w.t.Context())
			waits = m.Unplaced
			return err
		}))
	}
}

// told takes in what two people report, and sees to one of them.
func (w *evidenceWorld) told(desk *staff.Staff, at time.Time) {
	w.t.Helper()
	ctx := w.t.Context()
	work := casework.New(casework.Config{Store: w.store, Notary: w.log, Settings: casework.Settings{Key: worldKey}})
	for _, f := range []report.Form{
		{Key: report.NewFormKey(), Kind: report.Phishing, What: "A mail wanted my password.", Where: "http://evil.example", Day: "2026-11-09", Contact: "me@mail.example", Language: "en"},
		{Key: report.NewFormKey(), Kind: report.Question, What: "May I open it?", Language: "zh"},
	} {
		_, err := work.Receive(ctx, at, f)
		w.must(err)
	}
	ann, err := desk.PersonByMail(ctx, "ann@authority.example")
	w.must(err)
	by, err := desk.ActorOf(ctx, at.Add(time.Hour), ann.ID)
	w.must(err)
	var id ident.Report
	w.must(w.db.QueryRowContext(ctx, "select id from report where kind = 'phishing'").Scan(&id))
	w.must(work.Take(ctx, at.Add(2*time.Hour), by, id))
	w.must(work.Close(ctx, at.Add(3*time.Hour), by, id, report.Handled))
}

// day takes a report in, tells the parties, lets some of them answer, and looks what is gone.
func (w *evidenceWorld) day(at time.Time, day int) {
	w.t.Helper()
	ctx := w.t.Context()
	body := "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,banner\n"
	for host := 1; host <= 30; host++ {
		if day > 2+host%3 && host%2 == 0 && !(day == 8 && host%4 == 0) {
			continue // mended, and every other one comes back
		}
		for _, net := range []string{"198.51.100", "203.0.113"} {
			body += fmt.Sprintf("%s 04:05:%02d,high,%s.%d,tcp,23,,telnet,64496,ZZ,,,0,,,login:\n", at.Format(time.DateOnly), host, net, host)
		}
	}
	body += at.Format(time.DateOnly) + " 04:05:06,high,not an address,tcp,23,,telnet,64496,ZZ,,,0,,,login:\n"
	for range 2 { // the second time it is known
		_, err := w.loop.Accept(ctx, at, loop.AcceptRequest{
			Feed: "shadowserver", Name: at.Format(time.DateOnly) + "-scan_telnet-test.csv", Body: strings.NewReader(body), By: operator,
		})
		w.must(err)
	}
	for more := true; more; {
		var err error
		_, more, err = w.loop.FoldNext(ctx, at.Add(time.Minute), nil)
		w.must(err)
	}
	w.must(w.loop.WriteBack(ctx))
	_, err := w.loop.Verify(ctx, at.Add(time.Hour))
	w.must(err)
	for hour := 2; hour < 16; hour += 2 {
		now := at.Add(time.Duration(hour) * time.Hour)
		_, err = w.loop.Plan(ctx, now)
		w.must(err)
		_, err = mailing.New(w.store, notice.Sender{}, nil).Release(ctx, now, operator, "") // what waits, which the first notices do
		w.must(err)
		for n := 1; n > 0; {
			n, err = w.loop.Deliver(ctx, now.Add(time.Minute))
			w.must(err)
		}
		_, err = w.loop.Chase(ctx, now.Add(2*time.Minute))
		w.must(err)
	}
	w.answer(at.Add(17*time.Hour), day)
	w.place(at.Add(18 * time.Hour))
}

// answer lets the parties say something about a few of their findings: by the link of a notice, or signed in.
func (w *evidenceWorld) answer(at time.Time, day int) {
	w.t.Helper()
	kinds := loop.AnswerKinds
	kind := kinds[day%len(kinds)]
	rows, err := w.db.QueryContext(w.t.Context(), `select f.id, f.party_id, min(n.notice_id) from finding f join notice_finding n on n.finding_id = f.id
		join notice o on o.id = n.notice_id and o.party_id = f.party_id
		where f.state = 'notified' group by f.id, f.party_id order by f.id limit 6`)
	w.must(err)
	type told struct {
		id ident.Finding
		p  ident.Party
		n  ident.Notice
	}
	var list []told
	for rows.Next() {
		var x told
		w.must(rows.Scan(&x.id, &x.p, &x.n))
		list = append(list, x)
	}
	w.must(rows.Err())
	_ = rows.Close() //nolint:sqlclosecheck // the answers below need the connection
	p := loop.Particulars{Reason: "a reason", Until: at.Add(24 * time.Hour)}
	for i, x := range list {
		ids := []ident.Finding{x.id}
		if i%2 == 0 {
			_, err = w.loop.Answer(w.t.Context(), at, notice.Link(worldKey, x.n, at.Add(24*time.Hour)), ids, kind, p)
		} else {
			member := access.Actor{Kind: access.Person, ID: "per_1", Party: x.p, Seats: []access.Seat{
				{Post: "pst_1", Party: x.p, Powers: []people.Power{people.Answer}},
			}}
			_, err = w.loop.AnswerAs(w.t.Context(), at, member, ids, kind, p)
		}
		if err != nil && !errors.Is(err, fault.Conflict) {
			w.must(err)
		}
	}
}

func exportWorld(w *evidenceWorld, dir string) {
	w.t.Helper()
	_, err := w.log.Export(w.t.Context(), dir, false)
	w.must(err)
}
