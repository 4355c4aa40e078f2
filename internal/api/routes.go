package api

import (
	"net/http"
	"reflect"
	"slices"

	"tocsin/internal/api/operation"
	"tocsin/internal/api/register"
	"tocsin/internal/api/rule"
	"tocsin/internal/people"
)

// Route is one address of the interface. A route exists only by being in the list of all.
type Route = operation.Route

// Keys that operations ask for.
const (
	NoKey     = operation.NoKey
	FeedKey   = operation.FeedKey
	PersonKey = operation.PersonKey
	AnyKey    = operation.AnyKey
)

// Routes lists the interface's addresses.
func Routes() []Route { return (&api{}).routes() }

func (a *api) routes() []Route {
	return slices.Concat(a.ownRoutes(), a.findingRoutes(), a.queueRoutes(), a.partyRoutes(), a.ruleRoutes(), a.feedRoutes(), a.reportRoutes(), a.memberRoutes(),
		a.officeRoutes(), a.pictureRoutes(), []Route{
			{Pattern: "GET /api/v1/events", Key: PersonKey, Handle: a.events, Is: eventsIs()},
			{Pattern: "GET /api/v1/openapi.json", Handle: a.openapi, Is: openapiIs()},
			{Pattern: "GET /healthz", Handle: alive},
			{Pattern: "GET /readyz", Handle: a.ready},
			{Pattern: "/api/", Handle: nothing},
		})
}

func (a *api) ownRoutes() []Route {
	return []Route{
		op(a, "GET /api/v1/me", PersonKey, "", "Whom the token acts for, and what it may do", a.me),
		op(a, "GET /api/v1/tokens", PersonKey, "", "The person's API tokens, without their secrets", a.tokens),
	}
}

func (a *api) findingRoutes() []Route {
	return []Route{
		op(a, "GET /api/v1/findings", PersonKey, people.Read, "List findings, the newest first", a.findings, operation.Says(findingsText)),
		op(a, "GET /api/v1/findings/{id}", PersonKey, people.Read, "One finding with its sightings and notices", a.finding),
		op(a, "GET /api/v1/findings/{id}/history", PersonKey, people.Read, "What happened to a finding, the oldest first", a.history),
		op(a, "GET /api/v1/findings/{id}/why", PersonKey, people.Read, "Who answers for a finding, and why", a.why),
		op(a, "POST /api/v1/findings/answer", PersonKey, people.Answer, "Answer for findings of the own party", a.answerFindings, operation.Says(answerText)),
		op(a, "POST /api/v1/findings/{id}/attribute", PersonKey, people.Triage, "Say by hand who answers for a finding", a.attribute),
		op(a, "POST /api/v1/findings/{id}/discard", PersonKey, people.Triage, "Say that the observation behind a finding is wrong", a.discard),
		op(a, "POST /api/v1/findings/{id}/reject", PersonKey, people.Triage, "Say that a dispute, or an accepted risk, does not stand", a.reject),
		op(a, "POST /api/v1/findings/{id}/mark", PersonKey, people.Mark, "Mark a finding more strictly, or put it under an embargo", a.mark, operation.Says(markText)),
		op(a, "GET /api/v1/findings/{id}/shares", PersonKey, people.Mark, "With whom a finding is shared", a.shares),
		op(a, "POST /api/v1/findings/{id}/shares", PersonKey, people.Mark, "Share a finding with a person or a party", a.share),
		op(a, "POST /api/v1/findings/{id}/shares/{share}/end", PersonKey, people.Mark, "Take a share back", a.unshare),
	}
}

