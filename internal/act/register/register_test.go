package register_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/register"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	key  = []byte("0123456789abcdef0123456789abcdef")
)

// postbag keeps what was sent, and refuses what it is told to.
type postbag struct {
	mails []notice.Envelope
	fail  error
}

func (p *postbag) Send(_ context.Context, e notice.Envelope) error {
	if p.fail == nil {
		p.mails = append(p.mails, e)
	}
	return p.fail
}

type world struct {
	t    *testing.T
	db   *store.Store
	reg  *register.Register
	post *postbag
}

func each(t *testing.T, f func(w *world)) {
	t.Helper()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := &world{t: t, db: s, post: &postbag{}}
		w.reg = register.New(s, register.Settings{
			Sender: notice.Sender{Name: "CSIRT", Mail: "csirt@anhe.example"}, BaseURL: "https://tocsin.example", MailDomain: "anhe.example", Key: key, Server: "mail.example",
		}, w.post)
		for _, id := range []ident.Party{"clinic", "bank"} {
			w.must(s.Keep(t.Context(), func(tx *store.Tx) error { return tx.PutParty(t.Context(), noon, registered(id)) }))
		}
		f(w)
	})
}

func registered(id ident.Party) party.Party {
	p := string(id)
	return party.Party{
		ID: id, Name: strings.ToUpper(p), Kind: "institution", Language: "en", Rank: 100,
		Contacts:  []party.Contact{{ID: "con_" + p, Role: party.Security, Mail: "cert@" + p + ".example"}},
		Resources: []party.Resource{{ID: "res_" + p, Kind: party.Domain, Value: p + ".example", Source: party.Manual}},
		Systems:   []party.System{{ID: "sys_" + p, Name: "Portal", Asset: asset.Asset{Kind: asset.Domain, Value: "portal." + p + ".example"}, Protection: 3}},
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func person(id string, of ident.Party, powers ...people.Power) access.Actor {
	return access.Actor{Kind: access.Person, ID: id, Party: of, Proved: noon, Seats: []access.Seat{{Post: "p", Party: of, Powers: powers}}}
}

var (
	nurse  = person("per_nurse", "clinic", people.Read, people.Answer)
	reader = person("per_reader", "clinic", people.Read)
	teller = person("per_teller", "bank", people.Read, people.Answer)
	desk   = person("per_desk", ident.Authority, people.Read, people.Register)
	viewer = person("per_viewer", ident.Authority, people.Read)
)

// entries returns the acts in the ledger, the oldest first, without those for rows that a test put there.
func (w *world) entries() []string {
	w.t.Helper()
	var out []string
	w.must(w.db.View(w.t.Context(), func(tx *store.Tx) error {
		list, err := tx.Entries(w.t.Context(), 0, 1000)
		for _, e := range list {
			if e.Act != "ledger.cover" {
				out = append(out, e.Act)
			}
			if strings.Contains(e.Body+e.Reason+e.Object, "@") || strings.Contains(e.Body, "secret") {
				w.t.Errorf("%s holds personal data or words: %s %s", e.Act, e.Reason, e.Body)
			}
		}
		return err
	}))
	return out
}

func (w *world) party(id ident.Party) party.Party {
	w.t.Helper()
	var p party.Party
	w.must(w.db.View(w.t.Context(), func(tx *store.Tx) (err error) {
		p, err = tx.PartyByID(w.t.Context(), id)
		return err
	}))
	return p
}

func (w *world) version() int64 {
	w.t.Helper()
	var v int64
	w.must(w.db.View(w.t.Context(), func(tx *store.Tx) (err error) {
		v, err = tx.PartyVersion(w.t.Context())
		return err
	}))
	return v
}

// A resource waits for the desk; once confirmed it is the party's and the register is newer.
func TestPropose(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx, want := w.t.Context(), register.Wish{What: party.OfResource, After: party.Entry{Kind: "prefix", Value: "192.0.2.0/24"}, Reason: "secret contract"}
		draft, err := w.reg.Draft(ctx, noon, nurse, want)
		if err != nil || draft.AtOnce() || len(w.entries()) != 0 {
			w.t.Fatalf("a draft: %+v, %v", draft, err)
		}
		q, err := w.reg.Propose(ctx, noon, nurse, want)
		if err != nil || q.State != party.Proposed || len(w.party("clinic").Resources) != 1 || w.version() != 0 {
			w.t.Fatalf("%+v, %v", q, err)
		}
		if _, err := w.reg.Propose(ctx, noon, nurse, want); !errors.Is(err, fault.Conflict) {
			w.t.Errorf("twice: %v", err)
		}
		waiting, err := w.reg.Waiting(ctx, noon, viewer, 10)
		n, err2 := w.reg.WaitingCount(ctx, noon, viewer, 10)
		if err != nil || err2 != nil || len(waiting) != 1 || n != 1 || waiting[0].ID != q.ID || waiting[0].PartyName != "CLINIC" || waiting[0].Reason != "secret contract" || !waiting[0].After.Same(q.After) {
			w.t.Fatalf("%+v, %d, %v", waiting, n, err)
		}
		for who, by := range map[string]access.Actor{"without the power": viewer, "a member": nurse, "another party": teller} {
			if _, err := w.reg.Confirm(ctx, noon, by, q.ID); !errors.Is(err, fault.Denied) && !errors.Is(err, fault.NotFound) {
				w.t.Errorf("confirmed by %s: %v", who, err)
			}
		}
		if _, err := w.reg.Confirm(ctx, noon.Add(time.Hour), desk, q.ID); err != nil {
			w.t.Fatal(err)
		}
		got := w.party("clinic")
		if len(got.Resources) != 2 || got.Resources[1].Value != "192.0.2.0/24" || got.Resources[1].Verified.IsZero() || w.version() == 0 {
			w.t.Errorf("%+v", got.Resources)
		}
		if _, err := w.reg.Refuse(ctx, noon, desk, q.ID, "late"); !errors.Is(err, fault.Conflict) {
			w.t.Errorf("refused after all: %v", err)
		}
		if acts := w.entries(); !slices.Equal(acts, []string{"change.propose", "change.confirm"}) {
			w.t.Errorf("acts: %v", acts)
		}
	})
}

