package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// keepers are the functions that may change the database without an entry in the ledger, each with what it keeps. A new
// one is a decision: an act belongs into store.Update.
var keepers = map[string]string{
	"internal/act/casework/acknowledge.go claim":     "who sends an acknowledgement now: a lease",
	"internal/act/casework/acknowledge.go postpone":  "when an acknowledgement is tried again",
	"internal/act/loop/deliver.go claim":             "who sends a notice now: a lease",
	"internal/act/loop/deliver.go keep":              "a mail as written, before it goes out",
	"internal/act/loop/writeback.go writeBack":       "counters that a fold's entry stands for",
	"internal/act/loop/observe.go observe":           "what lines of archived signals say, for mails that are about to go out",
	"internal/act/loop/reattribute.go attributedBy":  "how far the register was attributed",
	"internal/act/loop/stream.go open":               "how far a signal was read",
	"internal/act/coverage/coverage.go KeepHealth":   "what the rules say of a cycle: the counts that they read stand in its row",
	"internal/act/loop/turn.go skipPart":             "what could not be read so far of a signal whose end is an entry",
	"internal/act/loop/verify.go Verify":             "how far evidence was looked at",
	"internal/act/loop/poll.go claimPoll":            "when a feed is fetched next: a lease",
	"internal/act/loop/poll.go recordPoll":           "when a feed is fetched next, and what its server said",
	"internal/act/record/key.go begin":               "the name and the first key of the log",
	"internal/act/record/sequence.go Sequence":       "places of entries in the log",
	"internal/act/record/sequence.go Checkpoint":     "signatures on the log",
	"internal/act/record/witness.go cosigned":        "signatures of witnesses",
	"internal/act/picture/public.go keep":            "what is published of a day",
	"internal/act/record/witness.go ask":             "what a witness saw last",
	"internal/act/register/letter.go take":           "who sends a letter to a contact now: a lease",
	"internal/act/staff/lockout.go attempt":          "how often somebody tried to sign in",
	"internal/act/staff/lockout.go succeeded":        "that the count of tries begins anew",
	"internal/act/staff/oidc.go StartOIDC":           "a sign-in that is under way at the provider",
	"internal/act/staff/oidc.go FinishOIDC":          "that such a sign-in is over",
	"internal/act/staff/passkey.go OfferPasskey":     "what a new passkey must answer",
	"internal/act/staff/passkey.go AskPasskey":       "what a passkey must answer",
	"internal/act/staff/passkey.go takeCeremony":     "that it has answered",
	"internal/act/staff/proposal.go ApproveProposal": "that a proposal's act was done, by the act's own entry",
	"internal/act/staff/token.go ActorByToken":       "when an API token was last used",
	"internal/act/staff/session.go Seen":             "when a session was last used",
	"internal/act/staff/totp.go OfferTOTP":           "a secret that proves nothing until it is confirmed",
	"internal/act/program/deliver.go planOne":        "what a webhook is told of, by entries already written, and how far it was looked",
	"internal/act/program/deliver.go record":         "what came of a try that may be repeated, or that was good",
	"internal/act/program/deliver.go claim":          "who sends a webhook's delivery now: a lease",
	"internal/act/program/deliver.go Forget":         "deliveries that were over long ago",
	"internal/app/demo.go run":                       "that the demonstration was made",
	"internal/store/foldlock.go LockFold":            "who folds",
	"internal/store/names.go foldNames":              "how names are searched: derived from them",
	"internal/store/migrate.go migrateTo":            "the migrations' own table",
	"internal/store/migrate.go apply":                "migrations",
	"internal/store/statistics.go fixPlans":          "what the planner is told: nothing of the installation's own",
}

// ledgerFirst: what changes the database leaves an entry. Only keepers use Keep; and in the store a change runs through
// exec, writing or returning, which tell Update that something changed.
func ledgerFirst(t *tree) []string {
	var out []string
	used := map[string]bool{}
	for _, s := range t.files {
		if s.test || under(s.dir, "internal/testkit", "internal/house", "bench") {
			continue
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if where := s.path + " " + f.Name.Name; sel.Sel.Name == "Keep" && len(call.Args) == 2 {
					if used[where] = true; keepers[where] == "" {
						out = append(out, fmt.Sprintf("%s: %s changes the database without an entry in the ledger", t.at(call), f.Name.Name))
					}
				}
				if s.dir == "internal/store" {
					out = append(out, t.unseen(f, call, sel)...)
				}
				return true
			})
		}
	}
	for where := range keepers {
		if path, _, _ := strings.Cut(where, " "); !used[where] && t.has(path) {
			out = append(out, where+" is on the list and changes nothing")
		}
	}
	slices.Sort(out)
	return out
}

var writes = regexp.MustCompile(`(?is)^\s*(insert|update|delete)\s`)

// unseen reports a change of the store that Update would not see.
func (t *tree) unseen(f *ast.FuncDecl, call *ast.CallExpr, sel *ast.SelectorExpr) []string {
	through, _ := sel.X.(*ast.SelectorExpr) // t.tx in t.tx.ExecContext
	raw := through != nil && through.Sel.Name == "tx"
	switch sel.Sel.Name {
	case "ExecContext", "PrepareContext":
		if raw && f.Name.Name != "exec" && f.Name.Name != "append" {
			return []string{t.at(call) + ": a change that Update does not see; use exec or writing"}
		}
		return nil
	case "row", "each":
	case "QueryRowContext", "QueryContext":
		if !raw {
			return nil
		}
	default:
		return nil
	}
	for _, a := range call.Args {
		if writes.MatchString(literal(a)) {
			return []string{t.at(call) + ": a change that Update does not see; use exec or returning"}
		}
	}
	return nil
}

// literal returns the string that an expression begins with, as far as it stands in the source.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return literal(e.X)
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return text
		}
	}
	return ""
}

func (t *tree) has(path string) bool {
	return slices.ContainsFunc(t.files, func(s *source) bool { return s.path == path })
}

// openers: only the store opens databases, so that nothing writes beside Update; the bench opens one of its own to compare.
func openers(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if !s.test && !under(s.dir, "internal/store", "internal/testkit", "internal/house", "bench") {
			out = append(out, t.calls(s, []string{"database/sql.Open", "database/sql.OpenDB"})...)
		}
	}
	return out
}

// fronts are the files that put addresses on a listener. The first two mount what a list of routes holds, which tests
// compare with what is served; the others join those and add the addresses that stand there.
var fronts = []string{"internal/web/web.go", "internal/api/api.go", "internal/app/listen.go", "internal/app/metrics.go"}

// muxes: no address is served that no list names.
func muxes(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if !s.test && !slices.Contains(fronts, s.path) && !under(s.dir, "internal/testkit", "internal/house", "e2e", "bench") {
			out = append(out, t.calls(s, []string{"net/http.NewServeMux", "net/http.Handle", "net/http.HandleFunc", "net/http.DefaultServeMux"})...)
		}
	}
	return out
}