func (a *api) queueRoutes() []Route {
	return []Route{
		op(a, "GET /api/v1/queue", PersonKey, people.Read, "What waits for the desk, the first to be due first", a.queue, operation.Says(queueText)),
		op(a, "POST /api/v1/queue/{id}/done", PersonKey, people.Triage, "Say that an item of the queue was seen to", a.queueDone),
		op(a, "POST /api/v1/queue/preview", PersonKey, people.Triage, "What acts would do, without doing them", a.weigh),
		op(a, "POST /api/v1/queue/bulk", PersonKey, people.Triage, "Settle many things at once", a.bulk, operation.Says(bulkText)),
		op(a, "POST /api/v1/batches/{id}/undo", PersonKey, people.Triage, "Take back what was done together", a.undo, operation.Says(undoText), operation.Also(http.StatusGone)),
		op(a, "GET /api/v1/views", PersonKey, people.Read, "The own views of the desk, and those that others share", a.views),
		op(a, "POST /api/v1/views", PersonKey, people.Read, "Keep a list of the desk under a name", a.saveView, operation.Created),
		op(a, "POST /api/v1/views/{id}/end", PersonKey, people.Read, "Take a view away", a.endView),
		op(a, "GET /api/v1/search", PersonKey, people.Read, "Search findings, parties, notices, signals, feeds and reports", a.search),
		op(a, "GET /api/v1/proposals", PersonKey, people.Read, "List proposals of acts that need two people", a.proposals, operation.Says(proposalsText)),
		op(a, "POST /api/v1/proposals", PersonKey, "", "Propose an act that needs two people", a.propose, operation.Created),
		op(a, "GET /api/v1/proposals/{id}", PersonKey, people.Read, "One proposal", a.proposal),
		op(a, "POST /api/v1/proposals/{id}/withdraw", PersonKey, people.Read, "Take an own proposal back", a.withdraw),
		op(a, "GET /api/v1/ledger", PersonKey, people.Audit, "List entries of the ledger, the newest first", a.entries),
		op(a, "GET /api/v1/ledger/checkpoint", NoKey, "", "The newest signed checkpoint of the ledger", a.checkpoint, operation.Also(http.StatusNotFound)),
	}
}

func (a *api) partyRoutes() []Route {
	r := a.register()
	return []Route{
		op(a, "GET /api/v1/parties", PersonKey, people.Read, "List parties by name", a.parties),
		op(a, "GET /api/v1/parties/{id}", PersonKey, people.Read, "One party with its contacts, resources and systems", a.party),
		op(a, "GET /api/v1/parties/{id}/picture", PersonKey, people.Read, "A party's findings in numbers, and how it answers", a.partyPicture),
		op(a, "PUT /api/v1/parties/{id}", PersonKey, people.Register, "Write one party as a whole", a.putParty, operation.Says(putPartyText)),
		op(a, "POST /api/v1/parties/{id}/preview", PersonKey, people.Triage, "What a party would be told now", a.previewParty, operation.Says(previewPartyText)),
		op(a, "GET /api/v1/notices", PersonKey, people.Read, "List notices, the newest first", a.notices),
		op(a, "GET /api/v1/notices/{id}", PersonKey, people.Read, "One notice with its deliveries and the findings it tells", a.notice),
		op(a, "GET /api/v1/notices/{id}/preview", PersonKey, people.Triage, "A planned notice as its receiver would get it", a.previewNotice, operation.Also(http.StatusConflict)),
		op(a, "GET /api/v1/changes", PersonKey, people.Read, "What parties want changed in the register; to a party its own", r.Changes),
		op(a, "GET /api/v1/changes/{id}", PersonKey, people.Read, "One change of the register", r.Change),
		op(a, "POST /api/v1/changes", PersonKey, people.Answer, "Change what the own party has in the register", r.Propose, operation.Says(register.ProposeText), operation.Created, operation.Also(http.StatusNotFound)),
		op(a, "POST /api/v1/changes/draft", PersonKey, people.Answer, "What a change would be, without proposing it", r.Draft, operation.Also(http.StatusNotFound)),
		op(a, "POST /api/v1/changes/{id}/confirm", PersonKey, people.Register, "Carry a change out", r.Confirm),
		op(a, "POST /api/v1/changes/{id}/refuse", PersonKey, people.Register, "Refuse a change, with a reason that the party reads", r.Refuse),
		op(a, "POST /api/v1/changes/{id}/withdraw", PersonKey, people.Answer, "Take a change of the own party back", r.Withdraw),
		op(a, "GET /api/v1/jurisdiction", PersonKey, people.Read, "The regions, sectors and streams that there are", a.jurisdiction),
	}
}

