package public

import (
	"errors"
	"net/http"

	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/web/page"
)

type verifyBody struct {
	Published bool // a ledger is
	Text      string
	Mistake   string
	Judged    *judged
	Standing  *reportStanding // of the report whose code or receipt it is
	Newest    string          // the newest checkpoint, as it is signed
	Size      int64           // entries that it covers
	Keys      string
}

// judged is a judgement in words.
type judged struct {
	record.Judgement
	Title  string // what the paper is
	Says   string // what became of it
	Tone   string // class of the box that says it
	Good   bool
	Unread bool // nothing that is known here
	Steps  []judgedStep
}

type judgedStep struct {
	OK   bool
	Text string
}

// said puts a judgement into the visitor's language.
func said(v *page.Visit, j record.Judgement) *judged {
	out := &judged{
		Judgement: j, Title: v.Lang.Word("verify_paper", string(j.Paper)), Says: v.Lang.Word("verify_verdict", string(j.Verdict)),
		Good: j.Verdict == record.Genuine, Unread: j.Paper == record.PaperNone, Tone: "note",
	}
	switch j.Verdict {
	case record.Genuine:
		out.Tone = "done"
	case record.Forged, record.Contradicts:
		out.Tone = "alert"
	case record.Foreign, record.Unknown:
	}
	for _, c := range j.Checks {
		code := c.Code + ".no"
		if c.OK {
			code = c.Code + ".yes"
		}
		out.Steps = append(out.Steps, judgedStep{c.OK, v.T("verify_check."+code, c.Text, c.Size, j.Newest)})
	}
	return out
}

// verify shows the form and what it takes to check everything without us.
func (p *public) verify(v *page.Visit) error { return p.showVerify(v, http.StatusOK, verifyBody{}) }

// judge says what a text is that somebody pasted and what of it is true. It changes nothing, keeps nothing and tells
// nothing that was not pasted, but for what the public log tells everybody.
func (p *public) judge(v *page.Visit) error {
	b := verifyBody{Text: v.R.PostFormValue("text")}
	if p.Record == nil {
		return p.showVerify(v, http.StatusOK, b)
	}
	if record.Tidy(b.Text) == "" {
		b.Mistake = v.T("verify.empty")
		return p.showVerify(v, http.StatusUnprocessableEntity, b)
	}
	code, err := p.standing(v, &b)
	if err != nil {
		return err
	}
	if code {
		return p.showVerify(v, http.StatusOK, b)
	}
	if len(b.Text) <= record.MaxPaper {
		if b.Judged, err = p.numbersFile(v, b.Text); err != nil {
			return err
		}
		if b.Judged != nil {
			return p.showVerify(v, http.StatusOK, b)
		}
	}
	j, err := p.Record.Judge(v.R.Context(), b.Text)
	if errors.Is(err, fault.TooLarge) {
		return p.showVerify(v, http.StatusRequestEntityTooLarge, verifyBody{Mistake: v.T("verify.too_large", record.MaxPaper>>10)})
	}
	if err != nil {
		return err
	}
	b.Judged = said(v, j)
	return p.showVerify(v, http.StatusOK, b)
}

func (p *public) showVerify(v *page.Visit, status int, b verifyBody) error {
	if p.Record != nil {
		ctx := v.R.Context()
		newest, err := p.Record.Newest(ctx)
		switch {
		case err == nil:
			b.Newest, b.Size = newest.Note, newest.Size
		case !errors.Is(err, fault.NotFound):
			return err
		}
		if b.Keys, err = p.Record.PublicKeys(ctx); err != nil {
			return err
		}
		b.Published = true
	}
	return page.ShowAs(v, status, "public/verify", v.T("verify.title"), b)
}
