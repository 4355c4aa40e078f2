package api

import (
	"tocsin/internal/act/loop"
	"tocsin/internal/api/operation"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
)

type previewQuery struct {
	ID       string `path:"id"`
	Language string `query:"language" enum:"en,zh" doc:"The receiver's where absent."`
}

// NoticePreview is a notice as its receiver would get it. The link in it opens nothing.
type NoticePreview struct {
	Notice      Notice       `json:"notice" doc:"Not kept, where it is not planned yet."`
	TLP         string       `json:"tlp" doc:"Of the mail."`
	Way         string       `json:"way" doc:"clear, encrypted, link (only the link goes out) or key_broken."`
	To          string       `json:"to"`
	Language    string       `json:"language"`
	Subject     string       `json:"subject"`
	Text        string       `json:"text"`
	HTML        string       `json:"html,omitempty"`
	Attachments []Attachment `json:"attachments"`
	Findings    int          `json:"findings" doc:"That it tells."`
	Hidden      int          `json:"hidden,omitempty" doc:"Findings of it that the token's person may not see: they are left out."`
	Quiet       int          `json:"quiet,omitempty" doc:"Findings that rules mute or hold: they are not told now."`
}

// Attachment is what a mail encloses.
type Attachment struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Bytes int64  `json:"bytes"`
}

// previewOf shows a preview where the mail may leave.
func previewOf(p *loop.Preview) (NoticePreview, error) {
	tlp, err := marking.ParseTLP(p.TLP)
	if err == nil {
		err = operation.Leave(marking.Mark{TLP: tlp})
	}
	if err != nil {
		return NoticePreview{}, err
	}
	n := noticeOf(&loop.NoticeRow{Notice: p.Notice, Findings: p.Items})
	n.Party = string(p.Party.ID)
	out := NoticePreview{
		Notice: n, TLP: p.TLP, Way: string(p.Way), To: p.Contact.Mail, Language: p.Notice.Language, Subject: p.Subject, Text: p.Mail.Text,
		HTML: p.Mail.HTML, Findings: p.Items, Hidden: p.Hidden, Quiet: p.Quiet,
	}
	for _, x := range p.Mail.Attachments {
		out.Attachments = append(out.Attachments, Attachment{x.Name, x.Type, int64(len(x.Body))})
	}
	return out, nil
}

func (a *api) previewNotice(c *call, q previewQuery) (NoticePreview, error) {
	if err := c.Desk(); err != nil {
		return NoticePreview{}, err
	}
	p, err := a.Loop.PreviewNotice(c.Ctx, c.Now, c.By, ident.Notice(q.ID), q.Language)
	if err != nil {
		return NoticePreview{}, err
	}
	return previewOf(&p)
}

const previewPartyText = "What the party would be told of some of its findings, or of all that wait where none are named, if everything were told now. " +
	"Nothing is kept or sent."

type previewPartyBody struct {
	Findings []int64 `json:"findings,omitempty" max:"1000"`
	Language string  `json:"language,omitempty" enum:"en,zh" doc:"The receiver's where absent."`
}

type previewPartyQuery struct {
	ID   string `path:"id"`
	Body previewPartyBody
}

// NoticePreviews is a preview for each notice.
type NoticePreviews struct {
	Notices  []NoticePreview `json:"notices"`
	Withheld int             `json:"withheld,omitempty" doc:"Notices that are marked too strictly to leave the pages."`
}

func (a *api) previewParty(c *call, q previewPartyQuery) (NoticePreviews, error) {
	if err := c.Desk(); err != nil {
		return NoticePreviews{}, err
	}
	ids := make([]ident.Finding, len(q.Body.Findings))
	for i, n := range q.Body.Findings {
		ids[i] = ident.Finding(n)
	}
	all, err := a.Loop.PreviewFor(c.Ctx, c.Now, c.By, ident.Party(q.ID), ids, q.Body.Language)
	if err != nil {
		return NoticePreviews{}, err
	}
	var out NoticePreviews
	for i := range all {
		p, err := previewOf(&all[i])
		if err != nil {
			out.Withheld++
			continue
		}
		out.Notices = append(out.Notices, p)
	}
	return out, nil
}
