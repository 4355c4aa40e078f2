package api_test

import (
	"testing"

	"tocsin/internal/act/program"
	"tocsin/internal/api"
	"tocsin/internal/ident"
	"tocsin/internal/store"
	"tocsin/internal/webhook"
)

// Whoever manages the access of an organisation reads who is there and sees to webhooks; deciding about either is for the
// pages.
func TestOffice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := into[api.Organisation](w, w.call(w.hospital, "GET", "/api/v1/people", ""), 200)
	if own.Party != "hospital" || len(own.People) != 1 || len(own.People[0].Holds) != 1 || own.People[0].State != "waiting" || len(own.Posts) == 0 {
		t.Fatalf("%+v", own)
	}
	other := into[api.Organisation](w, w.call(w.desk, "GET", "/api/v1/people?party=hospital", ""), 200)
	one := into[api.PersonDetail](w, w.call(w.desk, "GET", "/api/v1/people/"+other.People[0].ID, ""), 200)
	if one.Party != "hospital" || len(one.Tokens) != 1 || one.Person.Mail == "" {
		t.Errorf("%+v", one)
	}
	if got := w.call(w.bank, "GET", "/api/v1/people/"+other.People[0].ID, ""); got.Code != 404 {
		t.Errorf("another organisation reads: %d", got.Code)
	}
	if got := w.call(w.bank, "GET", "/api/v1/people?party=hospital", ""); got.Code != 403 {
		t.Errorf("another organisation reads: %d", got.Code)
	}
	who, err := w.config.Staff.PersonByMail(t.Context(), "first@hospital.example")
	if err != nil {
		t.Fatal(err)
	}
	by, err := w.config.Staff.ActorOf(t.Context(), noon, who.ID)
	if err != nil {
		t.Fatal(err)
	}
	by.Proved = noon
	hook, _, err := w.config.Programs.MakeWebhook(t.Context(), noon, by, program.Order{Label: "soc", URL: "https://soc.example/a-key", Acts: []string{"notice.send"}})
	if err != nil {
		t.Fatal(err)
	}
	at := "/api/v1/webhooks/" + hook.ID
	if got := w.call(w.hospital, "POST", at+"/test", ""); got.Code != 204 {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	list := into[api.Webhooks](w, w.call(w.hospital, "GET", "/api/v1/webhooks", ""), 200).Webhooks
	if len(list) != 1 || list[0].Host != "https://soc.example" || len(list[0].Deliveries) != 1 || !list[0].Deliveries[0].Test {
		t.Fatalf("%+v", list)
	}
	retry := at + "/deliveries/" + list[0].Deliveries[0].ID + "/retry"
	if got := w.call(w.hospital, "POST", retry, ""); got.Code != 409 {
		t.Errorf("a delivery that waits is tried again: %d %s", got.Code, got.Body)
	}
	err = w.store.Keep(t.Context(), func(tx *store.Tx) error {
		d, err := tx.WebhookDelivery(t.Context(), list[0].Deliveries[0].ID)
		if err != nil {
			return err
		}
		d.State = webhook.Dead
		return tx.PutWebhookDelivery(t.Context(), d)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.call(w.hospital, "POST", retry, ""); got.Code != 204 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.call(w.bank, "POST", at+"/end", ""); got.Code != 404 {
		t.Errorf("another organisation ends it: %d", got.Code)
	}
	if got := w.call(w.hospital, "POST", at+"/end", ""); got.Code != 204 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.call(w.person("hospital", "read"), "GET", "/api/v1/webhooks", ""); got.Code != 403 {
		t.Errorf("without the scope: %d", got.Code)
	}
}

// Whoever proposed something takes it back, and nobody else does.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := into[api.Proposal](w, w.call(w.desk, "POST", "/api/v1/proposals",
		`{"act":"finding.lower","object":"finding:1","particulars":"{\"tlp\":\"TLP:CLEAR\"}","reason":"over"}`), 201)
	at := "/api/v1/proposals/" + p.ID
	if one := into[api.Proposal](w, w.call(w.desk, "GET", at, ""), 200); one.State != "open" || one.ID != p.ID {
		t.Errorf("%+v", one)
	}
	for token, want := range map[string]int{w.hospital: 403, w.person(ident.Authority, "read"): 403} {
		if got := w.call(token, "POST", at+"/withdraw", ""); got.Code != want {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
	if one := into[api.Proposal](w, w.call(w.desk, "POST", at+"/withdraw", ""), 200); one.State != "withdrawn" {
		t.Errorf("%+v", one)
	}
	if got := w.call(w.desk, "POST", at+"/withdraw", ""); got.Code != 409 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.call(w.desk, "GET", "/api/v1/proposals/prp_none", ""); got.Code != 404 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
