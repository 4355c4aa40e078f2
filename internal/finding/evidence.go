package finding

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/ident"
)

// EvidenceKind says how a finding was shown to be gone.
type EvidenceKind string

// Kinds of evidence. There is no third: what a party says is a claim.
const (
	ByAbsence EvidenceKind = "absence" // every stream that covered it went on and no longer saw it
	ByRecheck EvidenceKind = "recheck" // somebody looked again and said so
)

// Evidence is what a closing rests on, kept as JSON beside the step that it caused.
type Evidence struct {
	Kind    EvidenceKind `json:"kind"`
	Horizon time.Time    `json:"horizon"`           // an observation up to it is in keeping with the evidence; later ones refute it
	Streams []Absent     `json:"streams,omitempty"` // of absence: each stream that covered the finding
	Stream  int64        `json:"stream,omitempty"`  // of a re-check: that brought it
	Signal  ident.Signal `json:"signal,omitempty"`  // of a re-check: that brought it
}

// Absent is what one stream shows.
type Absent struct {
	Stream   string    `json:"stream"`             // feed/stream
	Last     Day       `json:"last"`               // on which it saw the finding last
	Cycles   []Day     `json:"cycles"`             // whole, healthy ones in which it did not
	Together *Together `json:"together,omitempty"` // why it took more than usual
}

// Recheck returns the evidence of a row that says, as of at, that the problem is gone.
func Recheck(stream int64, signal ident.Signal, at time.Time) Evidence {
	return Evidence{Kind: ByRecheck, Horizon: at.UTC(), Stream: stream, Signal: signal}
}

// Encode returns the JSON that history keeps.
func (e Evidence) Encode() (string, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("write evidence: %w", err)
	}
	return string(b), nil
}

// ReadEvidence reads what Encode wrote.
func ReadEvidence(text string) (Evidence, error) {
	var e Evidence
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return Evidence{}, fmt.Errorf("read evidence: %w", err)
	}
	return e, nil
}

// Text says it to people, in English or Chinese ("zh").
func (e Evidence) Text(language string) string {
	zh := language == "zh"
	if e.Kind == ByRecheck {
		format := "signal %d: looked at again at %s, it was gone"
		if zh {
			format = "信号 %d：于 %s 复查，问题已不存在"
		}
		return fmt.Sprintf(format, e.Signal, e.Horizon.UTC().Format("2006-01-02 15:04 UTC"))
	}
	format, between, end := "%s saw it last on %s and no more on %s", ", ", "; "
	if zh {
		format, between, end = "%s 最后一次发现于 %s，此后 %s 均未再发现", "、", "；"
	}
	parts := make([]string, len(e.Streams))
	for i, s := range e.Streams {
		parts[i] = fmt.Sprintf(format, s.Stream, s.Last, join(s.Cycles, between)) + s.Together.text(zh)
	}
	return strings.Join(parts, end)
}

func join(days []Day, by string) string {
	s := make([]string, len(days))
	for i, d := range days {
		s[i] = d.String()
	}
	return strings.Join(s, by)
}

// Sighted is how one stream has seen one finding, beside what is known of the stream.
type Sighted struct {
	Stream string // feed/stream
	Rhythm Rhythm
	Need   int      // cycles of absence that count as evidence; below 1: absence here proves nothing
	Groups []*Group // that its asset belongs to; looked at where the finding would be closed without them
	Behind bool     // signals of the feed wait to be folded: what it has to say is not known yet
	First  Day      // of the first sighting
	Last   Day      // of the newest sighting
	Days   uint64   // bit i: seen on day Last-i
}

// memory is how many days back Sighted.Days reaches.
const memory = 64

// Regular reports whether the stream covers the finding: it saw it in two or more of its whole, healthy cycles, and in
// half or more of those between the first and the newest sighting, as far back as 64 days and the day from which its
// level was confirmed. What it showed in other cycles does not count: it may have looked elsewhere by mistake, and not
// look there again.
func (s Sighted) Regular() bool {
	seen := 0
	all := s.Rhythm.between(max(s.First, s.Last-memory+1, s.Rhythm.Anew), s.Last)
	for _, d := range all {
		if s.Days>>(s.Last-d)&1 == 1 {
			seen++
		}
	}
	return seen >= 2 && 2*seen >= len(all)
}

// Verdict is what the sightings of a finding say.
type Verdict int

// Verdicts.
const (
	Wait  Verdict = iota // nothing either way yet
	Shown                // evidence of absence: Gone is due
	Faded                // nobody has seen it for too long and nobody is about to say: Fade is due
)

// HoldDays is how long the sighting of a stream that can prove nothing (irregular, silent or of unknown rhythm) keeps a
// finding from being closed on the word of other streams.
const HoldDays = 30

// Weigh judges the sightings of one finding, one per stream; fade is in days.
//
// A stream that covers the finding and lives either shows absence (Need whole, healthy cycles after its last sighting,
// twice as many where all of a group vanished with it) or is still to speak, as is one that is behind. Any other proves
// nothing, nor does one whose new level a person has confirmed since it saw the finding: it may look elsewhere now. The finding is gone where one stream shows absence or more, none is
// still to speak, and none that proves nothing saw it in the last 30 days. It fades where none is still to speak and
// the newest sighting is more than fade days old.
func Weigh(streams []Sighted, today Day, fade int) (Verdict, Evidence) {
	e := Evidence{Kind: ByAbsence}
	var newest Day
	wait, hold := false, false
	for _, s := range streams {
		newest = max(newest, s.Last)
		if s.Behind {
			wait = true
			continue
		}
		if s.Need < 1 || !s.Rhythm.Known() || s.Rhythm.Silent() || !s.Regular() {
			hold = hold || today-s.Last <= HoldDays
			continue
		}
		cycles, together := s.absent()
		if cycles == nil {
			wait = true
			continue
		}
		e.Streams = append(e.Streams, Absent{Stream: s.Stream, Last: s.Last, Cycles: cycles, Together: together})
	}
	switch {
	case wait || len(streams) == 0:
		return Wait, Evidence{}
	case len(e.Streams) > 0 && !hold:
		e.Horizon = (newest + 1).Start()
		return Shown, e
	case today-newest > Day(fade):
		return Faded, Evidence{}
	}
	return Wait, Evidence{}
}