// What lowers nothing takes effect at once; what does waits; a reader may do neither.
func TestDescribe(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx, up := w.t.Context(), party.Entry{Name: "Gate", Kind: "domain", Value: "portal.clinic.example", Protection: 4, Products: []string{"nginx 1.24"}}
		q, err := w.reg.Propose(ctx, noon, nurse, register.Wish{What: party.OfSystem, Target: "sys_clinic", After: up})
		if s := w.party("clinic").Systems[0]; err != nil || q.State != party.Confirmed || s.Name != "Gate" || s.Protection != 4 {
			w.t.Fatalf("%+v, %+v, %v", q, s, err)
		}
		down := up
		down.Protection = 1
		if q, err = w.reg.Propose(ctx, noon, nurse, register.Wish{What: party.OfSystem, Target: "sys_clinic", After: down}); err != nil || q.State != party.Proposed {
			w.t.Fatalf("a lower level: %+v, %v", q, err)
		}
		if _, err := w.reg.Withdraw(ctx, noon, teller, q.ID); !errors.Is(err, fault.NotFound) {
			w.t.Errorf("another party withdraws it: %v", err)
		}
		if _, err := w.reg.Withdraw(ctx, noon, nurse, q.ID); err != nil {
			w.t.Fatal(err)
		}
		for who, c := range map[string]struct {
			by   access.Actor
			id   string
			want error
		}{"a reader": {reader, "sys_clinic", fault.Denied}, "another party": {teller, "sys_clinic", fault.NotFound}, "the desk": {desk, "sys_clinic", fault.NotFound}} {
			if _, err := w.reg.Propose(ctx, noon, c.by, register.Wish{What: party.OfSystem, Target: c.id, After: party.Entry{Name: "X", Kind: "domain", Value: "portal.clinic.example", Protection: 5}}); !errors.Is(err, c.want) {
				w.t.Errorf("%s: %v, want %v", who, err, c.want)
			}
		}
		if acts := w.entries(); !slices.Equal(acts, []string{"change.apply", "change.propose", "change.withdraw"}) {
			w.t.Errorf("acts: %v", acts)
		}
	})
}

