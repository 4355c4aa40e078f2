package web_test

import (
	"net/http"
	"strings"
	"testing"

	"tocsin/internal/access"
)

// step is what a good call of a route that changes something leaves in the ledger.
type step struct {
	role   string // who calls
	actor  string // as the entry names them
	post   string // of a person who needs a power; empty where none is needed
	act    string
	object string // how the entry's object begins
	exempt string // why it leaves nothing; then act is empty
}

const handler = "person:per_handler"

// walk has a step for every route that is not a GET.
var walk = map[string]step{
	"POST /sign-in":                      {role: "anonymous", actor: "person:per_answerer", act: "sign_in.open", object: "person:per_answerer"},
	"POST /verify":                       {exempt: "looks at a text and changes nothing"},
	"POST /sign-in/passkey":              {exempt: "asks the browser for a passkey: nothing is done before it answers"},
	"POST /sign-in/passkey/done":         {exempt: "needs an authenticator; the browser journeys sign in by one"},
	"POST /sign-in/{token}":              {role: "anonymous", actor: handler, act: "sign_in.open", object: handler},
	"POST /set-up/{token}":               {exempt: "opens only where nobody is yet: TestSetUpPages"},
	"POST /desk/people":                  {role: "administrator", actor: "person:per_administrator", post: "administrator", act: "person.invite", object: "person:per_"},
	"POST /desk/people/{id}":             {role: "administrator", actor: "person:per_administrator", post: "administrator", act: "person.mail", object: "person:per_"},
	"POST /my/people":                    {role: "party_admin", actor: "person:per_party_admin", post: "pst_admin", act: "person.invite", object: "person:per_"},
	"POST /my/people/{id}":               {role: "party_admin", actor: "person:per_party_admin", post: "pst_admin", act: "person.mail", object: "person:per_"},
	"POST /desk/proposals":               {role: "handler", actor: handler, post: "handler", act: "party.end.propose", object: "party:gone"},
	"POST /desk/proposals/{id}":          {role: "approver", actor: "person:per_approver", post: "approver", act: "proposal.refuse", object: "proposal:prp_"},
	"POST /account/tokens":               {role: "handler", actor: handler, act: "token.make", object: handler},
	"POST /account/tokens/{id}/end":      {role: "handler", actor: handler, act: "token.revoke", object: handler},
	"POST /sign-out":                     {role: "handler", actor: handler, act: "sign_in.close", object: handler},
	"POST /n/{token}":                    {role: "anonymous", actor: "party:alpha", act: "notice.answer", object: "notice:ntc_"},
	"POST /my/exposure":                  {role: "answerer", actor: "person:per_answerer", post: "pst_answerer", act: "notice.answer", object: "party:alpha"},
	"POST /my/systems/change":            {role: "answerer", actor: "person:per_answerer", post: "pst_answerer", act: "change.propose", object: "change:chg_"},
	"POST /my/systems/withdraw":          {role: "answerer", actor: "person:per_answerer", post: "pst_answerer", act: "change.withdraw", object: "change:chg_"},
	"POST /my/contacts":                  {role: "answerer", actor: "person:per_answerer", post: "pst_answerer", act: "contact.put", object: "contact:c-alpha"},
	"POST /my/settings":                  {role: "answerer", actor: "person:per_answerer", post: "pst_answerer", act: "party.rhythm", object: "party:alpha"},
	"POST /c/{token}":                    {role: "anonymous", actor: "party:alpha", act: "contact.prove", object: "contact:con_"},
	"POST /desk/changes/{id}":            {role: "handler", actor: handler, post: "handler", act: "change.confirm", object: "change:chg_"},
	"POST /desk/queue/act":               {role: "handler", actor: handler, post: "handler", act: "queue.done", object: "party:beta"},
	"POST /desk/queue/bulk":              {role: "handler", actor: handler, post: "handler", act: "finding.discard", object: "finding:"},
	"POST /desk/queue/undo":              {role: "handler", actor: handler, post: "handler", act: "triage.undo", object: "finding:"},
	"POST /desk/views":                   {role: "handler", actor: handler, post: "handler", act: "view.save", object: "view:viw_"},
	"POST /desk/views/{id}/end":          {role: "handler", actor: handler, post: "handler", act: "view.end", object: "view:viw_"},
	"POST /desk/findings/{id}/discard":   {role: "handler", actor: handler, post: "handler", act: "finding.discard", object: "finding:"},
	"POST /desk/findings/{id}/reject":    {role: "handler", actor: handler, post: "handler", act: "finding.reject", object: "finding:"},
	"POST /desk/findings/{id}/attribute": {role: "handler", actor: handler, post: "handler", act: "finding.attribute", object: "finding:"},
	"POST /desk/findings/{id}/raw":       {role: "handler", actor: handler, post: "handler", act: "finding.look", object: "finding:"},
	"POST /desk/findings/{id}/mark":      {role: "handler", actor: handler, post: "handler", act: "finding.raise", object: "finding:"},
	"POST /desk/findings/{id}/share":     {role: "handler", actor: handler, post: "handler", act: "finding.share", object: "finding:"},
	"POST /desk/findings/{id}/unshare":   {role: "handler", actor: handler, post: "handler", act: "finding.unshare", object: "finding:"},
	"POST /desk/notices/{id}/look":       {role: "handler", actor: handler, post: "handler", act: "notice.look", object: "notice:ntc_"},
	"POST /desk/notices/held/release":    {role: "handler", actor: handler, post: "handler", act: "notice.release", object: "hold:hld_"},
	"POST /desk/notices/held/refuse":     {role: "handler", actor: handler, post: "handler", act: "notice.refuse", object: "hold:hld_"},
	"POST /desk/system/mail":             {role: "administrator", actor: "person:per_administrator", post: "administrator", act: "mail.test", object: "mail"},
	"POST /desk/mail/{id}/look":          {role: "handler", actor: handler, post: "handler", act: "notice.look", object: "notice:ntc_"},
	"POST /desk/signals/{id}/look":       {role: "handler", actor: handler, post: "handler", act: "signal.look", object: "signal:"},
	"POST /desk/signals/{id}/replay":     {role: "handler", actor: handler, post: "handler", act: "signal.replay", object: "signal:"},
	"POST /desk/feeds/new":               {exempt: "reads a sample as a feed would be read: nothing of it is kept"},
	"POST /desk/feeds":                   {role: "handler", actor: handler, post: "handler", act: "feed.put", object: "feed:spare-"},
	"POST /desk/feeds/{id}":              {role: "handler", actor: handler, post: "handler", act: "feed.put", object: "feed:spare-"},
	"POST /desk/rules/route":             {role: "handler", actor: handler, post: "handler", act: "rule.route", object: "rule:"},
	"POST /desk/rules/tell":              {role: "handler", actor: handler, post: "handler", act: "rule.tell", object: "rule:"},
	"POST /desk/rules/{number}/end":      {role: "handler", actor: handler, post: "handler", act: "rule.end_tell", object: "rule:"},
	"POST /desk/rules/{number}/release":  {role: "handler", actor: handler, post: "handler", act: "rule.release", object: "rule:"},
	"POST /account/language":             {exempt: "a choice of the own pages, as the language cookie is; no right of anybody hangs on it"},
	"POST /account/passkeys":             {exempt: "asks the browser for a passkey: nothing is done before it answers"},
	"POST /account/passkeys/add":         {exempt: "needs an authenticator; the browser journeys add one"},
	"POST /account/credentials/{id}/end": {role: "approver", actor: "person:per_approver", act: "credential.end", object: "person:per_approver"},
	"POST /account/password":             {role: "approver", actor: "person:per_approver", act: "credential.add", object: "person:per_approver"},
	"POST /account/totp":                 {exempt: "makes a secret that proves nothing until a code of it was shown"},
	"POST /account/totp/{id}":            {role: "approver", actor: "person:per_approver", act: "credential.add", object: "person:per_approver"},
	"POST /account/recovery":             {role: "approver", actor: "person:per_approver", act: "credential.add", object: "person:per_approver"},
	"POST /account/sessions/{id}/end":    {role: "approver", actor: "person:per_approver", act: "session.end", object: "person:per_approver"},
	"POST /account/sessions/end-others":  {role: "approver", actor: "person:per_approver", act: "session.end", object: "person:per_approver"},
	"POST /account/prove":                {role: "answerer", actor: "person:per_answerer", act: "session.prove", object: "person:per_answerer"},
	"POST /account/prove/passkey":        {exempt: "asks the browser for a passkey: nothing is done before it answers"},
	"POST /account/prove/passkey/done":   {exempt: "needs an authenticator; the browser journeys prove by one"},
	"POST /api/v1/signals":               {role: "feed_token", actor: "feed:green", act: "signal.accept", object: "signal:"},
}

