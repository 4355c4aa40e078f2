package record

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/internal/archive"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/ledger"
	"tocsin/internal/store"
)

// Evidence is what an installation is verified by.
type Evidence struct {
	Keys    ledger.Keys // all that are known of the log and its witnesses
	Trusted []string    // keys (name+hash) of the log that the reader trusts and that must vouch for every entry; empty: all
	Claims  []ledger.Claim
	Now     time.Time // when it is looked at: files of uploads that began within the hour before are no strays
}

// Verified says how much was found to be right.
type Verified struct {
	Size        int64       // entries with a place in the log
	Root        ledger.Hash // of all of them
	Waiting     int64       // entries that wait for their place
	Checkpoints int64
	Signed      int64 // entries that the newest checkpoint covers
	Signals     int64
	Blobs       int64
	Bytes       int64 // of the blobs, as received
	Findings    int64
	Steps       int64 // in the histories of findings
	Notices     int64
	Feeds       int64
	Reports     int64
	Covered     int64 // rows, and groups of rows, that are as entries left them

	CoveredSince int64     // entry that covered what was there before rows were covered; 0: they always were
	CoveredAt    time.Time // its instant
}

// KeysFile is the file of a data folder with every verifier key of its log and witnesses, one a line.
const KeysFile = publicFile

// page is how many rows verification holds at a time.
const page = 1000

// Verify recomputes everything that the ledger answers for, over one snapshot of the database: each entry's hash, the
// chain, the tree, the checkpoints with their signatures, the evidence's claims, and that signals, blobs, findings with
// their histories, notices with their deliveries and feeds are what the entries say, and that every covered row is as the
// newest entry that covers it left it. It changes nothing and needs the
// same memory for a small installation and a large one. fault.Conflict or fault.Invalid names the first thing that is
// wrong.
//
// What it compares with nothing, store.Coverage lists with the reasons.
func Verify(ctx context.Context, s *store.Store, a *archive.Archive, e Evidence) (Verified, error) {
	var sum Verified
	err := s.View(ctx, func(tx *store.Tx) error {
		v := verifier{ctx: ctx, store: s, tx: tx, archive: a, evidence: e, keys: e.Keys, entries: map[int64]*stepEntry{}, shared: map[ident.Notice][]ledger.Entry{}}
		for _, step := range []func() error{v.engine, v.schema, v.log, v.waiting, v.settled, v.signals, v.findings, v.notices, v.reports, v.feeds, v.covered, v.rollups, v.strays} {
			if err := step(); err != nil {
				return err
			}
		}
		sum = v.sum
		return nil
	})
	return sum, err
}

// wrong is what verification says of the first thing that is not right.
func wrong(format string, args ...any) error { return fault.New(fault.Conflict, format, args...) }

type verifier struct {
	ctx      context.Context //nolint:containedctx // lives as long as one call of Verify
	store    *store.Store
	tx       *store.Tx
	archive  *archive.Archive
	evidence Evidence
	sum      Verified

	walk        *ledger.Walk
	nodes       []store.StoredNode // read ahead
	checkpoints []store.Checkpoint
	allRead     bool // of the checkpoints
	keys        ledger.Keys
	trusted     map[string]bool // keys of the log, by name+hash
	rotating    *rotation       // a key that was named and that no checkpoint has vouched for yet

	lastKey      string // that an entry named
	lastRotation int64  // id of that entry

	accepted, planned, folded, fed int64 // entries that say that a signal, a notice, a finding, a feed came into being
	told                           int64 // entries that say that a report came
	covers                         int64 // digests of rows beside entries
	delivered                      int64 // entries that say that a delivery was tried
	register                       int64 // newest entry about the register of parties
	entries                        map[int64]*stepEntry
	shared                         map[ident.Notice][]ledger.Entry // that move a notice and are about something else
}

func (v *verifier) engine() error {
	said, err := v.tx.Integrity(v.ctx)
	if err != nil {
		return wrong("the database cannot be read: %v", err)
	}
	if said != "" {
		return wrong("the database file is damaged: %s", said)
	}
	return nil
}

// waiting looks at the entries that have no place yet. No signature covers them, so whoever trusts one key only cannot
// take them: a log whose places were all removed would otherwise pass as one that has not begun.
func (v *verifier) waiting() error {
	after := int64(0)
	for {
		es, err := v.tx.WaitingEntries(v.ctx, after, page)
		if err != nil || len(es) == 0 {
			return err
		}
		if len(v.evidence.Trusted) > 0 {
			return wrong("entry %d has no place in the log yet, so that no key that you trust vouches for it; "+
				"where the program is running, try again in a second", es[0].ID)
		}
		for i := range es {
			if err := v.entry(&es[i]); err != nil {
				return err
			}
			v.sum.Waiting++
			after = es[i].ID
		}
	}
}

// entry holds what one entry says of other tables against them, where the entry is the one to ask.
func (v *verifier) entry(e *ledger.Entry) error {
	switch e.Act {
	case "signal.accept":
		var b acceptBody
		if err := v.body(e, &b); err != nil {
			return err
		}
		if !b.Known {
			v.accepted++
		}
	case "finding.fold", "signal.replay":
		var b foldBody
		if err := v.body(e, &b); err != nil {
			return err
		}
		if err := v.created(e, b); err != nil {
			return err
		}
	case "notice.answer", "notice.hold", "notice.release", "notice.refuse":
		if err := v.share(e); err != nil {
			return err
		}
	case "notice.plan":
		v.planned++
	case "report.receive":
		v.told++
	case "notice.send", "notice.defer", "notice.fail", "notice.bounce":
		var b noticeBody
		if err := v.body(e, &b); err != nil {
			return err
		}
		if b.Contact != "" || e.Act == "notice.bounce" {
			v.delivered++
		}
	case "feed.put":
		var b feedBody
		if err := v.body(e, &b); err != nil {
			return err
		}
		if b.New {
			v.fed++
		}
	case "party.import", "party.put", "party.end", "rule.route", "rule.end_route":
		v.register = max(v.register, e.ID)
	}
	if err := v.cover(e); err != nil {
		return err
	}
	return v.changed(e)
}