// A change whose ground has moved is refused, and the page of a change is the desk's and the party's.
func TestStaleChange(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.t.Context()
		q, err := w.reg.Propose(ctx, noon, nurse, register.Wish{What: party.OfResource, Target: "res_clinic"})
		w.must(err)
		p := w.party("clinic")
		p.Resources[0].Value = "other.example"
		w.must(w.db.Keep(ctx, func(tx *store.Tx) error { return tx.PutParty(ctx, noon, p) }))
		if _, err := w.reg.Confirm(ctx, noon, desk, q.ID); !errors.Is(err, fault.Conflict) {
			w.t.Errorf("confirmed on moved ground: %v", err)
		}
		for who, by := range map[string]access.Actor{"the desk": viewer, "the party": reader} {
			if row, err := w.reg.ByID(ctx, noon, by, q.ID); err != nil || row.ID != q.ID {
				w.t.Errorf("%s: %v", who, err)
			}
		}
		if _, err := w.reg.ByID(ctx, noon, teller, q.ID); !errors.Is(err, fault.NotFound) {
			w.t.Errorf("another party reads it: %v", err)
		}
		if rows, _ := w.reg.Waiting(ctx, noon, teller, 10); len(rows) != 0 {
			w.t.Error("another party sees the list")
		}
		if rows, _ := w.reg.Mine(ctx, noon, teller, "", register.Cursor{}, 10); len(rows) != 0 {
			w.t.Error("another party has it in its own")
		}
		if _, err := w.reg.Refuse(ctx, noon, desk, q.ID, " "); !errors.Is(err, fault.Invalid) {
			w.t.Errorf("refused without a reason: %v", err)
		}
		_, err = w.reg.Refuse(ctx, noon, desk, q.ID, "secret")
		w.must(err)
		w.entries()
	})
}

// Lists go on by key without gaps and repeats.
func TestChangePages(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.t.Context()
		for i := range 7 {
			_, err := w.reg.Propose(ctx, noon, nurse, register.Wish{What: party.OfResource, After: party.Entry{Kind: "domain", Value: string(rune('a'+i)) + ".example"}})
			w.must(err)
		}
		seen := map[string]bool{}
		for _, state := range []party.RequestState{party.Proposed, ""} {
			clear(seen)
			for after := (register.Cursor{}); ; {
				var rows []register.Row
				var err error
				if state == party.Proposed {
					rows, err = w.reg.Changes(ctx, noon, desk, state, after, 3)
				} else {
					rows, err = w.reg.Mine(ctx, noon, reader, state, after, 3)
				}
				w.must(err)
				if len(rows) == 0 {
					break
				}
				for _, r := range rows {
					if seen[r.ID] {
						w.t.Fatalf("%s stands there twice", r.ID)
					}
					seen[r.ID] = true
				}
				after = register.Cursor{At: rows[len(rows)-1].At, ID: rows[len(rows)-1].ID}
			}
			if len(seen) != 7 {
				w.t.Errorf("%q: %d of 7", state, len(seen))
			}
		}
	})
}

// link takes the address of the newest mail's proof.
func (w *world) link() string {
	w.t.Helper()
	raw, err := notice.Open(w.post.mails[len(w.post.mails)-1].Message)
	w.must(err)
	_, rest, ok := strings.Cut(raw.Text, "https://tocsin.example/c/")
	if !ok {
		w.t.Fatalf("no link in %q", raw.Text)
	}
	token, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(token)
}

