package member

import (
	"strconv"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

// observedBody is what a member may read of others: what a rule lets their party observe, and what was shared with it
// or with them.
type observedBody struct {
	Rows  []loop.FindingRow
	First bool
	Next  ident.Finding // cursor of the page after; 0 at the end
}

func (m *member) observed(v *page.Visit) error {
	text := v.R.URL.Query().Get("before")
	before, _ := strconv.ParseInt(text, 10, 64) // what is no number is the first page
	q := loop.FindingQuery{States: loop.LiveStates, Purpose: access.Oversight}
	list, err := m.Loop.Findings(v.R.Context(), v.Now, v.Who.Actor, q, ident.Finding(max(0, before)), observedRows)
	if err != nil {
		return err
	}
	b := observedBody{Rows: list.Rows, First: text == "", Next: list.Next}
	return page.Show(v, "member/observed", v.T("member.observed.title"), b)
}

// observedRows is how many findings one page shows.
const observedRows = 200
