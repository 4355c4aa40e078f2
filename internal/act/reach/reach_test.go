package reach_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/triage"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/promise"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// reach is one way to findings: it returns those that an actor gets, in any order. Where ok is false the way is not for
// this actor at all, and it must have got nothing.
type reach struct {
	name  string
	why   bool                              // it takes a purpose
	omits func(f fact, a access.Actor) bool // what this way leaves out though it may be read
	get   func(w *world, by access.Actor, why access.Purpose) ([]ident.Finding, error)
}

// own leaves out what is not the actor's party's: the member's pages show their own only.
func own(f fact, a access.Actor) bool { return !a.Member() || f.of != a.Party }

var reaches = []reach{
	{"list", true, nil, func(w *world, by access.Actor, why access.Purpose) ([]ident.Finding, error) {
		l, err := w.loop.Findings(w.t.Context(), noon, by, loop.FindingQuery{Purpose: why}, 0, 1000)
		return numbers(l.Rows), err
	}},
	{"list by pages of two", true, nil, func(w *world, by access.Actor, why access.Purpose) ([]ident.Finding, error) {
		var out []ident.Finding
		for before := ident.Finding(0); ; {
			l, err := w.loop.Findings(w.t.Context(), noon, by, loop.FindingQuery{Purpose: why}, before, 2)
			out = append(out, numbers(l.Rows)...)
			if before = l.Next; err != nil || before == 0 {
				return out, err
			}
		}
	}},
	{"walk", true, nil, func(w *world, by access.Actor, why access.Purpose) (out []ident.Finding, err error) {
		_, _, err = w.loop.EachFinding(w.t.Context(), noon, by, loop.FindingQuery{Purpose: why}, 1000, func(r loop.FindingRow) error {
			out = append(out, r.ID)
			return nil
		})
		return out, err
	}},
	{"count by asset", true, nil, func(w *world, by access.Actor, why access.Purpose) ([]ident.Finding, error) {
		return each(func(id ident.Finding) (bool, error) {
			n, err := w.loop.CountFindings(w.t.Context(), noon, by, loop.FindingQuery{Purpose: why, Asset: address(id)}, 10)
			return n == 1, err
		})
	}},
	{"detail", false, nil, func(w *world, by access.Actor, _ access.Purpose) ([]ident.Finding, error) {
		return each(func(id ident.Finding) (bool, error) {
			_, err := w.loop.FindingByID(w.t.Context(), noon, by, id)
			return found(err)
		})
	}},
	{"who answers and why", false, nil, func(w *world, by access.Actor, _ access.Purpose) ([]ident.Finding, error) {
		return each(func(id ident.Finding) (bool, error) {
			_, err := w.loop.Why(w.t.Context(), noon, by, id)
			return found(err)
		})
	}},
	{"file", true, func(f fact, a access.Actor) bool { return f.tlp == marking.Red }, func(w *world, by access.Actor, why access.Purpose) ([]ident.Finding, error) {
		x, err := w.loop.OpenExport(w.t.Context(), noon, by, loop.FindingQuery{Purpose: why}, "csv", 1000)
		if errors.Is(err, fault.Denied) {
			return nil, errNotFor
		}
		if err != nil {
			return nil, err
		}
		var out []ident.Finding
		return out, x.Each(w.t.Context(), func(rows []loop.FindingRow) error {
			out = append(out, numbers(rows)...)
			return nil
		})
	}},
	{"search", false, nil, func(w *world, by access.Actor, _ access.Purpose) ([]ident.Finding, error) {
		return each(func(id ident.Finding) (bool, error) {
			f, err := w.desk.Search(w.t.Context(), noon, by, address(id))
			return len(f.Findings) == 1 && f.Findings[0].ID == id, err
		})
	}},
	{"search by number", false, nil, func(w *world, by access.Actor, _ access.Purpose) ([]ident.Finding, error) {
		return each(func(id ident.Finding) (bool, error) {
			f, err := w.desk.Search(w.t.Context(), noon, by, fmt.Sprintf("#%d", id))
			return len(f.Findings) == 1 && f.Findings[0].ID == id, err
		})
	}},
	{"member's list", false, own, func(w *world, by access.Actor, _ access.Purpose) ([]ident.Finding, error) {
		p, err := w.exposure.List(w.t.Context(), noon, by, exposure.Query{}, 0, 1000)
		if p.Count != len(p.Rows) {
			return nil, fmt.Errorf("%d rows, counted %d", len(p.Rows), p.Count)
		}
		return numbersOf(p.Rows), missing(err)
	}},
	{"member's numbers", false, own, func(w *world, by access.Actor, _ access.Purpose) ([]ident.Finding, error) {
		ids, err := w.exposure.IDs(w.t.Context(), noon, by, exposure.Query{}, 1000)
		return ids, missing(err)
	}},
	{"member's choice", false, own, func(w *world, by access.Actor, _ access.Purpose) ([]ident.Finding, error) {
		rows, err := w.exposure.Some(w.t.Context(), noon, by, all())
		return numbersOf(rows), missing(err)
	}},
	{"member's file", false, own, func(w *world, by access.Actor, _ access.Purpose) ([]ident.Finding, error) {
		f, err := w.exposure.Export(w.t.Context(), noon, by, exposure.Query{}, 1000)
		if errors.Is(err, fault.Denied) {
			return nil, errNotFor
		}
		return numbersOf(f.Rows), missing(err)
	}},
}