func (w *world) send(at time.Time) {
	w.t.Helper()
	for n := 1; n > 0; {
		var err error
		n, err = w.reg.Send(w.t.Context(), at)
		w.must(err)
		if n < 4 {
			return
		}
	}
}

// A new contact is told only once somebody has followed the link that was mailed to it.
func TestContact(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.t.Context()
		c, err := w.reg.AddContact(ctx, noon, nurse, register.Contact{Role: party.Abuse, Name: "Night", Mail: "night@clinic.example"})
		w.must(err)
		tells := func() bool {
			p := w.party("clinic")
			got := notice.Choose(&p, "", []party.Role{party.Abuse}, nil)
			return got != nil && got.ID == c.ID
		}
		if tells() {
			t.Error("it is told before it is proved")
		}
		w.send(noon)
		if len(w.post.mails) != 1 || w.post.mails[0].To != "night@clinic.example" {
			t.Fatalf("%+v", w.post.mails)
		}
		token := w.link()
		if _, err := w.reg.Prove(ctx, noon.Add(notice.ProofLife+time.Second), token); !errors.Is(err, fault.Expired) {
			t.Errorf("late: %v", err)
		}
		for range 2 {
			if _, err := w.reg.Prove(ctx, noon.Add(time.Hour), token); err != nil {
				t.Fatal(err)
			}
		}
		if !tells() {
			t.Error("it is not told once it is proved")
		}
		if acts := w.entries(); !slices.Equal(acts, []string{"contact.add", "contact.mail", "contact.prove"}) {
			t.Errorf("acts: %v", acts)
		}
		if _, err := w.reg.AddContact(ctx, noon, nurse, register.Contact{Role: party.Abuse, Mail: "night@clinic.example"}); !errors.Is(err, register.ErrTwice) {
			t.Errorf("twice: %v", err)
		}
		if _, err := w.reg.AddContact(ctx, noon, reader, register.Contact{Role: party.Abuse, Mail: "x@clinic.example"}); !errors.Is(err, fault.Denied) {
			t.Errorf("by a reader: %v", err)
		}
		if rows, err := w.reg.Contacts(ctx, noon, teller); err != nil || len(rows) != 1 || rows[0].ID != "con_bank" {
			t.Errorf("another party sees %+v, %v", rows, err)
		}
	})
}

// A new address takes the old one's place only once it is proved, and a link for an address that was changed since is
// worth nothing.
func TestMoveContact(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.t.Context()
		_, err := w.reg.PutContact(ctx, noon, nurse, "con_clinic", register.Contact{Role: party.Security, Mail: "wrong@clinic.example"})
		w.must(err)
		w.send(noon)
		old := w.link()
		p := w.party("clinic")
		if got := notice.Choose(&p, "", party.Roles, nil); got == nil || got.Mail != "cert@clinic.example" || len(p.Contacts) != 2 {
			t.Fatalf("meanwhile: %+v", p.Contacts)
		}
		_, err = w.reg.PutContact(ctx, noon, nurse, "con_clinic", register.Contact{Role: party.Security, Mail: "soc@clinic.example"})
		w.must(err)
		if _, err := w.reg.Prove(ctx, noon, old); !errors.Is(err, fault.Denied) {
			t.Errorf("the old link: %v", err)
		}
		w.send(noon)
		_, err = w.reg.Prove(ctx, noon, w.link())
		w.must(err)
		if p = w.party("clinic"); len(p.Contacts) != 1 || p.Contacts[0].Mail != "soc@clinic.example" || p.Contacts[0].Unproved {
			t.Errorf("afterwards: %+v", p.Contacts)
		}
		if err := w.reg.EndContact(ctx, noon, nurse, p.Contacts[0].ID); !errors.Is(err, register.ErrLast) {
			t.Errorf("the last one goes: %v", err)
		}
		if err := w.reg.EndContact(ctx, noon, teller, p.Contacts[0].ID); !errors.Is(err, fault.NotFound) {
			t.Errorf("another party's: %v", err)
		}
		w.entries()
	})
}

