// Package finding owns what a finding is: which observations are one problem at one asset, the states a finding goes
// through, and what evidence may close it. Pure rules: no SQL, no clock, no I/O.
package finding

import (
	"crypto/sha256"
	"strconv"

	"tocsin/internal/asset"
)

// Key names a finding everywhere: the first 16 bytes of SHA-256 over the identity's canonical text. A cryptographic
// hash because reports carry text an attacker can choose.
type Key [16]byte

// Identity is what makes two observations the same finding: one problem at one asset.
type Identity struct {
	Asset      asset.Asset
	Port       uint16 // of a service at the asset; 0 where the class is not about a service
	Transport  string // "tcp", "udp", … ; empty as Port
	Type       string // RSIT type, canonical spelling
	Identifier string // classification.identifier of the source, lower case
	Malware    string // malware.name for infections, lower case
}

// Append appends the canonical text: the parts in a fixed order, each ended by a zero byte, which no part contains.
func (id Identity) Append(b []byte) []byte {
	b = append(b, id.Asset.Kind...)
	b = append(b, 0)
	b = append(b, id.Asset.Value...)
	b = append(b, 0)
	b = strconv.AppendUint(b, uint64(id.Port), 10)
	b = append(b, 0)
	b = append(b, id.Transport...)
	b = append(b, 0)
	return id.AppendTail(b)
}

// AppendTail appends the parts of the canonical text that follow the transport: type, identifier and malware.
func (id Identity) AppendTail(b []byte) []byte {
	b = append(b, id.Type...)
	b = append(b, 0)
	b = append(b, id.Identifier...)
	b = append(b, 0)
	b = append(b, id.Malware...)
	return append(b, 0)
}

// Key returns the identity's key.
func (id Identity) Key() Key { return KeyOf(id.Append(make([]byte, 0, 160))) }

// KeyOf returns the key of canonical text made by Append.
func KeyOf(canonical []byte) Key {
	sum := sha256.Sum256(canonical)
	return Key(sum[:16])
}