// created looks for the findings that a run of rows made.
func (v *verifier) created(e *ledger.Entry, b foldBody) error {
	if b.First == 0 {
		return nil
	}
	want := int64(b.Last-b.First) + 1
	all, then, err := v.tx.CountCreated(v.ctx, b.First, b.Last, e.At)
	switch {
	case err != nil:
		return err
	case all != want:
		return wrong("entry %d says that the findings %d to %d were made, and %d of these %d are there", e.ID, b.First, b.Last, all, want)
	case then != want:
		return wrong("entry %d made the findings %d to %d at %s, and one of them says another time", e.ID, b.First, b.Last, stamp(e.At))
	}
	v.folded += want
	return nil
}

// changed looks for the step of every finding that an entry says it changed.
func (v *verifier) changed(e *ledger.Entry) error {
	s, err := v.steps(e)
	if err != nil || s.named == nil {
		return err
	}
	ids := make([]ident.Finding, 0, len(s.named))
	for id := range s.named {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for batch := range slices.Chunk(ids, 500) {
		n, err := v.tx.CountSteps(v.ctx, e.ID, batch)
		if err != nil {
			return err
		}
		if n == len(batch) {
			continue
		}
		for _, id := range batch {
			if n, err := v.tx.CountSteps(v.ctx, e.ID, []ident.Finding{id}); err != nil || n == 0 {
				return wrong("entry %d (%s) changed finding %d, and the history of the finding does not have that step", e.ID, e.Act, id)
			}
		}
	}
	return nil
}

// body reads the particulars of an entry.
func (v *verifier) body(e *ledger.Entry, into any) error {
	if err := json.Unmarshal([]byte(e.Body), into); err != nil {
		return wrong("entry %d (%s): its particulars cannot be read: %v", e.ID, e.Act, err)
	}
	return nil
}

// settled looks at what is a matter of the ledger as a whole.
func (v *verifier) settled() error {
	version, err := v.tx.PartyVersion(v.ctx)
	if err != nil {
		return err
	}
	if version != v.register {
		return wrong("the register of parties says that entry %d changed it last; in the ledger it is entry %d", version, v.register)
	}
	k, err := settings(v.ctx, v.tx)
	if err != nil || k.current == "" && v.sum.Size == 0 {
		return err // nothing was signed yet
	}
	if k.current == "" {
		return wrong("the log has %d entries, and the database does not say with which key it signs them", v.sum.Size)
	}
	is, err := ledger.ReadKeys(k.current)
	named := err == nil && len(is.Log) == 1 && slices.ContainsFunc(v.keys.Log, func(have note.Verifier) bool {
		return have.Name() == k.origin && ledger.KeyID(have) == ledger.KeyID(is.Log[0])
	})
	if !named || k.rotation != v.lastRotation || v.lastKey != "" && k.current != v.lastKey {
		return wrong("the database says that the ledger signs with %s of %s since entry %d, and the ledger says otherwise", short(k.current), k.origin, k.rotation)
	}
	return nil
}

// feeds looks at the settings of every feed that an entry knows of.
func (v *verifier) feeds() error {
	feeds, err := v.tx.Feeds(v.ctx)
	if err != nil {
		return err
	}
	for i := range feeds {
		if err := v.feed(&feeds[i]); err != nil {
			return err
		}
		v.sum.Feeds++
	}
	if v.sum.Feeds != v.fed {
		return wrong("the ledger knows of %d feeds, and %d are there", v.fed, v.sum.Feeds)
	}
	return nil
}

type feedBody struct {
	New      bool   `json:"new"`
	Pack     string `json:"pack"`
	Token    bool   `json:"token"`
	Urgent   bool   `json:"urgent"`
	Quota    int64  `json:"quota_rows"`
	Disabled bool   `json:"disabled"`
	Poll     bool   `json:"poll"`
}

func (v *verifier) feed(f *store.Feed) error {
	es, err := v.tx.EntriesOn(v.ctx, "feed:"+string(f.ID))
	if err != nil {
		return err
	}
	var b feedBody
	puts := 0
	for i := range es {
		if es[i].Act != "feed.put" {
			continue
		}
		b = feedBody{}
		if err := v.body(&es[i], &b); err != nil {
			return err
		}
		if puts++; puts == 1 && !es[i].At.Equal(f.Created) {
			return wrong("feed %s was made at %s by entry %d, and its row says %s", f.ID, stamp(es[i].At), es[i].ID, stamp(f.Created))
		}
	}
	is := feedBody{b.New, f.Pack, f.TokenHash != nil, f.Urgent, f.QuotaRows, !f.Disabled.IsZero(), f.Poll.URL != ""}
	switch {
	case puts == 0:
		return wrong("feed %s is there, and no entry of the ledger made it", f.ID)
	case is != b:
		return wrong("feed %s has other settings (%s) than the ledger says (%s)", f.ID, inJSON(is), inJSON(b))
	}
	return nil
}

func inJSON(x any) string {
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(x) // a struct of ours
	return strings.TrimSpace(b.String())
}

func stamp(t interface{ Format(layout string) string }) string {
	return t.Format("2006-01-02T15:04:05.000000Z07:00")
}
