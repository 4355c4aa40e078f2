package api_test

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/api/register"
)

// A party asks for changes, the desk decides; what lowers nothing is done at once; nobody sees another's.
func TestChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wish := `{"what":"resource","entry":{"kind":"prefix","value":"198.51.100.0/24"},"reason":"bought"}`
	if d := into[register.Draft](w, w.call(w.hospital, "POST", "/api/v1/changes/draft", wish), 200); d.AtOnce || d.Change.Do != "added" {
		t.Errorf("%+v", d)
	}
	c := into[register.Change](w, w.call(w.hospital, "POST", "/api/v1/changes", wish), 201)
	if c.State != "proposed" || c.After.Value != "198.51.100.0/24" || c.Before != nil {
		t.Fatalf("%+v", c)
	}
	at := "/api/v1/changes/" + c.ID
	for token, want := range map[string]int{w.hospital: 1, w.bank: 0, w.desk: 1} {
		if list := into[register.Changes](w, w.call(token, "GET", "/api/v1/changes?state=proposed", ""), 200).Changes; len(list) != want {
			t.Errorf("%+v, want %d", list, want)
		}
	}
	if got := w.call(w.bank, "GET", at, ""); got.Code != 404 {
		t.Errorf("another party reads it: %d", got.Code)
	}
	if got := w.call(w.hospital, "POST", at+"/confirm", ""); got.Code != 403 {
		t.Errorf("a party confirms: %d", got.Code)
	}
	if got := w.call(w.desk, "POST", at+"/withdraw", ""); got.Code != 403 {
		t.Errorf("the desk withdraws: %d", got.Code)
	}
	if done := into[register.Change](w, w.call(w.desk, "POST", at+"/confirm", ""), 200); done.State != "confirmed" {
		t.Errorf("%+v", done)
	}
	if seen := into[register.Change](w, w.call(w.hospital, "GET", at, ""), 200); seen.DecidedBy != "person" || seen.State != "confirmed" {
		t.Errorf("a party reads who at the desk decided: %+v", seen)
	}
	p := into[api.Party](w, w.call(w.hospital, "GET", "/api/v1/parties/hospital", ""), 200)
	if len(p.Resources) != 2 {
		t.Fatalf("%+v", p.Resources)
	}
	gone := into[register.Change](w, w.call(w.hospital, "POST", "/api/v1/changes", fmt.Sprintf(`{"what":"resource","target":%q,"end":true}`, p.Resources[1].ID)), 201)
	if refused := into[register.Change](w, w.call(w.desk, "POST", "/api/v1/changes/"+gone.ID+"/refuse", `{"reason":"still routed"}`), 200); refused.Decision != "still routed" {
		t.Errorf("%+v", refused)
	}
	back := into[register.Change](w, w.call(w.hospital, "POST", "/api/v1/changes", strings.Replace(wish, "198.51.100.0/24", "203.0.113.0/24", 1)), 201)
	if got := into[register.Change](w, w.call(w.hospital, "POST", "/api/v1/changes/"+back.ID+"/withdraw", ""), 200); got.State != "withdrawn" {
		t.Errorf("%+v", got)
	}
	named := into[register.Change](w, w.call(w.hospital, "POST", "/api/v1/changes", `{"what":"system","entry":{"name":"Appointments","products":["X"]}}`), 201)
	if named.State != "confirmed" {
		t.Errorf("%+v", named)
	}
	page := into[register.Changes](w, w.call(w.hospital, "GET", "/api/v1/changes?limit=3", ""), 200)
	rest := into[register.Changes](w, w.call(w.hospital, "GET", "/api/v1/changes?limit=3&cursor="+page.Next, ""), 200)
	if len(page.Changes) != 3 || len(rest.Changes) != 1 || rest.Next != "" {
		t.Errorf("%d and %d", len(page.Changes), len(rest.Changes))
	}
	for body, field := range map[string]string{
		`{"what":"resource","entry":{"kind":"prefix","value":"nonsense"}}`: "entry.value",
		`{"what":"resource","end":true}`:                                   "target",
		`{"what":"resource"}`:                                              "entry",
		`{"what":"system","entry":{"kind":"domain","value":"x.example"}}`:  "entry.name",
		`{"what":"house","entry":{"name":"x"}}`:                            "what",
	} {
		got := w.call(w.hospital, "POST", "/api/v1/changes", body)
		p := into[struct{ Errors []struct{ Field string } }](w, got, 422)
		if len(p.Errors) != 1 || p.Errors[0].Field != field {
			t.Errorf("%s: %s, want %s", body, got.Body, field)
		}
	}
}

