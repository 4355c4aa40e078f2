package desk

import (
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type ledgerBody struct {
	Filter ledgerFilter
	Kinds  []string
	People []people.Person
	Groups []string
	Rows   []ledgerRow
	Head   *ledgerHead // nil where nothing was signed yet
	First  bool
	Next   int64
	Curl   string
}

// ledgerFilter is what the form says.
type ledgerFilter struct {
	Who    string // a kind of actor, or a person as the ledger names them
	Group  string
	Object string
	From   string // civil dates
	Until  string
}

// ledgerRow is one entry in words.
type ledgerRow struct {
	record.Entry
	Words   string // "Ada Lind (handler) discarded finding 12"
	Link    string // to the object's page; empty where there is none
	Short   string // beginning of the hash, in hex; empty while it waits for its place
	Covered bool   // the newest checkpoint covers it: there is a proof
}

// ledgerHead is the newest checkpoint.
type ledgerHead struct {
	Size int64
	At   time.Time
	Root string // beginning of it, in hex
}

// actorKinds are those that the filter offers, in its order.
var actorKinds = []string{"person", "party", "feed", "software"}

// groups are the first words of all acts.
func groups() []string {
	var out []string
	for act := range access.Acts {
		if g, _, _ := strings.Cut(act, "."); !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	slices.Sort(out)
	return out
}

func (d *desk) ledger(v *page.Visit) error {
	if d.log == nil {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	q := v.R.URL.Query()
	f := ledgerFilter{
		Who: strings.TrimSpace(q.Get("who")), Group: strings.TrimSpace(q.Get("group")), Object: strings.TrimSpace(q.Get("object")),
		From: strings.TrimSpace(q.Get("from")), Until: strings.TrimSpace(q.Get("until")),
	}
	ask, err := f.query(v)
	if err != nil {
		return err
	}
	ask.Before = cursor(v, "before")
	is, err := d.log.View(v.R.Context(), ask, pageSize+1)
	if err != nil {
		return err
	}
	b := ledgerBody{Filter: f, Kinds: actorKinds, Groups: groups(), First: ask.Before == 0}
	b.Curl = v.Curl("/api/v1/ledger", url.Values{"group": {f.Group}, "object": {f.Object}})
	for _, p := range is.People {
		if p.Name != "" {
			b.People = append(b.People, p)
		}
	}
	if len(is.Entries) > pageSize {
		is.Entries = is.Entries[:pageSize]
		b.Next = is.Entries[pageSize-1].ID
	}
	var covered int64
	if c := is.Checkpoint; c != nil {
		b.Head, covered = &ledgerHead{c.Size, c.At, short(c.Root)}, c.Size
	}
	for i := range is.Entries {
		e := &is.Entries[i]
		b.Rows = append(b.Rows, ledgerRow{*e, inWords(v, e, is), objectLink(e.Object), short(e.Hash), e.Seq > 0 && e.Seq <= covered})
	}
	return page.Show(v, "desk/ledger", v.T("desk.ledger.title"), b)
}

// query reads the form; fault.Invalid for a date that is none.
func (f ledgerFilter) query(v *page.Visit) (record.Query, error) {
	q := record.Query{Group: f.Group, Object: f.Object}
	switch {
	case slices.Contains(actorKinds, f.Who):
		q.Kind = f.Who
	default:
		q.Actor = f.Who
	}
	var err error
	if q.From, err = day(v, f.From); err != nil {
		return q, err
	}
	if q.Until, err = day(v, f.Until); err != nil {
		return q, err
	}
	if !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1) // the last day is shown as well
	}
	return q, nil
}

// day reads a civil date, where the installation is; zero for nothing.
func day(v *page.Visit, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(time.DateOnly, text, v.Kit.Zone)
	if err != nil {
		return at, fault.New(fault.Invalid, "%s", v.T("answer.bad_date"))
	}
	return at, nil
}

// Newest returns the address of the first page.
func (b ledgerBody) Newest() string {
	q := url.Values{}
	for name, value := range map[string]string{
		"who": b.Filter.Who, "group": b.Filter.Group, "object": b.Filter.Object, "from": b.Filter.From, "until": b.Filter.Until,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/desk/ledger?" + q.Encode()
}

// Older returns the address of the page after.
func (b ledgerBody) Older() string { return b.Newest() + "&before=" + strconv.FormatInt(b.Next, 10) }

// Chosen reports whether a filter is set.
func (f ledgerFilter) Chosen() bool { return f != ledgerFilter{} }

func short(hash []byte) string { return hex.EncodeToString(hash[:min(6, len(hash))]) }

// inWords says what an entry says. Persons are called as they are called now.
func inWords(v *page.Visit, e *record.Entry, is record.View) string {
	return v.Lang.T("ledger.act."+e.Act, actorInWords(v, e, is), objectInWords(v, e.Object, is.Names))
}

func actorInWords(v *page.Visit, e *record.Entry, is record.View) string {
	kind, id, _ := strings.Cut(e.Actor, ":")
	switch access.Kind(kind) {
	case access.Person:
		name := is.Names[e.Actor]
		if name == "" {
			name = id
		}
		if e.Post == "" {
			return name
		}
		return v.T("ledger.page.person_post", name, titleOf(is, e.Post))
	case access.Party:
		return v.T("ledger.page.party", id)
	case access.Feed:
		return v.T("ledger.page.feed", id)
	case access.Software:
		return v.T("ledger.page.software", v.Lang.Word("software", id))
	case access.Nobody:
	}
	return v.T("ledger.page.nobody")
}

func titleOf(is record.View, post ident.Post) string {
	if t := is.Titles[post]; t != "" {
		return t
	}
	return string(post)
}

func objectInWords(v *page.Visit, object string, names map[string]string) string {
	if name := names[object]; name != "" {
		return name
	}
	kind, id, found := strings.Cut(object, ":")
	if key := "ledger.object_of." + kind; found && v.Lang.Has(key) {
		return v.T(key, id)
	}
	return object
}
