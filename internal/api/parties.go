package api

import (
	"time"

	"tocsin/internal/act/loop"
	"tocsin/internal/api/operation"
	"tocsin/internal/asset"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/party"
)

type partiesQuery struct {
	Search string `query:"search" max:"200" doc:"Part of an id, a name, a sector or a region."`
	operation.Paging
}

// Parties is one page of parties, by name.
type Parties struct {
	Parties []PartyRow `json:"parties"`
	Next    string     `json:"next,omitempty"`
}

// NextCursor is the cursor of the page after; empty at the end.
func (p Parties) NextCursor() string { return p.Next }

// PartyRow is a party in a list.
type PartyRow struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Sector string `json:"sector,omitempty"`
	Region string `json:"region,omitempty"`
	Live   int    `json:"live" doc:"Findings that still ask it to do something, at most 10,001."`
}

func (a *api) parties(c *call, q partiesQuery) (Parties, error) {
	after, err := operation.CursorKeys("party", q.Cursor, 2)
	if err != nil {
		return Parties{}, err
	}
	var name string
	var id ident.Party
	if after != nil {
		name, id = after[0], ident.Party(after[1])
	}
	rows, more, err := a.Programs.Parties(c.Ctx, c.Now, c.By, q.Search, name, id, q.Rows())
	if err != nil {
		return Parties{}, err
	}
	var out Parties
	for i := range rows {
		p := &rows[i]
		out.Parties = append(out.Parties, PartyRow{string(p.ID), p.Name, p.Kind, p.Sector, p.Region, p.Live})
	}
	if more {
		last := &rows[len(rows)-1]
		out.Next = operation.NewCursor("party", last.Name, string(last.ID))
	}
	return out, nil
}

type partyQuery struct {
	ID string `path:"id"`
}

// Party is one party as a whole.
type Party struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	Sector    string     `json:"sector,omitempty"`
	Region    string     `json:"region,omitempty"`
	Language  string     `json:"language,omitempty"`
	Rank      int        `json:"rank"`
	Contacts  []Contact  `json:"contacts"`
	Resources []Resource `json:"resources"`
	Systems   []System   `json:"systems"`
}

// Contact is a way to reach a party.
type Contact struct {
	ID       string `json:"id,omitempty" max:"100"`
	Role     string `json:"role" required:"true" enum:"security,abuse,technical,management,backup"`
	Name     string `json:"name,omitempty" max:"500"`
	Mail     string `json:"mail" required:"true" max:"320"`
	Language string `json:"language,omitempty" enum:"en,zh"`
	PGPKey   string `json:"pgp_key,omitempty" max:"100000" doc:"ASCII-armoured public key."`
}

// Resource is what a party answers for on the network.
type Resource struct {
	ID       string     `json:"id,omitempty" max:"100"`
	Kind     string     `json:"kind" required:"true" enum:"prefix,asn,domain"`
	Value    string     `json:"value" required:"true" max:"300"`
	Source   string     `json:"source,omitempty" max:"300" doc:"Who says so; manual where absent."`
	From     *time.Time `json:"from,omitempty"`
	To       *time.Time `json:"to,omitempty" doc:"Exclusive; still, where absent."`
	Verified *time.Time `json:"verified,omitempty"`
}

// System is a registered information system of a party.
type System struct {
	ID         string   `json:"id,omitempty" max:"100"`
	Name       string   `json:"name" required:"true" max:"500"`
	AssetKind  string   `json:"asset_kind" required:"true" max:"20"`
	Asset      string   `json:"asset" required:"true" max:"300"`
	Protection int      `json:"protection,omitempty" max:"5" doc:"Level 1 to 5 of the register; absent where unknown."`
	Products   []string `json:"products"`
}

