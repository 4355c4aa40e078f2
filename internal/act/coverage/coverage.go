// Package coverage knows, for one pass of the verifier, what every stream covers: how its cycles stand, which findings a
// stream sees and no longer sees, and what vanished together. It closes nothing; the loop does.
package coverage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/store"
)

// Coverage is what is known of the streams during one pass.
type Coverage struct {
	Before finding.Day // a finding that any stream saw on it or later is neither gone nor faded
	Fade   int         // days without a sighting after which a finding fades

	store   *store.Store
	absence func(class string) int
	streams map[int64]covering
	today   finding.Day
	judged  []judged
	groups  map[groupKey]*finding.Group
	kept    map[sightKey][]*finding.Group
	told    map[groupKey]*finding.Together // groups that keep a finding open
}

type covering struct {
	name    string
	absence int
	rhythm  finding.Rhythm
	behind  bool
}

// judged is a cycle of which something else is said than before.
type judged struct {
	stream int64
	day    finding.Day
	health finding.Health
}

// seenDays is how far back the days of sightings are read: as far as they reach.
const seenDays = 63

// Memory is how many days back cycles are read.
const Memory = 400

// verifier is who looks at evidence.
var verifier = access.ForSoftware("verify")

// batch is how many rows are changed in one transaction.
const batch = 500

