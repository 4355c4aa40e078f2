package triage

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/access"
	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/marking"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
)

// Found is what a search turned up, each part bounded and all of it readable to whoever asked.
type Found struct {
	Findings []store.Finding
	More     bool // findings beyond those
	Parties  []store.FoundParty
	Answers  *Proposed // who answers for the address, domain or AS number that was asked for, by the register
	Notice   *notice.Notice
	Signal   *store.Signal
	Feeds    []store.Feed
	Report   string // id of the report with the number that was asked for
	Number   string // of it
}

// Bounds of a search.
const (
	maxSearch  = 200 // bytes of what is searched for
	minSearch  = 2   // characters, but for a number
	findCap    = 20
	partyCap   = 10
	feedsFound = 5
)

// Search looks for text across what by may read: findings by number, by how the asset or the malware's name begins; parties
// by name, mail domain or resource; notices, signals and reports by their number; feeds by name. Every part walks an index
// or a table of parties or feeds, so that its cost does not grow with the findings.
func (d *Desk) Search(ctx context.Context, now time.Time, by access.Actor, text string) (Found, error) {
	var out Found
	text = strings.TrimSpace(text)
	number, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64)
	numbered := err == nil && number > 0
	if len(text) > maxSearch || !utf8.ValidString(text) || !numbered && utf8.RuneCountInString(text) < minSearch {
		return out, nil
	}
	register, err := d.registry.Register(ctx, now)
	if err != nil {
		return out, err
	}
	err = d.store.View(ctx, func(tx *store.Tx) error {
		r, err := reads(ctx, tx, now, by)
		if err != nil {
			return err
		}
		out = Found{}
		if numbered {
			if err := out.number(ctx, tx, r, number); err != nil {
				return err
			}
		}
		return out.text(ctx, tx, r, register, text, numbered)
	})
	if err != nil {
		return Found{}, fmt.Errorf("search: %w", err)
	}
	return out, nil
}

// number looks for a finding and a signal by their numbers.
func (o *Found) number(ctx context.Context, tx *store.Tx, r reading, n int64) error {
	f, err := tx.FindingByID(ctx, ident.Finding(n))
	if err == nil {
		var seen bool
		if seen, err = r.sees(ctx, tx, &f); seen {
			o.Findings = append(o.Findings, f)
		}
	}
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	s, err := tx.SignalByID(ctx, ident.Signal(n))
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	of, err := tx.FeedByID(ctx, s.Feed)
	if err != nil {
		return err
	}
	t := access.Thing{Kind: access.Signals, ID: fmt.Sprint(n), Mark: marking.Mark{TLP: of.TLP}}
	if access.Can(r.Reader, t, r.at, r.why) {
		o.Signal = &s
	}
	return nil
}

func (o *Found) text(ctx context.Context, tx *store.Tx, r reading, register *party.Register, text string, numbered bool) error {
	var found []store.Finding
	var err error
	if !numbered { // every address begins with a number
		if found, err = findingsAt(ctx, tx, r, text); err != nil {
			return err
		}
	}
	if o.More = len(found) > findCap; o.More {
		found = found[:findCap]
	}
	o.Findings = append(o.Findings, found...)
	if r.parties() {
		if o.Parties, err = tx.PartiesLike(ctx, text, asset.HostOf(text), partyCap); err != nil {
			return err
		}
		if err := o.answers(ctx, tx, register, text); err != nil {
			return err
		}
	}
	return o.references(ctx, tx, r, text)
}

// findingsAt looks for findings by their asset and port, or by how the malware's name begins.
func findingsAt(ctx context.Context, tx *store.Tx, r reading, text string) ([]store.Finding, error) {
	s, err := asset.ParseSearch(text)
	if err != nil {
		return nil, nil //nolint:nilerr // too long for an asset: nothing is found
	}
	if s.Port > 0 || s.Within.IsValid() || len(s.Exact) > 2 {
		page, err := tx.ListFindings(ctx, store.FindingFilter{Asset: s, May: r.may(access.Findings)}, 0, findCap+1)
		return page.Findings, err
	}
	for _, begins := range append(s.Exact, s.Prefix) {
		if begins == "" {
			continue
		}
		if found, err := tx.FindingsBeginning(ctx, begins, r.may(access.Findings), findCap+1); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// parties reports whether the reader sees the register, which is green.
func (r reading) parties() bool {
	return access.Can(r.Reader, access.Thing{Kind: access.Parties, Mark: marking.Mark{TLP: marking.Green}}, r.at, r.why)
}

// answers asks the register who would answer for an address, a domain or an AS number.
func (o *Found) answers(ctx context.Context, tx *store.Tx, register *party.Register, text string) error {
	var s party.Subject
	text = asset.HostOf(text)
	if ip, err := netip.ParseAddr(text); err == nil {
		s.Asset = asset.Asset{Kind: asset.IP, Value: ip.String()}
	} else if name, err := asset.ParseDomain(text); err == nil {
		s.Asset = asset.Asset{Kind: asset.Domain, Value: name}
	} else if n, err := strconv.ParseUint(strings.TrimPrefix(text, "as"), 10, 32); err == nil && strings.HasPrefix(text, "as") {
		s.ASN = uint32(n)
	} else {
		return nil
	}
	a := register.Attribute(s)
	if a.Party == "" {
		return nil
	}
	called, err := names(ctx, tx, a.Party)
	o.Answers = &Proposed{Party: a.Party, Name: called[a.Party], Confidence: a.Confidence, Why: string(a.Basis), Of: a.Matched}
	return err
}

// references looks for what people copy out of a mail: the reference of a notice, the number of a report, a feed.
func (o *Found) references(ctx context.Context, tx *store.Tx, r reading, text string) error {
	if strings.HasPrefix(strings.ToLower(text), "ntc_") {
		n, err := tx.NoticeByID(ctx, ident.Notice(strings.ToLower(text)))
		if err == nil && access.Can(r.Reader, store.NoticeThing(&n), r.at, r.why) {
			o.Notice = &n
		}
		if err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
	}
	is, err := tx.ReportByNumber(ctx, strings.ToUpper(text))
	if err == nil && access.Can(r.Reader, store.ReportThing(&is), r.at, r.why) {
		o.Report, o.Number = string(is.ID), is.Number
	}
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	if !r.works() {
		return nil
	}
	feeds, err := tx.Feeds(ctx)
	for _, f := range feeds {
		if len(o.Feeds) < feedsFound && strings.Contains(asset.Fold(string(f.ID)+"\n"+f.Title), asset.Fold(text)) {
			o.Feeds = append(o.Feeds, f)
		}
	}
	return err
}