func (a *api) ruleRoutes() []Route {
	d := &rule.Desk{Rules: a.Rules, Loop: a.Loop}
	return []Route{
		op(a, "GET /api/v1/rules", PersonKey, people.Read, "The desk's rules in the order in which they are asked, and what they hold", d.List),
		op(a, "GET /api/v1/rules/{number}", PersonKey, people.Read, "One rule with its versions", d.One),
		op(a, "POST /api/v1/rules/route", PersonKey, people.Register, "Write a rule that says who answers", d.Route, operation.Says(rule.Text), operation.Also(http.StatusNotFound)),
		op(a, "POST /api/v1/rules/tell", PersonKey, people.Triage, "Write a rule that says how findings are told", d.Tell, operation.Says(rule.Text), operation.Also(http.StatusNotFound)),
		op(a, "POST /api/v1/rules/try", PersonKey, people.Read, "What a rule would have done in the last days", d.Try, operation.Says(rule.TrialText)),
		op(a, "GET /api/v1/rules/{number}/trial", PersonKey, people.Read, "What a rule as it stands would have done in the last days", d.Kept, operation.Says(rule.TrialText), operation.Also(http.StatusConflict)),
		op(a, "POST /api/v1/rules/{number}/end", PersonKey, people.Read, "Take a rule back at once", d.End),
		op(a, "POST /api/v1/rules/{number}/release", PersonKey, people.Triage, "Let through what a rule holds of a party until now", d.Release),
	}
}

func (a *api) feedRoutes() []Route {
	return []Route{
		op(a, "GET /api/v1/feeds", PersonKey, people.Read, "List feeds and how they are doing", a.feeds),
		op(a, "GET /api/v1/feeds/{id}", PersonKey, people.Read, "One feed and how it is doing", a.oneFeed),
		op(a, "PUT /api/v1/feeds/{id}", PersonKey, people.Feeds, "Make a feed or change its settings", a.putFeed, operation.Says(putFeedText)),
		op(a, "GET /api/v1/packs", PersonKey, people.Feeds, "What a feed can be read with", a.packs),
		op(a, "POST /api/v1/packs/{name}/try", PersonKey, people.Feeds, "What would become of a sample", a.rehearse, operation.Says(sampleText)),
		op(a, "GET /api/v1/signals", PersonKey, people.Read, "List signals, the newest first", a.signals),
		{Pattern: "POST /api/v1/signals", Key: FeedKey, Handle: a.push, Is: a.pushIs()},
		{Pattern: "GET /api/v1/signals/{id}", Key: AnyKey, Handle: a.receipt, Is: a.receiptIs()},
		op(a, "POST /api/v1/signals/{id}/replay", PersonKey, people.Feeds, "Read the rows of a signal that were kept aside once more", a.replay),
	}
}

func (a *api) reportRoutes() []Route {
	return []Route{
		op(a, "POST /api/v1/reports", NoKey, "", "Report something", a.report, operation.Says(reportText), func(is *operation.About) {
			is.Status = []int{http.StatusCreated, http.StatusOK}
		}),
		op(a, "GET /api/v1/reports", PersonKey, people.Read, "List reports, the newest first", a.reports),
		op(a, "GET /api/v1/reports/{id}", PersonKey, people.Triage, "One report with its words", a.oneReport),
		op(a, "POST /api/v1/reports/{id}/take", PersonKey, people.Triage, "Begin to work on a report", a.takeReport),
		op(a, "POST /api/v1/reports/{id}/close", PersonKey, people.Triage, "End a report with an outcome", a.closeReport),
		op(a, "POST /api/v1/reports/{id}/forget", PersonKey, people.Triage, "Destroy the address of whoever sent a report, because they asked for it", a.forgetReport),
	}
}