// errNotFor says that a way is not for an actor at all.
var errNotFor = errors.New("not for this actor")

func missing(err error) error {
	if errors.Is(err, fault.NotFound) {
		return errNotFor
	}
	return err
}

func found(err error) (bool, error) {
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func all() []ident.Finding {
	var ids []ident.Finding
	for i := range facts {
		ids = append(ids, ident.Finding(i+1))
	}
	return ids
}

func each(f func(ident.Finding) (bool, error)) (out []ident.Finding, err error) {
	for _, id := range all() {
		ok, err := f(id)
		if err != nil {
			return nil, fmt.Errorf("finding %d (%s): %w", id, facts[id-1].name, err)
		}
		if ok {
			out = append(out, id)
		}
	}
	return out, nil
}

func numbers(rows []loop.FindingRow) (out []ident.Finding) {
	for i := range rows {
		out = append(out, rows[i].ID)
	}
	return out
}

func numbersOf(rows []exposure.Row) (out []ident.Finding) {
	for i := range rows {
		out = append(out, rows[i].ID)
	}
	return out
}

// named returns the findings by their names in the grid, sorted.
func named(ids []ident.Finding) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, facts[id-1].name)
	}
	slices.Sort(out)
	return out
}

// Every way to findings gives each actor what the grid says and nothing else.
func TestReachOfFindings(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		for column, a := range actors {
			for _, r := range reaches {
				if a.why != "" && !r.why {
					continue // the way reads for the actor's usual purpose, which has a column of its own
				}
				got, err := r.get(w, a.who, a.why)
				if errors.Is(err, errNotFor) {
					if err = nil; len(got) > 0 {
						t.Errorf("%s is refused, and gets %d findings: %s", a.name, len(got), r.name)
					}
					if a.name == "desk" && r.name == "file" || a.who.Member() && !a.who.Weak && r.omits != nil && r.name != "file" {
						t.Errorf("%s is refused: %s", a.name, r.name)
					}
				} else if want := named(expected(column, r)); err == nil && !cmp.Equal(want, named(got)) {
					t.Errorf("%s, %s (-want +got):\n%s", a.name, r.name, cmp.Diff(want, named(got)))
				}
				if err != nil {
					t.Errorf("%s, %s: %v", a.name, r.name, err)
				}
			}
		}
	})
}