// Every route that changes something leaves exactly one entry, naming who did it, in which post, what, and to what. A
// route without a step here fails.
func TestRouteWalk(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 80)
	known := map[string]bool{}
	for _, a := range w.addresses() {
		if a.method == http.MethodGet {
			continue
		}
		known[a.pattern] = true
		want, ok := walk[a.pattern]
		if !ok {
			t.Errorf("%s changes something and has no step in this walk", a.pattern)
			continue
		}
		if want.exempt != "" {
			continue
		}
		c := w.roles[want.role]
		q, ok := w.request(a, c)
		if !ok {
			t.Errorf("%s has no well-formed call in the table", a.pattern)
			continue
		}
		before := w.newest()
		if r := c.call(a.method, q.path, q.form); outcome(r) != "ok" {
			t.Errorf("%s: %d\n%s", a.pattern, r.Code, r.Body)
			continue
		}
		got := w.entries(before)
		if len(got) != 1 {
			t.Errorf("%s leaves %d entries, want one", a.pattern, len(got))
			continue
		}
		if e := got[0]; e.Actor != want.actor || string(e.Post) != want.post || e.Act != want.act || !strings.HasPrefix(e.Object, want.object) {
			t.Errorf("%s leaves %s in %q, %s of %s, want %s in %q, %s of %s…",
				a.pattern, e.Actor, e.Post, e.Act, e.Object, want.actor, want.post, want.act, want.object)
		}
		w.again(want.role)
	}
	for pattern := range walk {
		if !known[pattern] {
			t.Errorf("%s is in the walk and nowhere else", pattern)
		}
	}
	w.looksLeaveNothing(t)
}