func partyOf(p *party.Party) Party {
	out := Party{ID: string(p.ID), Name: p.Name, Kind: p.Kind, Sector: p.Sector, Region: p.Region, Language: p.Language, Rank: p.Rank}
	for _, c := range p.Contacts {
		out.Contacts = append(out.Contacts, Contact{c.ID, string(c.Role), c.Name, c.Mail, c.Language, c.PGPKey})
	}
	for _, r := range p.Resources {
		out.Resources = append(out.Resources, Resource{r.ID, string(r.Kind), r.Value, r.Source, operation.Some(r.From), operation.Some(r.To), operation.Some(r.Verified)})
	}
	for _, s := range p.Systems {
		out.Systems = append(out.Systems, System{s.ID, s.Name, string(s.Asset.Kind), s.Asset.Value, s.Protection, s.Products})
	}
	return out
}

func (a *api) party(c *call, q partyQuery) (Party, error) {
	p, err := a.Loop.PartyByID(c.Ctx, c.Now, c.By, ident.Party(q.ID))
	if err != nil {
		return Party{}, err
	}
	return partyOf(&p.Party), nil
}

const putPartyText = "What the body lacks of contacts and systems goes; resources that it lacks end now. Members without an id that match what is " +
	"there take over its id. The same body twice changes nothing the second time."

type partyBody struct {
	Name      string     `json:"name" required:"true" max:"500"`
	Kind      string     `json:"kind" required:"true" enum:"authority,operator,company,institution,vendor,csirt,police"`
	Sector    string     `json:"sector,omitempty" max:"64"`
	Region    string     `json:"region,omitempty" max:"64"`
	Language  string     `json:"language,omitempty" enum:"en,zh"`
	Rank      int        `json:"rank,omitempty" min:"1" max:"1000000"`
	Contacts  []Contact  `json:"contacts,omitempty" max:"1000"`
	Resources []Resource `json:"resources,omitempty" max:"10000"`
	Systems   []System   `json:"systems,omitempty" max:"10000"`
}

type putPartyQuery struct {
	ID   string `path:"id"`
	Body partyBody
}

func (a *api) putParty(c *call, q putPartyQuery) (Party, error) {
	if !ident.Slug(q.ID) {
		return Party{}, operation.Wrong("id", "1 to 64 of a-z, 0-9, - _ . were expected")
	}
	b := q.Body
	p := party.Party{ID: ident.Party(q.ID), Name: b.Name, Kind: b.Kind, Sector: b.Sector, Region: b.Region, Language: b.Language, Rank: b.Rank}
	for _, x := range b.Contacts {
		p.Contacts = append(p.Contacts, party.Contact{ID: x.ID, Role: party.Role(x.Role), Name: x.Name, Mail: x.Mail, Language: x.Language, PGPKey: x.PGPKey})
	}
	for _, x := range b.Resources {
		if x.Source == "" {
			x.Source = "manual"
		}
		if x.From == nil {
			x.From = &c.Now
		}
		p.Resources = append(p.Resources, party.Resource{
			ID: x.ID, Kind: party.ResourceKind(x.Kind), Value: x.Value, Source: x.Source, From: operation.OrZero(x.From), To: operation.OrZero(x.To), Verified: operation.OrZero(x.Verified),
		})
	}
	for _, x := range b.Systems {
		p.Systems = append(p.Systems, party.System{
			ID: x.ID, Name: x.Name, Asset: asset.Asset{Kind: asset.Kind(x.AssetKind), Value: x.Asset}, Protection: x.Protection, Products: x.Products,
		})
	}
	is, err := a.Loop.PutParty(c.Ctx, c.Now, c.By, p)
	if err != nil {
		return Party{}, err
	}
	return partyOf(&is), nil
}

type noticesQuery struct {
	Party string `query:"party" max:"64"`
	State string `query:"state" enum:"planned,held,sending,sent,delivered,answered,failed,escalated,withdrawn"`
	operation.Paging
}

// Notices is one page of notices, the newest first.
type Notices struct {
	Notices  []Notice `json:"notices"`
	Withheld int      `json:"withheld,omitempty"`
	Next     string   `json:"next,omitempty"`
}

// NextCursor is the cursor of the page after; empty at the end.
func (n Notices) NextCursor() string { return n.Next }

