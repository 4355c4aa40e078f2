package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/report"
	"tocsin/internal/store"
)

// Verdict is what became of looking at a paper.
type Verdict string

// Verdicts.
const (
	Genuine     Verdict = "genuine"     // everything that it says was checked and is so
	Foreign     Verdict = "foreign"     // of another ledger: this one can say nothing of it
	Forged      Verdict = "forged"      // cut off, changed, or signed by nobody of this ledger
	Contradicts Verdict = "contradicts" // signed by this ledger, which says something else now
	Unknown     Verdict = "unknown"     // none of the papers that are known here
)

// Check is one step of looking, in the order in which they were made. The first that fails is the last.
type Check struct {
	Code string // for the catalogue: "signature", "root", …
	OK   bool
	Text string // what was found: a key, an origin; may be empty
	Size int64  // entries or place that it is about; 0 where about none
}

// Judgement says what a paper is and what was found of it. It holds nothing but what the paper says itself, whether that
// is so, and how large the public log is.
type Judgement struct {
	Paper   Paper
	Verdict Verdict
	Checks  []Check
	Sum     string // SHA-256 of the text, in hex
	Newest  int64  // entries of the log now
	Signed  *ledger.Signed
	Record  *ledger.Record // that the paper carries
	Receipt *report.Receipt
}

func (j *Judgement) passed(c Check) { c.OK = true; j.Checks = append(j.Checks, c) }

// failed ends the looking.
func (j *Judgement) failed(v Verdict, c Check) { j.Verdict, j.Checks = v, append(j.Checks, c) }

// Sum is the SHA-256 of a text as it was pasted, in hex.
func Sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Judge looks at what somebody pasted and checks it against the keys and hashes of this log. fault.TooLarge beyond
// MaxPaper; other errors say that the log could not be read, never that the paper is wrong.
func (l *Log) Judge(ctx context.Context, text string) (Judgement, error) {
	if len(text) > MaxPaper {
		return Judgement{}, fault.New(fault.TooLarge, "at most %d bytes can be verified here", MaxPaper)
	}
	text = Tidy(text)
	j := Judgement{Paper: Recognise(text), Verdict: Genuine, Sum: Sum(text)}
	k, err := l.load(ctx)
	if err != nil {
		return j, err
	}
	k.trust.Lenient = true // strangers may have cosigned it elsewhere
	err = l.store.View(ctx, func(tx *store.Tx) (err error) {
		if j.Newest, _, err = tx.LastPlace(ctx); err != nil {
			return err
		}
		return j.look(ctx, tx, k, text)
	})
	return j, err
}

func (j *Judgement) look(ctx context.Context, tx *store.Tx, k keys, text string) error {
	switch j.Paper {
	case PaperCheckpoint:
		return j.checkpoint(ctx, tx, k, text)
	case PaperProof:
		p, err := ledger.ParseProof(text)
		return j.proof(ctx, tx, k, p, err)
	case PaperProofJSON:
		var p ledger.Proof
		return j.proof(ctx, tx, k, p, json.Unmarshal([]byte(text), &p))
	case PaperConsistency:
		return j.consistency(ctx, tx, k, text)
	case PaperRecord:
		return j.record(ctx, tx, strings.TrimSuffix(text, "\n"))
	case PaperReceipt:
		j.receipt(k, text)
	case PaperKeys:
		j.keys(k, text)
	case PaperNone:
		j.Verdict = Unknown
	}
	return nil
}

// checkpoint compares a signed checkpoint with the tree as it is here.
func (j *Judgement) checkpoint(ctx context.Context, tx *store.Tx, k keys, text string) error {
	if origin, _, _ := strings.Cut(text, "\n"); origin != k.origin {
		j.failed(Foreign, Check{Code: "origin", Text: origin})
		return nil
	}
	j.passed(Check{Code: "origin", Text: k.origin})
	s, err := ledger.OpenCheckpoint([]byte(text), k.trust)
	if err != nil {
		j.failed(Forged, Check{Code: "signature"})
		return nil //nolint:nilerr // what is wrong with the paper is the answer
	}
	j.Signed = &s
	j.passed(Check{Code: "signature", Text: strings.Join(s.Keys, ", ")})
	if s.Size > j.Newest {
		j.failed(Contradicts, Check{Code: "size", Size: s.Size})
		return nil
	}
	root, err := ledger.Root(s.Size, files(ctx, tx))
	switch {
	case err != nil:
		return err
	case root != s.Root:
		j.failed(Contradicts, Check{Code: "root", Size: s.Size})
	default:
		j.passed(Check{Code: "root", Size: s.Size})
	}
	return nil
}

