package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/act/register"
	"tocsin/internal/asset"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// newRegister is the operations on what parties say of themselves, as the worlds of these tests have them.
func newRegister(s *store.Store, m register.Mailer) *register.Register {
	return register.New(s, register.Settings{
		Sender: notice.Sender{Name: "CSIRT Anhe", NameZH: "安河应急中心", Mail: "csirt@anhe.example"}, BaseURL: "https://tocsin.example",
		MailDomain: "anhe.example", Key: trustKey, Server: "mail.anhe.example",
	}, m)
}

// memberCalls are well-formed calls of the members' routes and of the desk's confirmation, about things of party alpha.
var memberCalls = map[string]func(w *trustWorld, c *caller) request{
	"GET /c/{token}":  func(w *trustWorld, _ *caller) request { return at("/c/" + w.proofOf(alpha)) },
	"POST /c/{token}": func(w *trustWorld, _ *caller) request { return send("/c/"+w.proofOf(alpha), nil) },
	"POST /my/exposure": func(w *trustWorld, _ *caller) request {
		return send("/my/exposure", w.answer(alpha))
	},
	"GET /my/exposure/{id}": func(w *trustWorld, _ *caller) request {
		return at("/my/exposure/" + w.one(0, "select id from finding where party_id = 'alpha' and identifier = 'open-plain' order by id"))
	},
	"GET /my/notices/{id}":   func(w *trustWorld, _ *caller) request { return at("/my/notices/" + w.notice(alpha)) },
	"GET /my/systems/change": func(*trustWorld, *caller) request { return at("/my/systems/change?what=resource") },
	"POST /my/systems/change": func(w *trustWorld, _ *caller) request {
		w.used["claim"]++
		return send("/my/systems/change", url.Values{"what": {"resource"}, "kind": {"prefix"}, "value": {fmt.Sprintf("203.0.%d.0/24", w.used["claim"])}})
	},
	"POST /my/systems/withdraw": func(w *trustWorld, _ *caller) request {
		return send("/my/systems/withdraw", url.Values{"id": {w.claimed(alpha)}})
	},
	"POST /my/contacts": func(w *trustWorld, _ *caller) request {
		w.used["contact"]++
		return send("/my/contacts", url.Values{
			"do": {"save"}, "id": {"c-alpha"}, "role": {"security"}, "name": {fmt.Sprintf("Desk %d", w.used["contact"])}, "mail": {canary("alpha", "own", "contactmail") + "@mail.example"},
		})
	},
	"POST /my/settings": func(*trustWorld, *caller) request {
		return send("/my/settings", url.Values{"language": {"en"}, "urgent": {"0"}, "weekday": {"0"}, "hour": {"0"}})
	},
	"GET /desk/changes/{id}": func(w *trustWorld, _ *caller) request { return at("/desk/changes/" + w.claimed(alpha)) },
	"POST /desk/changes/{id}": func(w *trustWorld, _ *caller) request {
		return send("/desk/changes/"+w.claimed(alpha), url.Values{"do": {"confirm"}})
	},
}

// claimed is a change that a party proposed and nobody has decided about.
func (w *trustWorld) claimed(of ident.Party) string {
	w.t.Helper()
	w.used["claimed"]++
	who := map[ident.Party]ident.Person{alpha: "per_answerer", beta: "per_other_party"}[of]
	by, err := w.staff.ActorOf(w.t.Context(), w.now, who)
	w.must(err)
	q, err := w.register.Propose(w.t.Context(), w.now, by, register.Wish{
		What: party.OfResource, After: party.Entry{Kind: "domain", Value: fmt.Sprintf("%s-%d.example", of, w.used["claimed"])},
	})
	w.must(err)
	return q.ID
}

// proofOf is the link that proves a new contact of a party.
func (w *trustWorld) proofOf(of ident.Party) string {
	w.t.Helper()
	w.used["proof"]++
	mail := fmt.Sprintf("new-%d@mail.example", w.used["proof"])
	c := party.Contact{ID: ident.New("con"), Role: party.Abuse, Mail: mail, Own: true, Unproved: true}
	w.must(w.db.Keep(w.t.Context(), func(tx *store.Tx) error {
		p, err := tx.PartyByID(w.t.Context(), of)
		if err != nil {
			return err
		}
		p.Contacts = append(p.Contacts, c)
		return tx.PutParty(w.t.Context(), w.now, p)
	}))
	return notice.ProofLink(trustKey, c.ID, mail, w.now.Add(time.Hour))
}

// A member answers a page of findings after a look at what the answer would do; the preview changes nothing.
func TestAnswerExposure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	member := w.signedIn("city-hospital", "en")
	id := member.first("/my/exposure?state=notified", `name="finding" value="(\d+)"`)
	r := member.post("/my/exposure?state=notified", url.Values{"finding": {id}, "answer": {"accept_risk"}, "reason": {"until the move"}, "until": {"2027-01-31"}, "do": {"preview"}})
	if body := r.Body.String(); r.Code != http.StatusOK || !strings.Contains(body, "The risk of one finding would be accepted.") || !strings.Contains(body, `value="2027-01-31"`) || !strings.Contains(body, "checked") {
		t.Fatalf("preview: %d\n%s", r.Code, body)
	}
	if body := member.ok("/my/exposure/" + id); !strings.Contains(body, "state-notified") {
		t.Error("the preview changed something")
	}
	r = member.post("/my/exposure?state=notified", url.Values{"finding": {id}, "quick": {"fixed"}})
	if to := r.Header().Get("Location"); r.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/my/exposure?state=notified&said=fixed&took=1") && !strings.Contains(to, "took=1") {
		t.Fatalf("fixed: %d to %s", r.Code, to)
	}
	if body := member.ok(r.Header().Get("Location")); !strings.Contains(body, "need not be") {
		t.Error("the page does not say what can be done about a wrong answer")
	}
	if body := member.ok("/my/exposure/" + id); !strings.Contains(body, "state-claimed_fixed") {
		t.Error("the finding is not said to be fixed")
	}
	if r := member.post("/my/exposure", url.Values{"quick": {"fixed"}}); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), `role="alert"`) {
		t.Errorf("nothing ticked: %d", r.Code)
	}
}