// memberRoutes are for a party's own people, about their own party.
func (a *api) memberRoutes() []Route {
	r := a.register()
	missing := operation.Also(http.StatusNotFound)
	return []Route{
		op(a, "GET /api/v1/exposure", PersonKey, people.Read, "What the own party has open, by system and resource, and what is due", a.exposure, missing),
		op(a, "GET /api/v1/exposure/findings", PersonKey, people.Read, "Findings of the own party, the newest first", a.exposed, missing),
		op(a, "GET /api/v1/contacts", PersonKey, people.Read, "Contacts of the own party", r.Contacts, missing),
		op(a, "POST /api/v1/contacts", PersonKey, people.Answer, "Add a contact", r.AddContact, operation.Says(register.ContactText), operation.Created, missing),
		op(a, "PUT /api/v1/contacts/{id}", PersonKey, people.Answer, "Change a contact", r.PutContact, operation.Says(register.ContactText)),
		op(a, "POST /api/v1/contacts/{id}/end", PersonKey, people.Answer, "Take a contact away", r.EndContact),
		op(a, "POST /api/v1/contacts/{id}/ask", PersonKey, people.Answer, "Send the mail that proves a contact once more", r.AskContact),
		op(a, "POST /api/v1/contacts/{id}/test", PersonKey, people.Answer, "Send a test to a contact that is proved", r.TestContact),
		op(a, "PUT /api/v1/contacts/{id}/key", PersonKey, people.Answer, "Give a contact a public key, or take it away", r.PutKey),
		op(a, "GET /api/v1/rhythm", PersonKey, people.Read, "In which language and how often the own party is told", r.Rhythm, missing),
		op(a, "PUT /api/v1/rhythm", PersonKey, people.Answer, "Set in which language and how often the own party is told", r.PutRhythm, missing),
	}
}

// officeRoutes are for who manages the access of an organisation.
func (a *api) officeRoutes() []Route {
	return []Route{
		op(a, "GET /api/v1/people", PersonKey, people.Staff, "Units, posts and persons of an organisation", a.people, operation.Says(peopleText)),
		op(a, "GET /api/v1/people/{id}", PersonKey, people.Staff, "One person with their API tokens", a.onePerson, operation.Says(peopleText)),
		op(a, "GET /api/v1/webhooks", PersonKey, people.Staff, "Webhooks with their newest deliveries", a.webhooks, operation.Says(webhooksText)),
		op(a, "POST /api/v1/webhooks/{id}/test", PersonKey, people.Staff, "Send a delivery without events", a.testWebhook),
		op(a, "POST /api/v1/webhooks/{id}/end", PersonKey, people.Staff, "End a webhook; what waits for it is dropped", a.endWebhook),
		op(a, "POST /api/v1/webhooks/{id}/deliveries/{delivery}/retry", PersonKey, people.Staff, "Try a dead delivery again", a.retryDelivery),
	}
}

func (a *api) pictureRoutes() []Route {
	return []Route{
		op(a, "GET /api/v1/situation", PersonKey, people.Read, "The picture of this instant", a.situation),
		op(a, "GET /api/v1/statistics", NoKey, "", "The numbers that everybody may see", a.statistics),
		op(a, "GET /api/v1/promises", NoKey, "", "How the authority keeps what it promises", a.promises),
	}
}

func (a *api) register() *register.Register {
	return &register.Register{Acts: a.Register, Zone: a.zone()}
}

// Document returns the OpenAPI 3.1 document of the interface.
func Document() []byte { return operation.Document(Routes(), reflect.TypeFor[Event]()) }