// proof checks that an entry is in the log of the proof's checkpoint, and that this is the log here. broken is what was
// wrong with reading it.
func (j *Judgement) proof(ctx context.Context, tx *store.Tx, k keys, p ledger.Proof, broken error) error {
	if broken != nil {
		j.failed(Forged, Check{Code: "form"})
		return nil //nolint:nilerr // what is wrong with the paper is the answer
	}
	if err := j.checkpoint(ctx, tx, k, p.Checkpoint); err != nil || j.Verdict != Genuine {
		return err
	}
	r, _, err := p.Check(k.trust)
	if err != nil {
		j.failed(Forged, Check{Code: "inclusion", Size: p.Seq})
		return nil //nolint:nilerr // what is wrong with the paper is the answer
	}
	j.Record = &r
	j.passed(Check{Code: "inclusion", Size: r.Seq})
	return nil
}

// consistency checks that one checkpoint continues another, and that both are of the log here.
func (j *Judgement) consistency(ctx context.Context, tx *store.Tx, k keys, text string) error {
	var c ledger.Consistency
	if json.Unmarshal([]byte(text), &c) != nil {
		j.failed(Forged, Check{Code: "form"})
		return nil //nolint:nilerr // what cannot be read is judged, and no failure of ours
	}
	for _, note := range []string{c.Old, c.New} {
		if err := j.checkpoint(ctx, tx, k, note); err != nil || j.Verdict != Genuine {
			return err
		}
	}
	old, _, err := c.Check(k.trust)
	if err != nil {
		j.failed(Forged, Check{Code: "consistency"})
		return nil //nolint:nilerr // what is wrong with the paper is the answer
	}
	j.passed(Check{Code: "consistency", Size: old.Size})
	return nil
}

// record looks whether the log has just this record. It carries its own random salt, so that nobody can guess one.
func (j *Judgement) record(ctx context.Context, tx *store.Tx, text string) error {
	r, err := ledger.ParseRecord([]byte(text))
	if err != nil {
		j.failed(Forged, Check{Code: "form"})
		return nil //nolint:nilerr // what is wrong with the paper is the answer
	}
	leaf := ledger.LeafHash([]byte(text))
	e, err := tx.EntryByHash(ctx, leaf[:])
	switch {
	case errors.Is(err, fault.NotFound), err == nil && e.Seq != r.Seq:
		j.failed(Forged, Check{Code: "leaf", Size: r.Seq})
		return nil
	case err != nil:
		return err
	}
	j.Record = &r
	j.passed(Check{Code: "leaf", Size: r.Seq})
	return nil
}

// receipt checks that this ledger's key signed the receipt of a report. It says nothing of the report: whether there is
// one, and what became of it, is for whoever has its code.
func (j *Judgement) receipt(k keys, text string) {
	line, _, _ := strings.Cut(text, "\n")
	origin := strings.TrimSuffix(line, report.Title)
	if origin != k.origin {
		j.failed(Foreign, Check{Code: "origin", Text: origin})
		return
	}
	j.passed(Check{Code: "origin", Text: origin})
	text = report.Pasted(text)
	r, err := report.ParseReceipt(text)
	if err != nil {
		j.failed(Forged, Check{Code: "form"})
		return
	}
	if _, err := ledger.OpenText([]byte(text), report.Title, k.trust); err != nil {
		j.failed(Forged, Check{Code: "signature"})
		return
	}
	j.Receipt = &r
	j.passed(Check{Code: "signature", Text: k.origin})
}

// keys looks whether all the verifier keys that were pasted are this log's or its witnesses'.
func (j *Judgement) keys(k keys, text string) {
	known := map[string]bool{}
	for line := range strings.FieldsSeq(k.public) {
		known[line] = true
	}
	for line := range strings.FieldsSeq(text) {
		if !known[line] {
			j.failed(Foreign, Check{Code: "key", Text: short(line)})
			return
		}
		j.passed(Check{Code: "key", Text: short(line)})
	}
}