// The numbers on the first page are those of the lists that they lead to.
func TestTodayCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	member := w.signedIn("city-hospital", "en")
	body := member.ok("/my")
	n := 0
	for _, part := range strings.Split(body, `<li><a href="/my/exposure?`)[1:] {
		link, rest, _ := strings.Cut(part, `"><b>`)
		count, _, ok := strings.Cut(rest, "</b>")
		if !ok {
			continue
		}
		n++
		list := member.ok("/my/exposure?" + strings.ReplaceAll(link, "&amp;", "&"))
		if want := count + " finding"; !strings.Contains(list, want) && !(count == "1" && strings.Contains(list, "One finding is like that")) {
			t.Errorf("%s counts %s, and its list does not", link, count)
		}
	}
	if n < 2 {
		t.Errorf("only %d numbers on the page", n)
	}
}

// A claim goes from the member to the desk and back: preview, proposal, confirmation, and the register has it.
func TestClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	member, ada := w.signedIn("city-hospital", "en"), w.signedIn(ident.Authority, "en")
	form := url.Values{"what": {"resource"}, "kind": {"prefix"}, "value": {"203.0.113.0/24"}, "reason": {"assigned by <b>us</b>"}}
	preview := url.Values{"do": {"preview"}}
	maps.Copy(preview, form)
	if r := member.post("/my/systems/change", preview); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "<ins>203.0.113.0/24</ins>") {
		t.Fatalf("preview: %d\n%s", r.Code, r.Body)
	}
	bad := url.Values{"what": {"resource"}, "kind": {"prefix"}, "value": {"203.0.113.1/24"}}
	if r := member.post("/my/systems/change", bad); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), "203.0.113.0/24") {
		t.Errorf("a mistake: %d", r.Code)
	}
	r := member.post("/my/systems/change", form)
	if r.Code != http.StatusSeeOther {
		t.Fatalf("propose: %d\n%s", r.Code, r.Body)
	}
	if body := member.ok(r.Header().Get("Location")); !strings.Contains(body, "The authority has it") || !strings.Contains(body, "203.0.113.0/24") {
		t.Error("the party does not see its change")
	}
	id := ada.first("/desk/changes", `href="(/desk/changes/chg_[a-z0-9]+)"`)
	if body := ada.ok(id); !strings.Contains(body, "assigned by &lt;b&gt;us&lt;/b&gt;") || !strings.Contains(body, "Nobody claims it now") {
		t.Error("the desk does not see what is asked and who answers now")
	}
	if r := ada.post(id, url.Values{"do": {"refuse"}}); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), "Please say why") {
		t.Errorf("refused without a reason: %d", r.Code)
	}
	if r := ada.post(id, url.Values{"do": {"confirm"}}); r.Code != http.StatusSeeOther {
		t.Fatalf("confirm: %d\n%s", r.Code, r.Body)
	}
	if body := member.ok("/my/systems"); !strings.Contains(body, "203.0.113.0/24") || !strings.Contains(body, "change-confirmed") {
		t.Error("the register does not have it")
	}
	due, err := w.loop.ReattributeDue(t.Context(), w.now)
	if err != nil || !due {
		t.Errorf("the findings are not to be attributed anew: %v", err)
	}
}

// Names of 200 characters and right-to-left text neither break pages nor run as markup, in both languages.
func TestHugeNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := strings.Repeat("שלום<b>", 25)
	w.must(wideParty(w, long))
	for _, language := range []string{"en", "zh"} {
		member := w.signedIn("wide", language)
		for _, path := range []string{"/my", "/my/exposure", "/my/exposure?by=problem", "/my/systems", "/my/systems/change?what=system&id=sys_wide", "/my/contacts", "/my/contacts/edit?id=con_wide", "/my/settings", "/my/notices"} {
			checkPage(t, member, path, language)
			if strings.Contains(member.ok(path), "<b>של") {
				t.Errorf("%s runs what somebody is called", path)
			}
		}
	}
}

func wideParty(w *world, long string) error {
	_, err := w.loop.ImportParties(w.t.Context(), w.now, operator, []party.Party{{
		ID: "wide", Name: long, Kind: "institution", Language: "zh", Rank: 100,
		Contacts:  []party.Contact{{ID: "con_wide", Role: party.Security, Name: long, Mail: "wide@wide.example"}},
		Systems:   []party.System{{ID: "sys_wide", Name: long, Asset: asset.Asset{Kind: asset.Domain, Value: strings.Repeat("a", 60) + ".example"}, Products: []string{long}}},
		Resources: []party.Resource{{ID: "res_wide", Kind: party.Domain, Value: strings.Repeat("b", 60) + ".example", Source: party.Manual}},
	}}, nil)
	return err
}
