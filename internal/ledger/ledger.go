package ledger

import (
	"time"

	"tocsin/internal/ident"
)

// SaltSize is the number of random bytes in every entry: they keep the log's public hashes from telling what an entry
// says.
const SaltSize = 16

// Entry is one act. It carries ids, codes and counts, never personal data or free text of a reporter.
type Entry struct {
	ID         int64      // order of birth in the database; not part of the record
	Seq        int64      // place in the log, from 1, without gaps; 0 until the sequencer gave it one
	At         time.Time  // UTC, microseconds
	Actor      string     // who acted: "person:…", "party:…" by a notice's link, "feed:…" or "software:…"
	Post       ident.Post // in which a person acted; empty for others
	Act        string     // what was done, as package and verb: "signal.accept", "finding.claim"
	Object     string     // what it was done to: "signal:12", "finding:99", "notice:ntc_…"
	Reason     string     // a code or a short sentence; why
	Body       string     // JSON object with the particulars; "{}" where there are none
	Salt       []byte     // SaltSize random bytes
	Commitment []byte     // SHA-256 over salt and payload where an erasable payload lies beside the entry; else empty
	Cover      []byte     // SHA-256 over the digests of the rows that the act left; empty where it has none
	Hash       []byte     // of its leaf in the log; nil until it has a place
}