// A party sees to its contacts and its rhythm.
func TestContactsAndRhythm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := into[register.Contacts](w, w.call(w.hospital, "GET", "/api/v1/contacts", ""), 200)
	if len(list.Contacts) != 1 || !list.Contacts[0].Told || !list.Sends {
		t.Fatalf("%+v", list)
	}
	first := "/api/v1/contacts/" + list.Contacts[0].ID
	if got := w.call(w.hospital, "POST", first+"/end", ""); got.Code != 409 {
		t.Errorf("the last contact goes: %d %s", got.Code, got.Body)
	}
	fresh := into[register.OwnContact](w, w.call(w.hospital, "POST", "/api/v1/contacts", `{"role":"backup","name":"Wu","mail":"wu@hospital.example"}`), 201)
	if !fresh.Unproved || fresh.Told || fresh.Last == nil || fresh.Last.State != "waiting" {
		t.Errorf("%+v", fresh)
	}
	if got := w.call(w.hospital, "POST", "/api/v1/contacts", `{"role":"backup","mail":"wu@hospital.example"}`); got.Code != 409 {
		t.Errorf("a contact twice: %d %s", got.Code, got.Body)
	}
	at := "/api/v1/contacts/" + fresh.ID
	for range 4 {
		into[register.OwnContact](w, w.call(w.hospital, "POST", at+"/ask", ""), 200)
	}
	if got := w.call(w.hospital, "POST", at+"/ask", ""); got.Code != 429 || got.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.Body)
	}
	into[register.OwnContact](w, w.call(w.hospital, "POST", first+"/test", ""), 200)
	if got := w.call(w.hospital, "POST", at+"/test", ""); got.Code != 409 {
		t.Errorf("a test to a contact that is not proved: %d", got.Code)
	}
	moved := into[register.OwnContact](w, w.call(w.hospital, "PUT", first, `{"role":"security","mail":"cert@hospital.example"}`), 200)
	if !moved.Unproved || moved.Replaces != list.Contacts[0].ID {
		t.Errorf("%+v", moved)
	}
	for body, want := range map[string]string{`{"key":"nonsense"}`: "key", `{"key":"x","al":true}`: "al"} {
		p := into[struct{ Errors []struct{ Field string } }](w, w.call(w.hospital, "PUT", first+"/key", body), 422)
		if len(p.Errors) != 1 || p.Errors[0].Field != want {
			t.Errorf("%s: %+v", body, p)
		}
	}
	if none := into[register.OwnContact](w, w.call(w.hospital, "PUT", first+"/key", `{"key":""}`), 200); none.Key != nil {
		t.Errorf("%+v", none)
	}
	if got := w.call(w.hospital, "POST", at+"/end", ""); got.Code != 204 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.call(w.bank, "POST", first+"/end", ""); got.Code != 404 {
		t.Errorf("another party's contact: %d", got.Code)
	}
	mail := into[struct{ Errors []struct{ Field string } }](w, w.call(w.hospital, "POST", "/api/v1/contacts", `{"role":"abuse","mail":"nowhere"}`), 422)
	if len(mail.Errors) != 1 || mail.Errors[0].Field != "mail" {
		t.Errorf("%+v", mail)
	}
	set := into[register.RhythmNow](w, w.call(w.hospital, "PUT", "/api/v1/rhythm", `{"language":"zh","urgent":"medium","hour":9,"weekday":1}`), 200)
	if want := (register.Rhythm{Language: "zh", Urgent: "medium", Hour: 9, Weekday: 1}); set.Rhythm != want {
		t.Errorf("%+v", set)
	}
	if now := into[register.RhythmNow](w, w.call(w.hospital, "GET", "/api/v1/rhythm", ""), 200); now != set || now.Urgent == "" {
		t.Errorf("%+v", now)
	}
}

// A party reads what it has open by what led to it, and narrows its findings to one system or resource.
func TestExposure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := into[api.Exposure](w, w.call(w.hospital, "GET", "/api/v1/exposure", ""), 200)
	if len(e.Groups) != 1 || e.Groups[0].Value != "192.0.2.0/25" || e.Groups[0].Count != 3 {
		t.Fatalf("%+v", e)
	}
	sum := int64(0)
	for _, n := range e.Open {
		sum += n
	}
	if sum != 3 {
		t.Errorf("%+v", e)
	}
	list := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/exposure/findings?matched=192.0.2.0/25&limit=2", ""), 200)
	rest := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/exposure/findings?matched=192.0.2.0/25&limit=2&cursor="+list.Next, ""), 200)
	if len(list.Findings) != 2 || len(rest.Findings) != 1 || rest.Next != "" {
		t.Errorf("%+v\n%+v", list, rest)
	}
	if none := into[api.Findings](w, w.call(w.bank, "GET", "/api/v1/exposure/findings?matched=192.0.2.0/25", ""), 200); len(none.Findings) != 0 {
		t.Errorf("%+v", none)
	}
	pic := into[api.PartyPicture](w, w.call(w.hospital, "GET", "/api/v1/parties/hospital/picture", ""), 200)
	if pic.Live["low"] != 3 || pic.Silence != nil || len(pic.Days) == 0 || pic.Days[len(pic.Days)-1].Live != 3 {
		t.Errorf("%+v", pic)
	}
	if got := w.call(w.bank, "GET", "/api/v1/parties/hospital/picture", ""); got.Code != 404 {
		t.Errorf("another party's picture: %d", got.Code)
	}
	if pic := into[api.PartyPicture](w, w.call(w.desk, "GET", "/api/v1/parties/hospital/picture", ""), 200); pic.Silence.Way != "untold" {
		t.Errorf("%+v", pic)
	}
	for _, path := range []string{"exposure", "exposure/findings", "contacts", "rhythm"} {
		if got := w.call(w.desk, "GET", "/api/v1/"+path, ""); got.Code != 403 {
			t.Errorf("the desk reads a member's %s: %d", path, got.Code)
		}
	}
}

// Why somebody answers for a finding is told to the desk.
func TestWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := into[api.Findings](w, w.call(w.hospital, "GET", "/api/v1/findings", ""), 200).Findings[0].ID
	at := fmt.Sprintf("/api/v1/findings/%d", id)
	into[api.Settled](w, w.call(w.desk, "POST", at+"/attribute", `{"party":"bank","reason":"x"}`), 200)
	why := into[api.Why](w, w.call(w.desk, "GET", at+"/why", ""), 200)
	if !why.ByHand || why.Agrees || why.Stored.Party != "bank" || why.Claims[0].Party != "hospital" || why.Claims[0].Matched != "192.0.2.0/25" {
		t.Errorf("%+v", why)
	}
	if got := w.call(w.bank, "GET", at+"/why", ""); got.Code != 403 {
		t.Errorf("a member reads it: %d", got.Code)
	}
}
