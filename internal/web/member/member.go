// Package member owns the pages of a party: what it was told through a notice's link, what it has open once signed in,
// and its answers.
//
// It parses requests, calls operations of act/loop and fills page bodies; it decides nothing.
package member

import (
	"tocsin/internal/act/loop"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type member struct {
	kit  *page.Kit
	loop *loop.Loop
}

// Routes lists the members' addresses with the power that each needs. A notice's link is its holder's.
func Routes(k *page.Kit, l *loop.Loop) []page.Route {
	m := &member{k, l}
	return []page.Route{
		{Pattern: "GET /n/{token}", Door: page.ForHolder, Handle: m.notice},
		{Pattern: "POST /n/{token}", Door: page.ForHolder, Handle: m.answerNotice},
		{Pattern: "GET /my", Door: page.ForMember, Power: people.Read, Handle: m.my},
		{Pattern: "GET /my/observed", Door: page.ForMember, Power: people.Read, Handle: m.observed},
		{Pattern: "POST /my", Door: page.ForMember, Power: people.Answer, Handle: m.answerMine},
	}
}

// Pages are the members' templates with the types that fill them.
var Pages = []page.Spec{
	{Name: "member/notice", View: page.View[noticeBody]{}},
	{Name: "member/my", View: page.View[myBody]{}},
	{Name: "member/observed", View: page.View[observedBody]{}},
}
