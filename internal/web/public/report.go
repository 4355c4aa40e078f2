package public

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"

	"tocsin/internal/act/casework"
	"tocsin/internal/lang"
	"tocsin/internal/report"
	"tocsin/internal/web/page"
)

// reporting is the pages on which somebody reports. On their addresses package page recognises nobody and sets no cookie.
type reporting struct {
	work *casework.Casework
	zone *time.Location
}

// ReportRoutes lists the addresses of the form: its answer is the receipt itself, never another address with something
// of it in it.
func ReportRoutes(k *page.Kit, c *casework.Casework) []page.Route {
	r := &reporting{c, k.Zone}
	return []page.Route{
		{Pattern: "GET /report", Door: page.ForHolder, Handle: r.form},
		{Pattern: "POST /report", Door: page.ForHolder, Handle: r.receive},
	}
}

// ReportPages are the templates of the form with the types that fill them.
var ReportPages = []page.Spec{
	{Name: "public/report", View: page.View[formBody]{}},
	{Name: "public/report-sent", View: page.View[sentBody]{}},
}

type formBody struct {
	Action   string
	Key      string // of this form
	Kinds    []kindChoice
	KindSaid string // what is wrong with the choice
	What     page.Field
	Where    page.Field
	Day      page.Field
	Contact  page.Field
	More     bool // the optional fields are open
	Problems []problem
	Days     int // after its end until a report's address is destroyed
}

// problem leads from the head of the form to a field with a mistake.
type problem struct{ Anchor, Text string }

type kindChoice struct {
	Kind    report.Kind
	Chosen  bool
	Hint    string
	Drawing template.HTML
}

// action is the address that the form goes to: it keeps the language that the reader chose, as no cookie does.
func action(v *page.Visit) string {
	if l, ok := lang.Known(v.R.URL.Query().Get("lang")); ok {
		return "/report?lang=" + string(l)
	}
	return "/report"
}

func (r *reporting) form(v *page.Visit) error {
	return r.show(v, http.StatusOK, report.Form{Key: report.NewFormKey()}, nil)
}

// show shows the form with what was filled in and what is wrong with it.
func (r *reporting) show(v *page.Visit, status int, f report.Form, wrong []report.Mistake) error {
	said := map[report.Field]string{}
	b := formBody{Action: action(v), Key: f.Key, Days: int(casework.ForgetAfter / (24 * time.Hour))}
	for _, m := range wrong {
		said[m.Field] = v.Lang.Word("report.mistake", m.Code)
		anchor := "#" + string(m.Field)
		if m.Field == report.FieldKind {
			anchor = "#kind-" + string(report.Kinds[0])
		}
		b.Problems = append(b.Problems, problem{anchor, said[m.Field]})
	}
	b.KindSaid = said[report.FieldKind]
	for _, k := range report.Kinds {
		b.Kinds = append(b.Kinds, kindChoice{k, k == f.Kind, v.Lang.Word("report_hint", string(k)), drawings[k]})
	}
	field := func(name report.Field, kind, value, hint string, limit int) page.Field {
		return page.Field{
			Name: string(name), Type: kind, Label: v.Lang.Word("report.field", string(name)), Value: value, Hint: hint, Error: said[name], Max: limit,
		}
	}
	b.What = field(report.FieldWhat, "textarea", f.What, v.T("report.field.what_hint"), report.MaxWhat)
	b.What.Rows, b.What.Required = 7, true
	b.Where = field(report.FieldWhere, "text", f.Where, v.T("report.field.where_hint"), report.MaxWhere)
	b.Day = field(report.FieldDay, "date", f.Day, "", 0)
	b.Contact = field(report.FieldContact, "email", f.Contact, v.T("report.field.contact_hint"), report.MaxContact)
	b.More = f.Day != "" || f.Contact != "" || said[report.FieldDay]+said[report.FieldContact] != ""
	return page.ShowAs(v, status, "public/report", v.T("report.title"), b)
}

type sentBody struct {
	casework.Given
	Receipt page.Receipt
}

