package notice

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/party"
)

// Letter is everything a notice's mail says.
type Letter struct {
	Notice  *Notice
	Party   *party.Party
	Contact *party.Contact
	Sender  Sender
	Items   []Item
	Link    string         // of the page where the party answers
	Until   time.Time      // when the link ends
	First   time.Time      // when the first notice of the chain went out; zero for the first
	Zone    *time.Location // of times in the text; nil is UTC
	Now     time.Time      // date of the mail
	Rules   Rules
	Thread  string // Message-ID of the chain's first mail; empty for the first
	Problem string // of a key that cannot be used: "broken" or "expired"; the mail then says nothing of the findings
	Closed  bool   // the mark lets nothing of the findings out by this mail: it has the link only

	Sightings map[ident.Finding]Sightings // what is known of the single sightings of its findings
}

// sealed reports whether the mail has the link only.
func (l *Letter) sealed() bool { return l.Closed || l.Problem != "" }

// Mark is how the letter is marked: as strictly as the strictest of its findings.
func (l *Letter) Mark() marking.TLP {
	m := l.Notice.TLP
	for i := range l.Items {
		m = max(m, l.Items[i].TLP)
	}
	return m
}

// rowsShown is how many findings of one class the text lists; the attachments have all.
const rowsShown = 50

//go:embed templates
var templates embed.FS

var (
	textMail = template.Must(template.New("mail.txt.tmpl").Funcs(template.FuncMap{"under": under, "inc": inc}).
			ParseFS(templates, "templates/mail.txt.tmpl"))
	htmlMail = htmltemplate.Must(htmltemplate.New("mail.html.tmpl").
			ParseFS(templates, "templates/mail.html.tmpl"))
)

// page is what the templates see.
type page struct {
	Language string
	Greeting string
	Intro    string
	Answer   string
	Button   string
	Link     string
	Groups   []group
	Next     []string
	Attached string
	Sender   Sender
	Name     string
	Number   string
	Sealed   bool
	TLP      string // the mark, with what it asks of the reader
}

// Say gives templates the phrases.
func (p page) Say(key string, args ...any) string { return say(p.Language, key, args...) }

// Wrap breaks English text at 76 columns, each line after the first indented. Chinese text is left to the reader's
// program: its lines may break anywhere.
func (p page) Wrap(indent int, s string) string {
	if p.Language == "zh" {
		return s
	}
	return wrap(indent, s)
}

type group struct {
	Title, Severity, Count string
	What, Risk, Check      string
	Fix                    []string
	References             []string
	Rows                   []row
	More                   int
}

type row struct {
	Number            string
	Where, Name       string
	First, Last, Line string
	Count             int64
}

// Bodies returns the text and the HTML of the letter; attached names the attachments in their order.
func (l *Letter) Bodies(attached ...string) (text, html string, err error) {
	p := l.page()
	if len(attached) >= 3 {
		p.Attached = say(p.Language, "attached", attached[0], attached[1], attached[2])
	}
	if len(attached) == 4 {
		p.Attached += "\n" + say(p.Language, "attached.sightings", attached[3])
	}
	if more, lost := l.untold(); more+lost > 0 && !l.sealed() {
		p.Attached = strings.TrimPrefix(p.Attached+"\n"+l.remark(more, lost), "\n")
	}
	var b, h bytes.Buffer
	if err := textMail.Execute(&b, p); err != nil {
		return "", "", fmt.Errorf("render the text of notice %s: %w", l.Notice.ID, err)
	}
	if err := htmlMail.Execute(&h, p); err != nil {
		return "", "", fmt.Errorf("render the HTML of notice %s: %w", l.Notice.ID, err)
	}
	return b.String(), h.String(), nil
}

func (l *Letter) page() page {
	lang := l.Notice.Language
	n := tally(lang, len(l.Items))
	name := l.Sender.Named(lang)
	p := page{
		Language: lang, Link: l.Link, Sender: l.Sender, Name: name, Number: string(l.Notice.ID),
		Greeting: say(lang, "greeting", l.Party.Name), Answer: say(lang, "answer", l.clock(l.Until)),
		Button: say(lang, "button"), Sealed: l.sealed(), TLP: say(lang, l.Mark().String()),
	}
	switch {
	case l.Contact.For != "":
		p.Greeting = say(lang, "greeting.for", oneLine(l.Contact.Object()), l.Party.Name)
	case l.Contact.Name != "":
		p.Greeting = say(lang, "greeting.named", oneLine(l.Contact.Name), l.Party.Name)
	}
	p.Greeting = say(lang, "comma", p.Greeting)
	if l.Closed {
		p.Intro = say(lang, "closed", l.Mark())
		return p
	}
	if p.Sealed {
		p.Intro = say(lang, "sealed", say(lang, "key."+l.Problem))
		return p
	}
	switch l.Notice.Kind {
	case Reminder:
		p.Intro = say(lang, "intro.reminder", n, l.clock(l.First))
	case Escalation:
		p.Intro = say(lang, "intro.escalation", n, l.clock(l.First))
	case Urgent, Digest:
		p.Intro = say(lang, "intro.first", n)
	}
	p.Next = []string{say(lang, "next.close"), l.warning()}
	p.Groups = l.groups()
	return p
}

