package finding

import (
	"fmt"
	"slices"
)

// Together says that all of a group vanished: assets that a stream saw regularly and of which it saw none any more from
// one cycle to the next, without anybody having said that they were fixed. A firewall rule can be the cause, and
// so can a scanner that no longer gets there.
type Together struct {
	Kind   GroupKind `json:"kind"`
	Name   string    `json:"name"`   // the prefix, or the party's ID
	Assets int       `json:"assets"` // that vanished; not counted beyond 100
	Last   Day       `json:"last"`   // on which the stream saw the finding last
}

// GroupKind says what the assets of a group have in common.
type GroupKind string

// Kinds of groups.
const (
	OneNetwork GroupKind = "network" // a /24 or /48
	OneParty   GroupKind = "party"
)

const (
	togetherLeast  = 3   // assets that make a group
	togetherCycles = 3   // healthy cycles of which one has to show so many: a scan now and then misses what is there
	groupMost      = 100 // assets of a group that are counted on a day
)

// Member is one sighting of a group's assets by one stream.
type Member struct {
	Asset       string
	State       State
	First, Last Day
	Days        uint64 // bit i: seen on day Last-i
}

// Group is the assets of one network or party as one stream sees them.
type Group struct {
	Kind GroupKind
	Name string

	rhythm  Rhythm
	regular map[Day]map[string]bool // by day: assets seen on it that the stream covers
	any     map[Day]bool            // some asset was seen
}

// NewGroup returns a group without members, as a stream of this rhythm sees it.
func NewGroup(kind GroupKind, name string, r Rhythm) *Group {
	return &Group{Kind: kind, Name: name, rhythm: r, regular: map[Day]map[string]bool{}, any: map[Day]bool{}}
}

// Add adds a member. One that its party says is fixed counts as seen, and not among those whose absence nobody explains.
func (g *Group) Add(m Member) {
	regular := m.State != FalsePositive && m.State != ClaimedFixed && Sighted{Rhythm: g.rhythm, First: m.First, Last: m.Last, Days: m.Days}.Regular()
	for i := range Day(memory) {
		if m.Days>>i&1 == 0 {
			continue
		}
		day := m.Last - i
		g.any[day] = true
		if !regular {
			continue
		}
		if g.regular[day] == nil {
			g.regular[day] = map[string]bool{}
		}
		if len(g.regular[day]) < groupMost {
			g.regular[day][m.Asset] = true
		}
	}
}

// Saw reports whether the stream saw any of the group on a day.
func (g *Group) Saw(day Day) bool { return g.any[day] }

// around returns how many assets of the group the stream saw in one of the three healthy cycles up to a day; 0 where
// these are less than three.
func (g *Group) around(last Day) int {
	most := 0
	since := last
	if d, ok := g.rhythm.Back(last+1, togetherCycles); ok {
		since = d
	}
	for day := since; day <= last; day++ {
		most = max(most, len(g.regular[day]))
	}
	if most < togetherLeast {
		return 0
	}
	return most
}

// absent returns the healthy cycles after the newest sighting that are evidence that the finding is gone, nil where there
// are too few. A cycle in which the stream saw nothing of a group that it knew well may be one in which it did not get
// there: it takes twice as many of them, one after another until now, and where the group is seen again they were no
// evidence. The group is returned while it is not seen.
func (s Sighted) absent() ([]Day, *Together) {
	type known struct {
		*Group
		assets int
	}
	var groups []known
	for _, g := range s.Groups {
		if n := g.around(s.Last); n > 0 {
			groups = append(groups, known{g, n})
		}
	}
	if len(groups) == 0 {
		return s.Rhythm.After(s.Last, s.Need), nil
	}
	var full, blind []Day
	var together *Together
	for _, day := range s.Rhythm.between(s.Last+1, s.Rhythm.Today) {
		at := slices.IndexFunc(groups, func(g known) bool { return !g.Saw(day) })
		if at >= 0 {
			blind = append(blind, day)
			together = &Together{Kind: groups[at].Kind, Name: groups[at].Name, Assets: groups[at].assets, Last: s.Last}
			if len(blind) >= 2*s.Need {
				return append(full, blind...), together
			}
			continue
		}
		full, blind, together = append(full, day), nil, nil
		if len(full) >= s.Need {
			return full, nil
		}
	}
	return nil, together
}

// Together returns the group that keeps the finding open, nil where none does.
func (s Sighted) Together() *Together {
	_, t := s.absent()
	return t
}

func (t *Together) text(zh bool) string {
	if t == nil {
		return ""
	}
	format, group := " (twice the usual cycles, because %[1]d assets of %[2]s that it saw regularly vanished together and nobody said that they were fixed: a firewall rule can be the cause, and so can a scanner that no longer gets there)", "this party"
	if zh {
		format, group = "（所需周期加倍：%[2]s此前定期可见的 %[1]d 个资产同时消失，且无人说明已修复；原因可能是防火墙规则，也可能是扫描方已无法到达）", "该主体"
	}
	if t.Kind == OneNetwork {
		group = t.Name
		if zh {
			group = " " + group + " 中"
		}
	}
	return fmt.Sprintf(format, t.Assets, group)
}