// receive answers with the receipt at once: nothing of it is ever in an address, and nothing keeps the page.
func (r *reporting) receive(v *page.Visit) error {
	p := v.R.PostForm
	f := report.Form{
		Key: p.Get("key"), Kind: report.Kind(p.Get("kind")), What: p.Get("what"), Where: p.Get("where"), Day: p.Get("when"),
		Contact: p.Get("contact"), Language: string(v.Lang),
	}
	given, err := r.work.Receive(v.R.Context(), v.Now, f)
	if wrong, ok := errors.AsType[casework.Mistakes](err); ok {
		return r.show(v, http.StatusUnprocessableEntity, f, wrong)
	}
	if err != nil {
		return err
	}
	picture, err := picture(string(given.Code), v.T("report.sent.picture"))
	if err != nil {
		return err
	}
	if v.Kit.Secure {
		v.W.Header().Set("Clear-Site-Data", `"cache"`)
	}
	return page.Show(v, "public/report-sent", v.T("report.title"), sentBody{given, page.Receipt{
		Code: given.Code.Grouped(), Title: v.T("report.sent.code"), Hint: v.T("report.sent.code_hint"), QR: picture,
	}})
}

// margin is the white around a QR code, in modules (ISO/IEC 18004 asks for four).
const margin = 4

// picture draws a code as SVG: the policy lets no picture in that lies inside a page.
func picture(code, title string) (template.HTML, error) {
	m, err := qr.Encode(code, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("draw a code: %w", err)
	}
	size := m.Bounds().Dx()
	var d strings.Builder
	for y := range size {
		for x := range size {
			if gray, _, _, _ := m.At(x, y).RGBA(); gray == 0 {
				fmt.Fprintf(&d, "M%d %dh1v1h-1z", x+margin, y+margin)
			}
		}
	}
	whole := size + 2*margin
	//nolint:gosec // numbers, and a title from the catalogue that is escaped
	return template.HTML(fmt.Sprintf(`<svg class="qr" viewBox="0 0 %d %d" role="img" aria-label="%s"><rect class="qr-paper" width="%d" height="%d"/><path class="qr-ink" d="%s"/></svg>`,
		whole, whole, template.HTMLEscapeString(title), whole, whole, d.String())), nil
}

// drawings are what stands beside each kind, drawn on 24 by 24.
var drawings = map[report.Kind]template.HTML{
	report.Phishing:      draw(`<circle cx="15.5" cy="4.2" r="1.7"/><path d="M15.5 5.9v8.8a5 5 0 0 1-10 0V10l3.4 3.6"/><path d="M19 14h2.5v6h-9v-1.5"/>`),
	report.ScamSite:      draw(`<path d="M3 4h18v16H3z"/><path d="M3 8.5h18"/><path d="M12 11v4.2M12 17.4v.2"/>`),
	report.Malware:       draw(`<path d="M8 9.5a4 4 0 0 1 8 0V15a4 4 0 0 1-8 0z"/><path d="M12 9v10M8 11.5H4M20 11.5h-4M8 15.5l-3.5 2.8M16 15.5l3.5 2.8M9 6 7 3.5M15 6l2-2.5"/>`),
	report.Vulnerability: draw(`<path d="M12 3 4.5 6v5.5c0 4.6 3 7.9 7.5 9.5 4.5-1.6 7.5-4.9 7.5-9.5V6z"/><path d="m12.8 7-2.6 5h3.6l-2.6 5"/>`),
	report.Incident:      draw(`<path d="M12 3.5 21.5 20h-19z"/><path d="M12 9.5v5M12 17v.2"/>`),
	report.DataExposed:   draw(`<path d="M6 11h12v9H6z"/><path d="M8.5 11V7.5a3.5 3.5 0 0 1 6.8-1.2"/><path d="M12 14.5v2.5"/>`),
	report.Question:      draw(`<circle cx="12" cy="12" r="9"/><path d="M9.2 9.5a2.8 2.8 0 1 1 4 2.6c-.8.4-1.2 1-1.2 1.9M12 17v.2"/>`),
	report.Complaint:     draw(`<path d="M4 4.5h16v11.5h-8.5L7 20v-4H4z"/><path d="M8 8.5h8M8 12h5"/>`),
}

func draw(paths string) template.HTML {
	return template.HTML(`<svg class="drawing" viewBox="0 0 24 24" width="28" height="28" aria-hidden="true" focusable="false">` + paths + `</svg>`) //nolint:gosec // written here
}
