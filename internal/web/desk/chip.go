package desk

import (
	"net/url"

	"tocsin/internal/web/page"
)

// fields are the members with their names in an address, in the order in which the page names them.
func (f filter) fields() [][2]string {
	return [][2]string{
		{"state", f.State},
		{"severity", f.Severity},
		{"exactly", f.Exactly},
		{"class", f.Class},
		{"party", f.Party},
		{"sector", f.Sector},
		{"region", f.Region},
		{"feed", f.Feed},
		{"stage", f.Stage},
		{"since", f.Since},
		{"until", f.Until},
		{"ended", f.Ended},
		{"asset", f.Asset},
		{"text", f.Text},
	}
}

// chip is one part of the filter that is set, with the address of the list without it.
type chip struct{ Label, Value, Without string }

// chips lists what narrows the list beyond the live findings, in words.
func (f filter) chips(v *page.Visit, party string, regions []option) []chip {
	var out []chip
	for _, p := range f.fields() {
		name, value := p[0], p[1]
		if value == "" || name == "state" && value == liveState {
			continue
		}
		q := url.Values{}
		for _, other := range f.fields() {
			if other[1] != "" && other[0] != name {
				q.Set(other[0], other[1])
			}
		}
		out = append(out, chip{v.Lang.Word("filter", name), f.called(v, name, value, party, regions), "/desk/findings?" + q.Encode()})
	}
	return out
}

// called is a value of the filter as people say it.
func (f filter) called(v *page.Visit, name, value string, party string, regions []option) string {
	if value == nobody && name != "exactly" {
		return v.T("filter.unknown")
	}
	switch name {
	case "state":
		if value == anyState {
			return v.T("desk.findings.all")
		}
		return v.Lang.Word("state", value)
	case "severity":
		return v.T("work.at_least", v.Lang.Word("severity", value))
	case "exactly":
		if value == nobody {
			value = "unknown"
		}
		return v.Lang.Word("severity", value)
	case "sector":
		return v.Lang.Word("sector", value)
	case "stage":
		return v.Lang.Word("stage", value)
	case "party":
		return party
	case "region":
		for _, r := range regions {
			if r.Value == value {
				return r.Name
			}
		}
	}
	return value
}