// Read learns the rhythm of every stream as of now. fade is in days; absence says how many cycles of absence are
// evidence for a class whose pack does not say.
func Read(ctx context.Context, s *store.Store, now time.Time, fade int, absence func(class string) int) (*Coverage, error) {
	c := &Coverage{
		store: s, absence: absence, streams: map[int64]covering{}, today: finding.DayOf(now), Fade: fade,
		groups: map[groupKey]*finding.Group{}, kept: map[sightKey][]*finding.Group{}, told: map[groupKey]*finding.Together{},
	}
	c.Before = c.today - finding.Day(min(c.Fade, finding.HoldDays))
	err := s.View(ctx, func(tx *store.Tx) error {
		streams, err := tx.Streams(ctx)
		if err != nil {
			return err
		}
		cycles, err := tx.Cycles(ctx, c.today-Memory)
		if err != nil {
			return err
		}
		seen, err := tx.SeenSince(ctx, c.today-seenDays)
		if err != nil {
			return err
		}
		waiting, err := tx.Waiting(ctx)
		if err != nil {
			return err
		}
		for _, s := range streams {
			_, behind := waiting[s.Feed]
			is := slices.Clone(cycles[s.ID])
			finding.Judge(is, seen[s.ID], s.Anew, now)
			for i, was := range cycles[s.ID] {
				if is[i].Health != was.Health {
					c.judged = append(c.judged, judged{s.ID, was.Day, is[i].Health})
				}
			}
			r := finding.Learn(is, s.Anew, now)
			c.streams[s.ID] = covering{name: string(s.Feed) + "/" + s.Name, absence: s.Absence, rhythm: r, behind: behind}
			if day, ok := r.Newest(); ok {
				c.Before = max(c.Before, day)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("learn the rhythm of the streams: %w", err)
	}
	return c, nil
}

// KeepHealth writes down what was found of the cycles, so that it stands when the days of the sightings no longer reach
// them.
func (c *Coverage) KeepHealth(ctx context.Context) error {
	for some := range slices.Chunk(c.judged, batch) {
		err := c.store.Keep(ctx, func(tx *store.Tx) error {
			for _, j := range some {
				if err := tx.SetHealth(ctx, j.stream, j.day, j.health); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

type sightKey struct {
	finding ident.Finding
	stream  int64
}

// sighted returns the sightings of one finding as evidence weighs them.
func (c *Coverage) sighted(rows []store.Covered) []finding.Sighted {
	out := make([]finding.Sighted, len(rows))
	for i, r := range rows {
		s := c.streams[r.Stream]
		need := s.absence
		if need == 0 {
			need = c.absence(r.Class)
		}
		out[i] = finding.Sighted{
			Stream: s.name, Rhythm: s.rhythm, Need: need, Groups: c.kept[sightKey{r.Finding, r.Stream}], Behind: s.behind,
			First: r.First, Last: r.Last, Days: r.Days,
		}
	}
	return out
}

// groupKey names a group of assets as one stream sees it.
type groupKey struct {
	kind   finding.GroupKind
	name   string
	stream int64
}

// Weigh judges one finding from its sightings.
func (c *Coverage) Weigh(rows []store.Covered) (finding.Verdict, finding.Evidence) {
	return finding.Weigh(c.sighted(rows), c.today, c.Fade)
}

// Group looks, for the findings that would be closed, at how the streams saw their network and their party. Only those
// pay for it.
func (c *Coverage) Group(ctx context.Context, tx *store.Tx, rows []store.Covered) error {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Finding == rows[0].Finding {
			n++
		}
		if verdict, _ := c.Weigh(rows[:n]); verdict == finding.Shown {
			if err := c.groupsOf(ctx, tx, rows[:n]); err != nil {
				return err
			}
		}
		rows = rows[n:]
	}
	return nil
}

// groupsOf reads the groups of one finding, and notes those that keep it open.
func (c *Coverage) groupsOf(ctx context.Context, tx *store.Tx, rows []store.Covered) error {
	if rows[0].Address == "" || rows[0].State == finding.ClaimedFixed {
		return nil
	}
	for _, r := range rows {
		var keys []groupKey
		if p, ok := network(r.Address); ok {
			keys = append(keys, groupKey{finding.OneNetwork, p.String(), r.Stream})
		}
		if r.Party != "" {
			keys = append(keys, groupKey{finding.OneParty, string(r.Party), r.Stream})
		}
		for _, key := range keys {
			g, known := c.groups[key]
			if !known {
				var err error
				if g, err = c.read(ctx, tx, key); err != nil {
					return fmt.Errorf("look at %s %s: %w", key.kind, key.name, err)
				}
				c.groups[key] = g
			}
			at := sightKey{r.Finding, r.Stream}
			c.kept[at] = append(c.kept[at], g)
		}
	}
	if verdict, _ := c.Weigh(rows); verdict == finding.Shown {
		return nil
	}
	for i, s := range c.sighted(rows) {
		if t := s.Together(); t != nil {
			key := groupKey{t.Kind, t.Name, rows[i].Stream}
			if had := c.told[key]; had == nil || had.Last < t.Last {
				c.told[key] = t
			}
		}
	}
	return nil
}

// network returns the /24 or /48 of an address.
func network(address string) (netip.Prefix, bool) {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}, false
	}
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}

// read reads the members of a group.
func (c *Coverage) read(ctx context.Context, tx *store.Tx, key groupKey) (*finding.Group, error) {
	g := finding.NewGroup(key.kind, key.name, c.streams[key.stream].rhythm)
	since := c.today - seenDays
	if key.kind == finding.OneParty {
		return g, tx.PartyMembers(ctx, ident.Party(key.name), key.stream, since, g.Add)
	}
	p, err := netip.ParsePrefix(key.name)
	if err != nil {
		return nil, err
	}
	from, to := textRange(p)
	return g, tx.AssetMembers(ctx, from, to, key.stream, since, func(m finding.Member) {
		if a, err := netip.ParseAddr(m.Asset); err == nil && p.Contains(a) {
			g.Add(m)
		}
	})
}

// textRange returns the bounds of the texts of a network's addresses; those of others may lie between them.
func textRange(p netip.Prefix) (from, to string) {
	a := p.Addr()
	if a.Is4() {
		b := a.As4()
		text := fmt.Sprintf("%d.%d.%d", b[0], b[1], b[2])
		return text + ".", text + "/"
	}
	b := a.As16()
	var groups strings.Builder
	for i := 0; i < 6; i += 2 { // groups are written out until the first that is zero
		n := uint64(b[i])<<8 | uint64(b[i+1])
		if n == 0 {
			break
		}
		groups.WriteString(strconv.FormatUint(n, 16) + ":")
	}
	text := groups.String()
	if text == "" {
		return ":", ";"
	}
	return text, strings.TrimSuffix(text, ":") + ";"
}

// Tell puts every group that vanished at once into the desk's queue, once, and takes out those that are seen
// again or were closed.
func (c *Coverage) Tell(ctx context.Context, now time.Time) error {
	const kind = "feed.together"
	open := map[string]bool{}
	err := c.store.View(ctx, func(tx *store.Tx) error {
		items, err := tx.QueueOfKind(ctx, kind)
		for _, q := range items {
			open[q.Object] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	for key, t := range c.told {
		object := fmt.Sprintf("stream:%s %s", c.streams[key.stream].name, t.Name)
		if open[object] {
			delete(open, object)
			continue
		}
		err := c.store.Update(ctx, func(tx *store.Tx) error {
			name := t.Name
			if t.Kind == finding.OneParty {
				called, err := tx.PartyName(ctx, ident.Party(t.Name))
				if err != nil && !errors.Is(err, fault.NotFound) {
					return err
				}
				name = cmp.Or(called, name)
			}
			fresh, err := tx.Enqueue(ctx, store.QueueItem{ // of that day, so that one occurrence is told once
				Kind: kind, Object: object, Code: kind, Created: (t.Last + 1).Start(), Severity: event.Medium,
				Args: []string{c.streams[key.stream].name, name, strconv.Itoa(t.Assets), t.Last.String()},
			})
			if err != nil || !fresh {
				return err
			}
			_, err = tx.Append(ctx, now, verifier, kind, access.On(object), "all of it vanished at once", t)
			return err
		})
		if err != nil {
			return err
		}
	}
	for object := range open {
		err := c.store.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.QueueSettle(ctx, kind, object, verifier.String(), now); err != nil {
				return err
			}
			_, err := tx.Append(ctx, now, verifier, "feed.apart", access.On(object), "seen again, or closed", nil)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