// expected reads a column of the grid.
func expected(column int, r reach) (out []ident.Finding) {
	for i, f := range facts {
		if len(f.reads) != len(actors) {
			panic(fmt.Sprintf("%s has %d cells, there are %d actors", f.name, len(f.reads), len(actors)))
		}
		if f.reads[column] == 'x' && (r.omits == nil || !r.omits(f, actors[column].who)) {
			out = append(out, ident.Finding(i+1))
		}
	}
	return out
}

// Numbers are counted over what the actor may read: the API's, a member's overview, a party's picture. What is under an
// embargo is in no picture.
func TestReachOfCounts(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		ctx := t.Context()
		for column, a := range actors {
			if a.why != "" {
				continue
			}
			may := expected(column, reach{})
			_, n, err := w.programs.Counts(ctx, noon, a.who)
			if err != nil || n != len(may) {
				t.Errorf("%s: the API counts %d of %d: %v", a.name, n, len(may), err)
			}
			mine := expected(column, reach{omits: own})
			o, err := w.exposure.Overview(ctx, noon, a.who)
			if missing(err) != nil && !errors.Is(missing(err), errNotFor) || exposure.Total(o.Open) != len(mine) && a.who.Member() {
				t.Errorf("%s: the overview counts %d of %d: %v", a.name, exposure.Total(o.Open), len(mine), err)
			}
			sit, err := w.picture.Desk(ctx, noon, a.who, picture.Window{})
			if column == 0 {
				if err != nil {
					t.Errorf("the desk's picture: %v", err)
				}
				continue
			}
			if sit != nil || !errors.Is(err, fault.Denied) {
				t.Errorf("%s sees the desk's picture: %v", a.name, err)
			}
		}
	})
}

// trials are acts on a finding; whoever may not read it is told that it is not there, or that they may not, and nothing
// is written.
var trials = map[string]func(w *world, by access.Actor, id ident.Finding) error{
	"raise": func(w *world, by access.Actor, id ident.Finding) error {
		return w.loop.Raise(w.t.Context(), noon, by, id, marking.Red, "x")
	},
	"lower": func(w *world, by access.Actor, id ident.Finding) error {
		return w.loop.Lower(w.t.Context(), noon, by, "person:other", id, marking.Clear, "x")
	},
	"embargo": func(w *world, by access.Actor, id ident.Finding) error {
		return w.loop.Embargo(w.t.Context(), noon, by, id, noon.Add(48*time.Hour), "x")
	},
	"lift": func(w *world, by access.Actor, id ident.Finding) error {
		return w.loop.LiftEmbargo(w.t.Context(), noon, by, "person:other", id, "x")
	},
	"share": func(w *world, by access.Actor, id ident.Finding) error {
		return w.loop.Share(w.t.Context(), noon, by, id, "party:bank", time.Time{}, "x")
	},
	"unshare": func(w *world, by access.Actor, id ident.Finding) error {
		return w.loop.Unshare(w.t.Context(), noon, by, id, "shr_1", "x")
	},
	"attribute": func(w *world, by access.Actor, id ident.Finding) error {
		return w.loop.AttributeByHand(w.t.Context(), noon, by, id, "bank", "x")
	},
	"look": func(w *world, by access.Actor, id ident.Finding) error {
		return w.loop.LookAtFinding(w.t.Context(), noon, by, id, "triage")
	},
	"raw rows": func(w *world, by access.Actor, id ident.Finding) error {
		_, err := w.loop.RawRows(w.t.Context(), noon, by, id)
		return err
	},
	"first event": func(w *world, by access.Actor, id ident.Finding) error {
		_, err := w.loop.FirstEvent(w.t.Context(), noon, by, id)
		return err
	},
}

func TestActsWithoutReach(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		tried := 0
		for column, a := range actors {
			if a.why != "" {
				continue
			}
			for i, f := range facts {
				if f.reads[column] == 'x' {
					continue
				}
				for name, try := range trials {
					before := w.entries()
					err := try(w, a.who, ident.Finding(i+1))
					if !errors.Is(err, fault.NotFound) && !errors.Is(err, fault.Denied) {
						t.Errorf("%s, %s, %s: %v", a.name, f.name, name, err)
					}
					if n := w.entries(); n != before {
						t.Errorf("%s, %s, %s: %d entries were written", a.name, f.name, name, n-before)
					}
					tried++
				}
			}
		}
		t.Logf("%d acts were tried", tried)
	})
}

