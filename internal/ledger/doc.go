// Package ledger owns the record of acts: what an entry says, how entries are chained and added to a Merkle log, how
// the log is signed, laid out in tiles and verified. The store keeps the entries; this package decides what counts.
//
// # Format
//
// What follows is enough to write a verifier from. All base64 is standard with padding, all hashes are SHA-256.
//
// A record is one JSON object without space between its parts, with these fields in this order:
//
//	seq         place in the log, from 1, without gaps
//	at          instant, RFC 3339 in UTC with six digits of a second: 2026-01-31T08:00:00.000000Z
//	actor       person:…, party:…, feed:…, software:… or nobody
//	post        in which a person acted, else ""
//	act         what was done: package.verb
//	object      what it was done to: kind:id
//	reason      a code or a short sentence
//	body        JSON object, byte for byte as stored, where it has at most 32 KiB; else instead of it
//	body_sha256 base64 of the hash of the stored body
//	salt        base64 of random bytes: without it the public hashes would tell what an entry says
//	commitment  base64 of SHA-256(salt ‖ payload) where an erasable payload lies beside the entry; else left out
//	cover       base64 of SHA-256 over the digests of the rows that the act left; left out where it left none
//	prev        base64 of the leaf hash of the record before; 32 zero bytes for the first
//
// Strings are escaped as Go's encoding/json does without HTML escapes: \" \\ \b \f \n \r \t, \u00xx for other control
// characters, \u2028 and \u2029, and nothing else. A record has at most 65,535 bytes.
//
// The leaf hash of a record is SHA-256(0x00 ‖ record), a node above two others is SHA-256(0x01 ‖ left ‖ right) (RFC 6962,
// section 2.1). The leaf of entry seq has index seq-1. As each record holds the leaf hash of the one before, chain and
// tree are one: the root of the tree fixes every record and their order.
//
// A checkpoint is three lines, origin, number of entries in decimal and base64 of the root, as a C2SP signed note: an
// empty line, then one line "— name base64" for each signature, where the base64 holds 4 bytes of the key's hash and the
// signature. Keys of the log are Ed25519 (type 1) and have the origin as their name. Witnesses add cosignature/v1 lines
// (type 4; C2SP tlog-cosignature). While the log's key is changed, one checkpoint carries signatures by the old and the
// new key: the entry with the act ledger.rotate names the new one in its body as "key", and the first checkpoint that
// covers this entry has both.
//
// Files lie as C2SP tlog-tiles has it, below one root:
//
//	checkpoint               the newest
//	keys                     verifier keys of the log (all there ever were, oldest first) and of its witnesses, one a line
//	tile/L/N[.p/W]           hash tile of level L (0 to 5): 256 hashes of 32 bytes, W where there are fewer
//	tile/entries/N[.p/W]     entry bundle: 256 records, each behind its length in 2 bytes, high byte first
//
// N counts from 0 and is written in groups of three digits, all but the last behind an x: 1234067 is x001/x234/067. A hash
// of level L > 0 is the root over a full tile of level L-1.
//
// A proof of one entry is a C2SP tlog-proof: its extra line holds the record.
package ledger