// Notice is what a party is told.
type Notice struct {
	ID       string     `json:"id"`
	TLP      string     `json:"tlp"`
	Party    string     `json:"party"`
	Kind     string     `json:"kind"`
	Parent   string     `json:"parent,omitempty" doc:"The first notice of the chain."`
	Class    string     `json:"class,omitempty"`
	Severity string     `json:"severity"`
	Reason   string     `json:"reason"`
	State    string     `json:"state"`
	Created  time.Time  `json:"created"`
	Next     *time.Time `json:"next_step,omitempty"`
	Sent     *time.Time `json:"sent,omitempty"`
	Answered *time.Time `json:"answered,omitempty"`
	Findings int        `json:"findings" doc:"How many it tells."`
}

func noticeOf(n *loop.NoticeRow) Notice {
	return Notice{
		ID: string(n.ID), TLP: n.TLP.String(), Party: string(n.Party), Kind: string(n.Kind), Parent: string(n.Parent), Class: n.Class,
		Severity: n.Severity.String(), Reason: n.Reason, State: string(n.State), Created: n.Created, Next: operation.Some(n.Next), Sent: operation.Some(n.Sent),
		Answered: operation.Some(n.Answered), Findings: n.Findings,
	}
}

func (a *api) notices(c *call, q noticesQuery) (Notices, error) {
	keys, err := operation.CursorKeys("notice", q.Cursor, 2)
	if err != nil {
		return Notices{}, err
	}
	var after loop.NoticeCursor
	if keys != nil {
		at, err := time.Parse(time.RFC3339Nano, keys[0])
		if err != nil {
			return Notices{}, operation.Wrong("cursor", "this is no cursor of this list")
		}
		after = loop.NoticeCursor{Created: at, ID: ident.Notice(keys[1])}
	}
	rows, err := a.Loop.Notices(c.Ctx, c.Now, c.By, loop.NoticeQuery{Party: ident.Party(q.Party), State: notice.State(q.State)}, after, q.Rows()+1)
	if err != nil {
		return Notices{}, err
	}
	var out Notices
	if len(rows) > q.Rows() {
		rows = rows[:q.Rows()]
		last := &rows[len(rows)-1]
		out.Next = operation.NewCursor("notice", last.Created.UTC().Format(time.RFC3339Nano), string(last.ID))
	}
	for i := range rows {
		if leaveNotice(&rows[i]) != nil {
			out.Withheld++
			continue
		}
		out.Notices = append(out.Notices, noticeOf(&rows[i]))
	}
	return out, nil
}

type noticeQuery struct {
	ID string `path:"id"`
}

// NoticeDetail is one notice with its way and what it tells.
type NoticeDetail struct {
	Notice     Notice     `json:"notice"`
	Deliveries []Delivery `json:"deliveries"`
	Findings   []Finding  `json:"findings"`
	Withheld   int        `json:"withheld,omitempty" doc:"Findings of it that are marked too strictly to leave the pages."`
}

// Delivery is one attempt to deliver.
type Delivery struct {
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"`
}

func (a *api) notice(c *call, q noticeQuery) (NoticeDetail, error) {
	d, err := a.Loop.NoticeByID(c.Ctx, c.Now, c.By, ident.Notice(q.ID))
	if err != nil {
		return NoticeDetail{}, err
	}
	if err := leaveNotice(&d.NoticeRow); err != nil {
		return NoticeDetail{}, err
	}
	out := NoticeDetail{Notice: noticeOf(&d.NoticeRow)}
	for _, x := range d.Deliveries {
		out.Deliveries = append(out.Deliveries, Delivery{x.Attempt, x.At, x.Outcome})
	}
	for i := range d.Told {
		if operation.Leave(d.Told[i].Mark) != nil {
			out.Withheld++
			continue
		}
		out.Findings = append(out.Findings, findingOf(&d.Told[i]))
	}
	return out, nil
}

func leaveNotice(n *loop.NoticeRow) error { return operation.Leave(marking.Mark{TLP: n.TLP}) }
