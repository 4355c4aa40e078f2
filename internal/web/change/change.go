// Package change owns how pages spell out a change to the register of parties: the party that asked for it and the desk
// that confirms it read the same.
package change

import (
	"strconv"
	"strings"

	"tocsin/internal/party"
	"tocsin/internal/web/page"
)

// Diff spells out what a change changes, in the visitor's language.
func Diff(v *page.Visit, q party.Request) []page.Change {
	kind := func(e party.Entry) string {
		switch {
		case e.Kind == "":
			return ""
		case q.What == party.OfResource:
			return v.Lang.Word("resource_kind", e.Kind)
		}
		return v.Lang.Word("asset_kind", e.Kind)
	}
	if q.What == party.OfResource {
		return []page.Change{
			{Label: v.T("field.kind"), Old: kind(q.Before), New: kind(q.After)},
			{Label: v.T("field.resource"), Old: q.Before.Value, New: q.After.Value},
		}
	}
	level := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	return []page.Change{
		{Label: v.T("field.name"), Old: q.Before.Name, New: q.After.Name},
		{Label: v.T("field.asset"), Old: q.Before.Value, New: q.After.Value},
		{Label: v.T("field.protection"), Old: level(q.Before.Protection), New: level(q.After.Protection)},
		{Label: v.T("field.products"), Old: strings.Join(q.Before.Products, ", "), New: strings.Join(q.After.Products, ", ")},
	}
}
