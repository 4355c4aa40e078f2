package member

import (
	"net/http"
	"strconv"

	"tocsin/internal/act/register"
	"tocsin/internal/event"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

type settingsBody struct {
	Fields  []page.Field
	Mistake string
	Keys    []register.ContactRow // contacts with a key, or without
	Answers bool
	Zone    string
	Rules   notice.Rules
}

func (m *member) settings(v *page.Visit) error {
	h, err := m.Register.Rhythm(v.R.Context(), v.Now, v.Who.Actor)
	if err != nil {
		return err
	}
	p, err := m.Register.Own(v.R.Context(), v.Now, v.Who.Actor)
	if err != nil {
		return err
	}
	return m.showSettings(v, http.StatusOK, p.Language, h, "")
}

func (m *member) showSettings(v *page.Visit, status int, language string, h notice.Rhythm, mistake string) error {
	rows, err := m.Register.Contacts(v.R.Context(), v.Now, v.Who.Actor)
	if err != nil {
		return err
	}
	b := settingsBody{Mistake: mistake, Keys: rows, Answers: v.May(people.Answer), Zone: v.Kit.Zone.String(), Rules: m.Register.Rules()}
	lang := page.Field{Name: "language", Label: v.T("member.settings.language"), Type: "select", Hint: v.T("member.settings.language_hint")}
	for _, l := range party.Languages {
		lang.Options = append(lang.Options, page.Option{Value: l, Label: v.Lang.Word("language_of", l), Selected: l == language})
	}
	b.Fields = []page.Field{lang, urgentField(v, h, b.Rules), dayField(v, h), hourField(v, h, b.Rules)}
	return page.ShowAs(v, status, "member/settings", v.T("member.settings.title"), b)
}

func urgentField(v *page.Visit, h notice.Rhythm, r notice.Rules) page.Field {
	f := page.Field{Name: "urgent", Label: v.T("member.settings.urgent"), Type: "select", Hint: v.T("member.settings.urgent_hint")}
	f.Options = append(f.Options, page.Option{Value: "0", Label: v.T("member.settings.usual", v.Lang.Word("severity", severityCode(r.UrgentFrom))), Selected: h.UrgentFrom == event.Unknown})
	for s := event.Critical; s > event.Unknown; s-- {
		f.Options = append(f.Options, page.Option{Value: strconv.Itoa(int(s)), Label: v.T("member.settings.from", v.Lang.Word("severity", severityCode(s))), Selected: h.UrgentFrom == s})
	}
	return f
}

func dayField(v *page.Visit, h notice.Rhythm) page.Field {
	f := page.Field{Name: "weekday", Label: v.T("member.settings.digest"), Type: "select", Options: []page.Option{{Value: "0", Label: v.T("member.settings.daily"), Selected: h.Weekday == 0}}}
	for d := 1; d <= 7; d++ {
		f.Options = append(f.Options, page.Option{Value: strconv.Itoa(d), Label: v.T("member.settings.weekly", v.Lang.Word("weekday", strconv.Itoa(d))), Selected: h.Weekday == d})
	}
	return f
}

func hourField(v *page.Visit, h notice.Rhythm, r notice.Rules) page.Field {
	clock := func(n int) string { return strconv.Itoa(n%24/10) + strconv.Itoa(n%24%10) + ":00" }
	f := page.Field{Name: "hour", Label: v.T("member.settings.hour"), Type: "select", Hint: v.T("member.settings.hour_hint", v.Kit.Zone.String())}
	f.Options = append(f.Options, page.Option{Value: "0", Label: v.T("member.settings.usual", clock(r.Hour)), Selected: h.Hour == 0})
	for n := 1; n <= 24; n++ {
		f.Options = append(f.Options, page.Option{Value: strconv.Itoa(n), Label: clock(n), Selected: h.Hour == n})
	}
	return f
}

func (m *member) saveSettings(v *page.Visit) error {
	post := v.R.PostForm
	number := func(name string) int {
		n, err := strconv.Atoi(post.Get(name))
		if err != nil {
			return -1
		}
		return n
	}
	h := notice.Rhythm{UrgentFrom: event.Severity(number("urgent")), Hour: number("hour"), Weekday: number("weekday")}
	err := m.Register.SetRhythm(v.R.Context(), v.Now, v.Who.Actor, post.Get("language"), h)
	if text, ok := mistakeIn(v, err); ok {
		return m.showSettings(v, http.StatusUnprocessableEntity, post.Get("language"), h, text)
	}
	if err != nil {
		return err
	}
	return v.Redirect("/my/settings", "settings")
}
