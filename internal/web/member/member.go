// Package member owns the pages of a party: what it was told through a notice's link, what it has open once signed in,
// and its answers.
//
// It parses requests, calls operations of act/loop and fills page bodies; it decides nothing.
package member

import (
	"net/http"

	"tocsin/internal/act/loop"
	"tocsin/internal/web/page"
)

type member struct {
	kit  *page.Kit
	loop *loop.Loop
}

// Mount puts the members' pages on mux.
func Mount(mux *http.ServeMux, k *page.Kit, l *loop.Loop) {
	m := &member{k, l}
	mux.Handle("GET /n/{token}", k.Private(m.notice))
	mux.Handle("POST /n/{token}", k.Private(m.answerNotice))
	mux.Handle("GET /my", k.Member(m.my))
	mux.Handle("POST /my", k.Member(m.answerMine))
}

// Routes lists the members' addresses.
var Routes = []string{"GET /n/{token}", "POST /n/{token}", "GET /my", "POST /my"}

// Pages are the members' templates with the types that fill them.
var Pages = []page.Spec{
	{Name: "member/notice", View: page.View[noticeBody]{}},
	{Name: "member/my", View: page.View[myBody]{}},
}