// A member answers for their own findings that they may read, and for no other: by their page, and by the link of a
// notice that does not tell of it.
func TestAnswersWithoutReach(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		ctx := t.Context()
		for _, a := range []struct {
			column int
			who    access.Actor
		}{{4, wang}, {6, li}} {
			got, err := w.loop.AnswerAs(ctx, noon, a.who, all(), loop.AnswerFixed, loop.Particulars{})
			if err != nil {
				t.Fatal(err)
			}
			var took []ident.Finding
			for _, r := range got.Results {
				if r.Problem == nil {
					took = append(took, r.Finding)
				}
			}
			if want := named(expected(a.column, reach{omits: own})); !cmp.Equal(want, named(took)) {
				t.Errorf("%s answered (-want +got):\n%s", a.who.ID, cmp.Diff(want, named(took)))
			}
		}
	})
}

// notices are of both parties; the hospital's tells of its first finding.
func (w *world) notices() {
	w.t.Helper()
	w.keep(func(ctx context.Context, tx *store.Tx) error {
		var err error
		for _, n := range []struct {
			id  ident.Notice
			of  ident.Party
			tlp marking.TLP
			f   ident.Finding
		}{{"ntc_green", "hospital", marking.Green, 1}, {"ntc_strict", "hospital", marking.AmberStrict, 4}, {"ntc_bank", "bank", marking.Green, 16}} {
			err = errors.Join(err, tx.InsertNotice(ctx, &notice.Notice{
				ID: n.id, Party: n.of, Contact: "h", Language: "en", Kind: notice.Digest, Class: notice.Unclassified, State: notice.Sent,
				Created: noon.Add(-time.Hour), Sent: noon.Add(-time.Hour), TLP: n.tlp,
			}, []ident.Finding{n.f}))
		}
		return err
	})
}

// Notices are read by the desk and by the party that they are to, in lists, one by one and by search.
func TestReachOfNotices(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.notices()
		ctx := t.Context()
		every := []ident.Notice{"ntc_bank", "ntc_green", "ntc_strict"}
		want := map[string][]ident.Notice{"desk": every, "hospital": {"ntc_green", "ntc_strict"}, "bank": {"ntc_bank"}}
		for _, a := range actors {
			if a.why != "" {
				continue
			}
			rows, err := w.loop.Notices(ctx, noon, a.who, loop.NoticeQuery{}, loop.NoticeCursor{}, 100)
			if err != nil {
				t.Fatal(err)
			}
			var listed, opened, searched []ident.Notice
			for _, r := range rows {
				listed = append(listed, r.ID)
			}
			slices.Sort(listed)
			for _, id := range every {
				if _, err := w.loop.NoticeByID(ctx, noon, a.who, id); err == nil {
					opened = append(opened, id)
				} else if !errors.Is(err, fault.NotFound) {
					t.Errorf("%s, %s: %v", a.name, id, err)
				}
				if f, err := w.desk.Search(ctx, noon, a.who, string(id)); err != nil || f.Notice != nil {
					searched = append(searched, id)
				}
				if _, err := w.loop.NoticeMail(ctx, noon, a.who, id); !errors.Is(err, fault.NotFound) && !errors.Is(err, loop.ErrLook) {
					t.Errorf("%s, mail of %s without a reason: %v", a.name, id, err)
				}
				err := w.loop.LookAtNotice(ctx, noon, a.who, id, "triage")
				if looks := err == nil; looks != (a.name == "desk") {
					t.Errorf("%s looks at %s: %v", a.name, id, err)
				}
			}
			for way, got := range map[string][]ident.Notice{"list": listed, "detail": opened, "search": searched} {
				if !slices.Equal(got, want[a.name]) {
					t.Errorf("%s, %s: %v, want %v", a.name, way, got, want[a.name])
				}
			}
		}
	})
}