// looksLeaveNothing: reading changes nothing, so a GET leaves no entry; but a list that is taken out of the program is an act.
func (w *trustWorld) looksLeaveNothing(t *testing.T) {
	t.Helper()
	for _, a := range w.addresses() {
		role := w.roles["handler"]
		if strings.Contains(a.pattern, " /my") {
			role = w.roles["answerer"]
		}
		q, ok := w.request(a, role)
		if a.method != http.MethodGet || !ok {
			continue
		}
		before := w.newest()
		role.get(q.path)
		var left []string
		for _, e := range w.entries(before) {
			left = append(left, e.Act)
		}
		path, _, _ := strings.Cut(q.path, "?")
		file := strings.Count(path, "/") == 2 && (strings.HasSuffix(path, ".csv") || strings.HasSuffix(path, ".jsonl")) // figures lie deeper
		if !file && len(left) > 0 || file && (len(left) != 1 || !strings.HasSuffix(left[0], ".export")) {
			t.Errorf("GET %s leaves %q", q.path, left)
		}
	}
}

// What the ledger says holds no personal data and no words of people: every entry of the whole world, whatever was done
// in it, is ids, codes and counts.
func TestEntriesHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 80)
	for _, a := range w.addresses() {
		if want := walk[a.pattern]; want.act != "" {
			if q, ok := w.request(a, w.roles[want.role]); ok {
				w.roles[want.role].call(a.method, q.path, q.form)
				w.again(want.role)
			}
		}
	}
	acts := map[string]bool{}
	for _, e := range w.entries(0) {
		acts[e.Act] = true
		if _, ok := access.Acts[e.Act]; !ok {
			t.Errorf("%s is no act", e.Act)
		}
		for _, text := range []string{e.Actor, e.Object, e.Reason, e.Body} {
			if canaryText.MatchString(text) || strings.Contains(text, "because of the test") || strings.Contains(text, "@") || strings.Contains(text, "192.0.2.") {
				t.Errorf("entry %d, %s of %s: %q", e.ID, e.Act, e.Object, text)
			}
		}
	}
	if len(acts) < 20 {
		t.Errorf("only %d acts were done", len(acts))
	}
}
