package exposure

import (
	"slices"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/finding"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// What a member's list asks for: the live findings unless states are named, and one severity only where it is.
func TestFilter(t *testing.T) {
	t.Parallel()
	info := event.Info
	for _, c := range []struct {
		name       string
		q          Query
		states     []finding.State
		severities []event.Severity
	}{
		{"everything", Query{}, Live, nil},
		{"what is closed", Query{States: []finding.State{finding.VerifiedClosed}}, []finding.State{finding.VerifiedClosed}, nil},
		{"the least severe", Query{Severity: &info}, Live, []event.Severity{event.Info}},
	} {
		f := c.q.filter("bank", access.Never)
		if !slices.Equal(f.States, c.states) || !slices.Equal(f.Severities, c.severities) || f.Party != "bank" || f.May.Op != access.Never.Op {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// New is what was made today or on one of the six days before, in UTC.
func TestFreshSince(t *testing.T) {
	t.Parallel()
	for now, want := range map[string]string{
		"2026-11-20T00:00:00Z": "2026-11-14T00:00:00Z", "2026-11-20T23:59:59Z": "2026-11-14T00:00:00Z", "2026-11-21T07:59:59+08:00": "2026-11-14T00:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := FreshSince(at).Format(time.RFC3339); got != want {
			t.Errorf("at %s since %s, want %s", now, got, want)
		}
	}
}

// A deadline is late from its instant on, and what follows a notice that was not answered is late from its making.
func TestDeadline(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	made := now.Add(-72 * time.Hour)
	for _, c := range []struct {
		name string
		u    store.Unanswered
		late bool
		due  time.Time
	}{
		{"a second left", store.Unanswered{Notice: notice.Notice{Kind: notice.Urgent, State: notice.Sent, Created: made, Next: now.Add(time.Second)}}, false, now.Add(time.Second)},
		{"now", store.Unanswered{Notice: notice.Notice{Kind: notice.Urgent, State: notice.Sent, Created: made, Next: now}}, true, now},
		{"a reminder", store.Unanswered{Notice: notice.Notice{Kind: notice.Reminder, State: notice.Sent, Created: made, Next: now.Add(time.Hour)}}, true, made},
		{"an escalation", store.Unanswered{Notice: notice.Notice{Kind: notice.Escalation, State: notice.Sent, Created: made, Next: now.Add(time.Hour)}}, true, made},
		{"at the desk", store.Unanswered{Notice: notice.Notice{Kind: notice.Urgent, State: notice.Escalated, Created: made, Next: now.Add(time.Hour)}}, true, made},
	} {
		if d := deadline(c.u, now); d.Late != c.late || !d.Due.Equal(c.due) {
			t.Errorf("%s: late %t, due %s", c.name, d.Late, d.Due)
		}
	}
}

// A system has the name that its party gave it, a resource that of its value.
func TestNameOf(t *testing.T) {
	t.Parallel()
	p := &party.Party{Systems: []party.System{
		{Name: "Ward", Asset: asset.Asset{Value: "192.0.2.7"}}, {Asset: asset.Asset{Value: "192.0.2.8"}},
	}}
	for _, c := range []struct {
		basis       party.Basis
		value, want string
	}{
		{party.BySystem, "192.0.2.7", "Ward"},
		{party.BySystem, "192.0.2.8", "192.0.2.8"},
		{party.BySystem, "192.0.2.9", "192.0.2.9"},
		{party.ByPrefix, "192.0.2.7", "192.0.2.7"},
	} {
		if got := NameOf(p, c.basis, c.value); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.basis, c.value, got, c.want)
		}
	}
}