// A link speaks for one notice: another party's findings and notices, a link of another key and one that is over get
// nothing.
func TestReachOfLinks(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.notices()
		ctx := t.Context()
		link := notice.Link(key, "ntc_green", noon.Add(time.Hour))
		got, err := w.loop.Answer(ctx, noon, link, all(), loop.AnswerAcknowledge, loop.Particulars{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got.Results {
			if (r.Problem == nil) != (r.Finding == 1) || r.Problem != nil && !errors.Is(r.Problem, fault.Denied) {
				t.Errorf("finding %d (%s): %v", r.Finding, facts[r.Finding-1].name, r.Problem)
			}
		}
		page, err := w.loop.NoticeByToken(ctx, noon, link)
		if err != nil || len(page.Items) != 1 {
			t.Errorf("the page of a link has %d findings: %v", len(page.Items), err)
		}
		for name, c := range map[string]struct {
			token string
			at    time.Time
			kind  error
		}{
			"of another key":      {notice.Link([]byte("another key of thirty-two bytes."), "ntc_green", noon.Add(time.Hour)), noon, fault.Denied},
			"that is over":        {link, noon.Add(time.Hour + time.Second), fault.Expired},
			"cut off":             {link[:len(link)-2], noon, fault.Denied},
			"of a missing notice": {notice.Link(key, "ntc_none", noon.Add(time.Hour)), noon, fault.NotFound},
		} {
			if _, err := w.loop.NoticeByToken(ctx, c.at, c.token); !errors.Is(err, c.kind) {
				t.Errorf("the page of a link %s: %v", name, err)
			}
			if _, err := w.loop.Answer(ctx, c.at, c.token, all(), loop.AnswerFixed, loop.Particulars{}); !errors.Is(err, c.kind) {
				t.Errorf("an answer by a link %s: %v", name, err)
			}
		}
	})
}

// The register and the desk's queue are the desk's: nobody else learns who is in them, or how much waits.
func TestReachOfRegister(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		ctx := t.Context()
		w.keep(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Enqueue(ctx, store.QueueItem{Kind: "signal.unread", Object: "signal:1", Severity: event.High, Created: noon.Add(-time.Hour)})
			return err
		})
		for _, a := range actors {
			if a.why != "" {
				continue
			}
			desk := a.name == "desk"
			want := 0
			if desk {
				want = 1
			}
			if list, err := w.desk.Choices(ctx, noon, a.who); err != nil || len(list) != 4*want {
				t.Errorf("%s chooses from %d parties: %v", a.name, len(list), err)
			}
			if p, err := w.desk.Called(ctx, noon, a.who, "Town Bank"); (err == nil) != desk || desk && p.ID != "bank" || !desk && !errors.Is(err, fault.NotFound) {
				t.Errorf("%s calls the bank: %+v, %v", a.name, p, err)
			}
			if f, err := w.desk.Search(ctx, noon, a.who, "Town Bank"); err != nil || len(f.Parties) != want {
				t.Errorf("%s finds %d parties: %v", a.name, len(f.Parties), err)
			}
			rows, _, err := w.desk.Parties(ctx, noon, a.who, triage.PartyQuery{}, triage.PartyCursor{}, 100)
			if refused(err) != nil || len(rows) != 4*want {
				t.Errorf("%s lists %d parties: %v", a.name, len(rows), err)
			}
			waits, err := w.desk.Waiting(ctx, noon, a.who)
			if refused(err) != nil || waits[promise.Orphan].N != want || (waits.Sum().N > want) != desk {
				t.Errorf("%s sees waiting %+v: %v", a.name, waits, err)
			}
			queue, err := w.desk.Queue(ctx, noon, a.who, triage.Query{}, 100)
			if refused(err) != nil || (len(queue.Rows) > 0) != desk {
				t.Errorf("%s sees %d rows of the queue: %v", a.name, len(queue.Rows), err)
			}
			n, _, err := w.programs.Counts(ctx, noon, a.who)
			if err != nil || (n > 0) != desk {
				t.Errorf("%s counts %d in the queue: %v", a.name, n, err)
			}
		}
	})
}