// warning says what silence leads to.
func (l *Letter) warning() string {
	lang := l.Notice.Language
	if l.Notice.Kind == Escalation {
		return say(lang, "next.last")
	}
	days := int(l.Rules.Patience(l.Notice.Severity).Round(24*time.Hour) / (24 * time.Hour))
	return say(lang, "next.remind", dayCount(lang, days), l.Rules.Reminders)
}

// groups sorts the items by class, the worst first.
func (l *Letter) groups() []group {
	byClass := map[*Class][]Item{}
	var order []*Class
	for _, it := range l.Items {
		if byClass[it.Class] == nil {
			order = append(order, it.Class)
		}
		byClass[it.Class] = append(byClass[it.Class], it)
	}
	slices.SortStableFunc(order, func(a, b *Class) int { return int(Worst(byClass[b])) - int(Worst(byClass[a])) })
	out := make([]group, 0, len(order))
	for _, c := range order {
		out = append(out, l.group(c, byClass[c]))
	}
	return out
}

func (l *Letter) group(c *Class, items []Item) group {
	lang := l.Notice.Language
	g := group{
		Title: c.Title.In(lang), Severity: say(lang, "severity."+Worst(items).String()), Count: tally(lang, len(items)),
		What: c.What.In(lang), Risk: c.Risk.In(lang), Check: c.Check.In(lang), Fix: c.Fix.In(lang), References: c.References,
	}
	for i, it := range items {
		if i == rowsShown {
			g.More = len(items) - rowsShown
			break
		}
		r := row{
			Number: fmt.Sprintf("#%d", it.ID), Where: l.where(it), Name: problemName(it),
			First: l.clock(it.First), Last: l.clock(it.Last), Count: it.Count,
		}
		r.Line = say(lang, "row", r.Where, r.Last, r.First, r.Count)
		if r.Name != "" {
			r.Line += " (" + r.Name + ")"
		}
		g.Rows = append(g.Rows, r)
	}
	return g
}

// where names the asset so that no mail program turns it into a link that somebody follows by mistake.
func (l *Letter) where(it Item) string {
	w := oneLine(it.Identity.Asset.Value)
	if it.Identity.Asset.Kind == asset.URL {
		w = strings.Replace(w, "http", "hxxp", 1)
	}
	if it.Identity.Asset.Kind == asset.ASN {
		w = "AS" + w
	}
	if it.Identity.Port != 0 {
		w += fmt.Sprintf(" %s %d", say(l.Notice.Language, "port"), it.Identity.Port)
		if it.Identity.Transport != "" {
			w += "/" + oneLine(it.Identity.Transport)
		}
	}
	return w
}

// problemName is the feed's own name of the problem and the malware.
func problemName(it Item) string {
	parts := slices.Compact([]string{it.Identity.Identifier, it.Identity.Malware})
	return oneLine(strings.TrimSpace(strings.Join(parts, " ")))
}

func (l *Letter) clock(t time.Time) string {
	zone := l.Zone
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format("2006-01-02 15:04 -07:00")
}

// Worst returns the highest severity among items.
func Worst(items []Item) event.Severity {
	var s event.Severity
	for _, it := range items {
		s = max(s, it.Severity)
	}
	return s
}

// SubjectOf returns the subject: what, how many, whose and the notice's number. It is one line whatever the names are.
func SubjectOf(n *Notice, p *party.Party, items []Item) string {
	classes := map[*Class]bool{}
	for _, it := range items {
		classes[it.Class] = true
	}
	what := say(n.Language, "several", len(classes))
	if len(classes) == 1 {
		what = items[0].Class.Title.In(n.Language)
	}
	s := say(n.Language, "subject."+string(n.Kind), what, tally(n.Language, len(items)), clipRunes(oneLine(p.Name), 80))
	return clipRunes(oneLine(s), 200) + " [" + string(n.ID) + "]"
}

// oneLine replaces everything that could break a line or turn the direction of text.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "�")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s))
}

// displayName is a name as it may stand before an address. A backslash does not survive the encoded words of RFC 2047,
// section 5.3, and a word of it that is longer than a line may be (RFC 5322, section 2.1.1: 998 octets) is folded nowhere.
func displayName(s string) string { return clipRunes(strings.ReplaceAll(oneLine(s), `\`, "/"), 200) }

func clipRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func wrap(indent int, s string) string {
	pad := strings.Repeat(" ", indent)
	var b strings.Builder
	col := indent
	for i, w := range strings.Fields(s) {
		n := utf8.RuneCountInString(w)
		switch {
		case i == 0:
		case col+1+n > 76:
			b.WriteString("\n" + pad)
			col = indent
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += n
	}
	return b.String()
}

// under returns a line as wide as s.
func under(mark, s string) string {
	width := 0
	for _, r := range s {
		width++
		if unicode.Is(unicode.Han, r) || r >= 0xff00 && r <= 0xff60 || r >= 0x3000 && r <= 0x303f {
			width++
		}
	}
	return strings.Repeat(mark, min(width, 76))
}

func inc(i int) int { return i + 1 }
