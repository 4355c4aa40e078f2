package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// accountCalls are well-formed calls about the caller's own account. Somebody who is not signed in tries the handler's.
// A passkey's answer needs an authenticator: the calls about those are as far as one gets without.
var accountCalls = map[string]func(w *trustWorld, c *caller) request{
	"POST /account/language":     func(*trustWorld, *caller) request { return send("/account/language", url.Values{"language": {"zh"}}) },
	"POST /account/passkeys":     func(*trustWorld, *caller) request { return send("/account/passkeys", nil) },
	"POST /account/passkeys/add": func(*trustWorld, *caller) request { return send("/account/passkeys/add", nil) },
	"POST /account/credentials/{id}/end": func(w *trustWorld, c *caller) request {
		return send("/account/credentials/"+w.credential(c)+"/end", nil)
	},
	"POST /account/password": func(*trustWorld, *caller) request {
		return send("/account/password", url.Values{"password": {"a long and quite unlikely sentence 4711"}})
	},
	"POST /account/totp":              func(*trustWorld, *caller) request { return send("/account/totp", nil) },
	"GET /account/totp/{id}":          func(w *trustWorld, c *caller) request { return at("/account/totp/" + w.app(c)) },
	"GET /account/totp/{id}/code.png": func(w *trustWorld, c *caller) request { return at("/account/totp/" + w.app(c) + "/code.png") },
	"POST /account/totp/{id}":         func(w *trustWorld, c *caller) request { return w.confirm(c) },
	"POST /account/recovery":          func(*trustWorld, *caller) request { return send("/account/recovery", nil) },
	"POST /account/sessions/{id}/end": func(w *trustWorld, c *caller) request { return send("/account/sessions/"+w.session(c)+"/end", nil) },
	"POST /account/sessions/end-others": func(w *trustWorld, c *caller) request {
		w.session(c)
		return send("/account/sessions/end-others", nil)
	},
	"POST /account/prove":              func(w *trustWorld, _ *caller) request { return send("/account/prove", w.password()) },
	"POST /account/prove/passkey":      func(*trustWorld, *caller) request { return send("/account/prove/passkey", nil) },
	"POST /account/prove/passkey/done": func(*trustWorld, *caller) request { return send("/account/prove/passkey/done", nil) },
}

// logCalls are well-formed calls about the log.
var logCalls = map[string]func(w *trustWorld, c *caller) request{
	"GET /ledger/tile/{path...}": func(w *trustWorld, _ *caller) request { return at("/ledger/tile/" + w.tile()) },
	"GET /ledger/proof":          func(*trustWorld, *caller) request { return at("/ledger/proof?seq=1") },
	"GET /ledger/consistency":    func(w *trustWorld, _ *caller) request { return at("/ledger/consistency?old=" + fmt.Sprint(w.signed())) },
}

// tile is a tile of hashes that the newest checkpoint covers.
func (w *trustWorld) tile() string {
	w.t.Helper()
	if n := w.signed(); n < 256 {
		return fmt.Sprintf("0/000.p/%d", n)
	}
	return "0/000"
}

// signed is how many entries the newest checkpoint covers.
func (w *trustWorld) signed() int64 {
	w.t.Helper()
	c, err := w.record.Newest(w.t.Context())
	w.must(err)
	return c.Size
}

// whose is the person that a caller's account calls are about.
func whose(c *caller) ident.Person {
	if c.cookie == "" || c.name == "disabled" {
		return "per_handler"
	}
	return ident.Person("per_" + c.name)
}

// credential is a second passkey and one more of a person, so that ending it locks nobody out.
func (w *trustWorld) credential(c *caller) string {
	w.t.Helper()
	var ids []string
	w.must(w.db.Keep(w.t.Context(), func(tx *store.Tx) error {
		ids = []string{ident.New("crd"), ident.New("crd")}
		for _, id := range ids {
			err := tx.InsertCredential(w.t.Context(), store.Credential{
				ID: id, Person: whose(c), Kind: store.Passkey, Label: canary("none", "own", "key"), Handle: id, Secret: []byte("{}"), Created: w.now,
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return ids[0]
}

// session is another open session of a person.
func (w *trustWorld) session(c *caller) string {
	w.t.Helper()
	id := ident.New("ses")
	w.must(w.db.Keep(w.t.Context(), func(tx *store.Tx) error {
		return tx.InsertSession(w.t.Context(), store.Session{
			ID: id, Hash: hash(id), Person: whose(c), Method: "passkey", Created: w.now, Seen: w.now, Proved: w.now, Expires: w.now.Add(time.Hour),
		})
	}))
	return id
}

// app begins to set up an authenticator app and returns its id.
func (w *trustWorld) app(c *caller) string {
	r := c.call("POST", "/account/totp", url.Values{})
	if id, ok := strings.CutPrefix(r.Header().Get("Location"), "/account/totp/"); ok {
		return id
	}
	return ident.New("cer")
}

var typedSecret = regexp.MustCompile(`\b[A-Z2-7]{4}(?: [A-Z2-7]{4})+\b`)

// confirm shows that an authenticator app works.
func (w *trustWorld) confirm(c *caller) request {
	w.t.Helper()
	path := "/account/totp/" + w.app(c)
	return send(path, url.Values{"code": {w.code(typedSecret.FindString(c.get(path).Body.String()))}})
}

// code is what an authenticator app shows now; no code at all for no secret.
func (w *trustWorld) code(secret string) string {
	w.t.Helper()
	if secret == "" {
		return "000000"
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), w.now)
	w.must(err)
	return code
}

// password is what a member types to sign in who has set up a password and an authenticator app.
func (w *trustWorld) password() url.Values {
	w.t.Helper()
	const typed = "a long and quite unlikely sentence 4711"
	c := w.roles["answerer"]
	if w.secret == "" {
		path := "/account/totp/" + w.app(c)
		w.secret = typedSecret.FindString(c.get(path).Body.String())
		for path, form := range map[string]url.Values{path: {"code": {w.code(w.secret)}}, "/account/password": {"password": {typed}}} {
			if r := c.call("POST", path, form); r.Code != http.StatusSeeOther {
				w.t.Fatalf("%s: %d\n%s", path, r.Code, r.Body)
			}
		}
	}
	// A code counts once; the test's clock stands still.
	_, err := w.sql.ExecContext(w.t.Context(), "update credential set counter = 0 where person_id = 'per_answerer'")
	w.must(err)
	return url.Values{"mail": {canary("alpha", "own", "mail-answerer") + "@mail.example"}, "password": {typed}, "code": {w.code(w.secret)}}
}
