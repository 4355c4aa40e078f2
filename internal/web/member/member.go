// Package member owns the pages of a party: what it was told through a notice's link, and once its people have signed in
// what it has open, what waits for an answer, its answers, and what it says of itself.
//
// It parses requests, calls operations of act/loop, act/exposure and act/register and fills page bodies; it decides
// nothing.
package member

import (
	"tocsin/internal/act/exposure"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/picture"
	"tocsin/internal/act/register"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

// Acts are the operations behind the members' pages.
type Acts struct {
	Loop     *loop.Loop
	Exposure *exposure.Exposure
	Register *register.Register
	Picture  *picture.Picture
}

type member struct {
	kit *page.Kit
	Acts
}

// Routes lists the members' addresses with the power that each needs. The link of a notice and of a letter to a contact
// are their holders'.
func Routes(k *page.Kit, a Acts) []page.Route {
	m := &member{k, a}
	return []page.Route{
		{Pattern: "GET /n/{token}", Door: page.ForHolder, Handle: m.notice},
		{Pattern: "POST /n/{token}", Door: page.ForHolder, Handle: m.answerNotice},
		{Pattern: "GET /c/{token}", Door: page.ForHolder, Handle: m.proof},
		{Pattern: "POST /c/{token}", Door: page.ForHolder, Handle: m.prove},
		route("GET /my", people.Read, m.today),
		route("GET /my/exposure", people.Read, m.exposure),
		{Pattern: "GET /my/exposure.csv", Door: page.ForMember, Power: people.Read, Handle: m.exposureCSV, Waits: true},
		route("POST /my/exposure", people.Answer, m.answerMine),
		route("GET /my/exposure/{id}", people.Read, m.finding),
		route("GET /my/observed", people.Read, m.observed),
		route("GET /my/systems", people.Read, m.systems),
		route("GET /my/systems/change", people.Answer, m.wish),
		route("POST /my/systems/change", people.Answer, m.propose),
		route("POST /my/systems/withdraw", people.Answer, m.withdraw),
		route("GET /my/contacts", people.Read, m.contacts),
		route("GET /my/contacts/edit", people.Answer, m.contactForm),
		route("POST /my/contacts", people.Answer, m.contactAct),
		route("GET /my/notices", people.Read, m.notices),
		route("GET /my/notices/{id}", people.Read, m.told),
		route("GET /my/settings", people.Read, m.settings),
		route("POST /my/settings", people.Answer, m.saveSettings),
	}
}

// route is an address of a party's people and the power that a post of theirs must hold for it.
func route(pattern string, power people.Power, h page.Handler) page.Route {
	return page.Route{Pattern: pattern, Door: page.ForMember, Power: power, Handle: h}
}

// Pages are the members' templates with the types that fill them.
var Pages = []page.Spec{
	{Name: "member/link", View: page.View[noticeBody]{}},
	{Name: "member/prove", View: page.View[proofBody]{}},
	{Name: "member/my", View: page.View[todayBody]{}},
	{Name: "member/exposure", View: page.View[exposureBody]{}},
	{Name: "member/finding", View: page.View[findingBody]{}},
	{Name: "member/observed", View: page.View[observedBody]{}},
	{Name: "member/systems", View: page.View[systemsBody]{}},
	{Name: "member/change", View: page.View[wishBody]{}},
	{Name: "member/contacts", View: page.View[contactsBody]{}},
	{Name: "member/contact", View: page.View[contactBody]{}},
	{Name: "member/notices", View: page.View[noticesBody]{}},
	{Name: "member/notice", View: page.View[toldBody]{}},
	{Name: "member/settings", View: page.View[settingsBody]{}},
}