// refused passes over the error of somebody for whom a way is not.
func refused(err error) error {
	if errors.Is(err, fault.NotFound) || errors.Is(err, fault.Denied) {
		return nil
	}
	return err
}

// A member's lists keep to what was asked for, to the number, over more than one page.
func TestReachOfChoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.SQLite(t))
	ctx := t.Context()
	whole, err := w.exposure.IDs(ctx, noon, wang, exposure.Query{}, 1000)
	if err != nil || len(whole) < 5 {
		t.Fatal(whole, err)
	}
	for _, limit := range []int{0, 1, 4, len(whole), len(whole) + 1} {
		ids, err := w.exposure.IDs(ctx, noon, wang, exposure.Query{}, limit)
		if err != nil || !slices.Equal(ids, whole[:min(limit, len(whole))]) {
			t.Errorf("%d of %v are %v: %v", limit, whole, ids, err)
		}
	}
	file, err := w.exposure.Export(ctx, noon, wang, exposure.Query{}, 1000)
	if err != nil || file.Cut || len(file.Rows)+file.Withheld != len(whole) {
		t.Fatalf("%+v, %v", file, err)
	}
	newest := slices.IndexFunc(whole, func(id ident.Finding) bool { return id == file.Rows[0].ID })
	for _, limit := range []int{newest + 1, len(whole) - 1, len(whole)} {
		f, err := w.exposure.Export(ctx, noon, wang, exposure.Query{}, limit)
		if err != nil || f.Cut != (limit < len(whole)) || len(f.Rows)+f.Withheld != limit || f.Rows[0].ID != file.Rows[0].ID ||
			!slices.IsSortedFunc(f.Rows, func(a, b exposure.Row) int { return int(b.ID - a.ID) }) {
			t.Errorf("a file of %d: %v, %d withheld, cut %t: %v", limit, numbersOf(f.Rows), f.Withheld, f.Cut, err)
		}
	}
	for severity, want := range map[event.Severity]int{event.High: len(whole), event.Info: 0, event.Critical: 0} {
		n, err := w.exposure.Count(ctx, noon, wang, exposure.Query{Severity: &severity})
		ids, err2 := w.exposure.IDs(ctx, noon, wang, exposure.Query{Severity: &severity}, 1000)
		if err != nil || err2 != nil || n != want || len(ids) != want {
			t.Errorf("%s: %d, %v: %v, %v", severity, n, ids, err, err2)
		}
	}
	if rows, err := w.exposure.Some(ctx, noon, wang, []ident.Finding{whole[0], 16, 999}); err != nil || len(rows) != 1 || rows[0].ID != whole[0] || rows[0].Explain == nil {
		t.Errorf("one of its own, the bank's and one that is not there: %+v, %v", rows, err)
	}
	for text, want := range map[string]int{"192.0.2.0/24": 20, "192.0.2.100/30": 3, "192.0.2.0/25": 20, "192.0.2.200/32": 0, "192.0.2.101:23": 1, "192.0.2.101:24": 0, "198.51.100.0/24": 0} {
		f, err := w.desk.Search(ctx, noon, ada, text)
		if may := len(expected(0, reach{})); err != nil || len(f.Findings) > want || want == 20 && len(f.Findings) == 0 || want < 20 && len(f.Findings) != want {
			t.Errorf("%s finds %d of %d that ada may read: %v", text, len(f.Findings), may, err)
		}
	}
	if rows, err := w.exposure.Some(ctx, noon, wang, nil); err != nil || len(rows) != 0 {
		t.Errorf("nothing asked for: %+v, %v", rows, err)
	}
}
