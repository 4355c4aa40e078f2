package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/act/loop"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

// previewRoutes are the addresses by which the desk sees what a receiver would get.
func (d *desk) previewRoutes() []page.Route {
	return []page.Route{
		route("GET /desk/notices/preview", people.Triage, d.previewParty),
		route("GET /desk/notices/preview/html", people.Triage, d.previewPartyHTML),
		route("GET /desk/notices/{id}/preview", people.Read, d.previewNotice),
		route("GET /desk/notices/{id}/preview/html", people.Read, d.previewNoticeHTML),
	}
}

type noticePreviewBody struct {
	Party     ident.Party
	PartyName string
	Notice    ident.Notice // that is planned; empty where nothing is yet
	Letters   []previewLetter
	Languages []previewTab
}

// previewTab is a way to look at the same in another language.
type previewTab struct {
	Code    string
	Link    string
	Current bool
}

// previewLetter is one mail as its receiver reads it.
type previewLetter struct {
	loop.Preview
	Frame    string // address of its HTML part
	Enclosed []previewFile
}

// Head returns the header fields that a reader sees first.
func (l previewLetter) Head() []notice.Header {
	var out []notice.Header
	for _, h := range l.Mail.Headers {
		if slices.Contains([]string{"From", "To", "Reply-To", "Date"}, h.Name) {
			out = append(out, h)
		}
	}
	return out
}

// previewFile is an attachment with its beginning.
type previewFile struct {
	Name string
	Size int64
	Text string
	More bool
}

// fileShown is how many bytes of an attachment a preview shows.
const fileShown = 4000

func lettersOf(all []loop.Preview, frame func(i int) string) []previewLetter {
	out := make([]previewLetter, len(all))
	for i, p := range all {
		out[i] = previewLetter{Preview: p, Frame: frame(i)}
		for _, a := range p.Mail.Attachments {
			f := previewFile{Name: a.Name, Size: int64(len(a.Body))}
			if !strings.HasSuffix(a.Name, ".gz") {
				text := a.Body[:min(len(a.Body), fileShown)]
				f.Text, f.More = strings.ToValidUTF8(strings.TrimPrefix(string(text), "\ufeff"), ""), len(a.Body) > fileShown
			}
			out[i].Enclosed = append(out[i].Enclosed, f)
		}
	}
	return out
}

// previewQuery is what the address of a preview says.
func previewQuery(v *page.Visit) (p ident.Party, ids []ident.Finding, language string) {
	q := v.R.URL.Query()
	for _, text := range q["finding"] {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && len(ids) < 1000 {
			ids = append(ids, ident.Finding(n))
		}
	}
	return ident.Party(q.Get("party")), ids, previewLanguage(v)
}

func previewLanguage(v *page.Visit) string {
	if l := v.R.URL.Query().Get("as"); l == "en" || l == "zh" {
		return l
	}
	return ""
}

// another is the address of this page with one part of its query changed.
func another(v *page.Visit, path, name, value string) string {
	q := url.Values{}
	for k, list := range v.R.URL.Query() {
		if k != "done" && k != "lang" {
			q[k] = list
		}
	}
	q.Set(name, value)
	return path + "?" + q.Encode()
}

func (d *desk) previewParty(v *page.Visit) error {
	id, ids, language := previewQuery(v)
	all, err := d.loop.PreviewFor(v.R.Context(), v.Now, v.Who.Actor, id, ids, language)
	if err != nil {
		return err
	}
	b := noticePreviewBody{Party: id, Letters: lettersOf(all, func(i int) string {
		return another(v, "/desk/notices/preview/html", "n", strconv.Itoa(i+1))
	})}
	if len(all) == 0 {
		name, err := d.loop.PartyNamed(v.R.Context(), id)
		if err != nil {
			return err
		}
		b.PartyName = name
	}
	return d.showPreview(v, b)
}

func (d *desk) showPreview(v *page.Visit, b noticePreviewBody) error {
	if len(b.Letters) > 0 {
		first := b.Letters[0]
		b.PartyName, b.Party = first.Party.Name, first.Party.ID
		for _, code := range []string{"en", "zh"} {
			b.Languages = append(b.Languages, previewTab{code, another(v, v.R.URL.Path, "as", code), code == first.Notice.Language})
		}
	}
	v.W.Header().Set("Content-Security-Policy", page.Policy+"; frame-src 'self'")
	return page.Show(v, "desk/notice-preview", v.T("notices.preview_title", b.PartyName), b)
}

func (d *desk) previewPartyHTML(v *page.Visit) error {
	id, ids, language := previewQuery(v)
	all, err := d.loop.PreviewFor(v.R.Context(), v.Now, v.Who.Actor, id, ids, language)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(v.R.URL.Query().Get("n"))
	if err != nil || n < 1 || n > len(all) {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	return writeLetter(v, all[n-1].Mail)
}

func (d *desk) previewNotice(v *page.Visit) error {
	id := ident.Notice(v.R.PathValue("id"))
	p, err := d.loop.PreviewNotice(v.R.Context(), v.Now, v.Who.Actor, id, previewLanguage(v))
	if err != nil {
		return err
	}
	frame := another(v, "/desk/notices/"+string(id)+"/preview/html", "n", "1")
	return d.showPreview(v, noticePreviewBody{Notice: id, Letters: lettersOf([]loop.Preview{p}, func(int) string { return frame })})
}

func (d *desk) previewNoticeHTML(v *page.Visit) error {
	p, err := d.loop.PreviewNotice(v.R.Context(), v.Now, v.Who.Actor, ident.Notice(v.R.PathValue("id")), previewLanguage(v))
	if err != nil {
		return err
	}
	return writeLetter(v, p.Mail)
}

// writeLetter sends the HTML of a mail for a frame.
func writeLetter(v *page.Visit, m notice.Opened) error {
	v.W.Header().Set("Content-Security-Policy", letterPolicy)
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = v.W.Write([]byte(m.HTML)) // nobody is left to tell
	return nil
}