// A test says what the server said: taken mends a bounce, refused for good makes one.
func TestDelivery(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.t.Context()
		last := func() register.ContactRow {
			rows, err := w.reg.Contacts(ctx, noon, reader)
			w.must(err)
			return rows[0]
		}
		w.post.fail = &notice.SendError{Code: 550, Enhanced: "5.1.1", Text: "no such user", Address: true}
		w.must(w.reg.Ask(ctx, noon, nurse, "con_clinic", notice.TestMail))
		w.send(noon)
		if r := last(); r.Last == nil || r.Last.State != store.LetterRefused || r.Last.Detail != "550 5.1.1 no such user" || r.Bounced.IsZero() || r.Told {
			t.Errorf("refused: %+v", r)
		}
		w.must(w.db.View(ctx, func(tx *store.Tx) error {
			list, err := tx.Entries(ctx, 0, 1000)
			if !slices.ContainsFunc(list, func(e ledger.Entry) bool { return strings.Contains(e.Reason, "smtp 550 5.1.1") }) {
				w.t.Errorf("no entry says what the server answered: %+v", list)
			}
			return err
		}))
		w.post.fail = &notice.SendError{Code: 450, Text: "later"}
		w.must(w.reg.Ask(ctx, noon.Add(time.Minute), nurse, "con_clinic", notice.TestMail))
		w.send(noon.Add(time.Minute))
		if r := last(); r.Last.State != store.LetterWaiting || r.Last.Tries != 1 {
			t.Errorf("put off: %+v", r.Last)
		}
		w.post.fail = nil
		w.send(noon.Add(24 * time.Hour))
		if r := last(); r.Last.State != store.LetterTaken || r.Last.Server != "mail.example" || !r.Bounced.IsZero() || !r.Told {
			t.Errorf("taken: %+v", r)
		}
		if strings.Contains(string(w.post.mails[0].Message), "portal") {
			t.Error("a test says something of substance")
		}
		for range 5 {
			w.must(w.reg.Ask(ctx, noon.Add(30*time.Hour), nurse, "con_clinic", notice.TestMail))
		}
		if err := w.reg.Ask(ctx, noon.Add(30*time.Hour), nurse, "con_clinic", notice.TestMail); !errors.Is(err, register.ErrLetters) {
			t.Errorf("a sixth in a day: %v", err)
		}
		w.entries()
	})
}

// What a party chooses reaches the plan of its notices, and nobody else's.
func TestSetRhythm(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx, want := w.t.Context(), notice.Rhythm{UrgentFrom: event.Critical, Hour: 17, Weekday: 2}
		w.must(w.reg.SetRhythm(ctx, noon, nurse, "zh", want))
		w.must(w.db.View(ctx, func(tx *store.Tx) error {
			for id, h := range map[ident.Party]notice.Rhythm{"clinic": want, "bank": {}} {
				past, err := tx.PastNotices(ctx, id, noon)
				if err != nil || past.Rhythm != h {
					t.Errorf("%s: %+v, %v", id, past, err)
				}
			}
			return nil
		}))
		if got, err := w.reg.Rhythm(ctx, noon, reader); err != nil || got != want || w.party("clinic").Language != "zh" || w.party("bank").Language != "en" {
			t.Errorf("%+v, %v", got, err)
		}
		if err := w.reg.SetRhythm(ctx, noon, reader, "zh", want); !errors.Is(err, fault.Denied) {
			t.Errorf("by a reader: %v", err)
		}
		if err := w.reg.SetRhythm(ctx, noon, nurse, "fr", want); !errors.Is(err, fault.Invalid) {
			t.Errorf("in French: %v", err)
		}
	})
}
