// Package ident makes and names identifiers. Identifiers are text made in Go; a finding's is a number because the
// fold hands them out in sequence.
package ident

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// Party names an organisation: a short slug chosen by the operator ("city-hospital"), unique in the installation.
type Party string

// Signal numbers a received signal, from 1 in the order of arrival.
type Signal int64

// Finding numbers a finding; numbers start at 1 and follow the order of first sight.
type Finding int64

// Notice names a notice: 26 characters after "ntc_".
type Notice string

// Feed names a configured feed by a slug ("shadowserver").
type Feed string

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// New returns prefix + "_" + 26 lower-case Crockford characters holding 128 random bits.
func New(prefix string) string {
	var b [16]byte
	rand.Read(b[:])
	return prefix + "_" + crockford.EncodeToString(b[:])
}

// Secret returns 32 Crockford characters holding 160 random bits, for tokens that are shown once.
func Secret() string {
	var b [20]byte
	rand.Read(b[:])
	return crockford.EncodeToString(b[:])
}

// Slug reports whether s is 1 to 64 characters of a-z, 0-9, '-', '_' and '.', starting with a letter or digit.
func Slug(s string) bool {
	if s == "" || len(s) > 64 || strings.ContainsAny(s[:1], "-_.") {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// Person names a human with an account: 26 characters after "per_". It says nothing about who it is.
type Person string

// Unit names a part of an organisation: 26 characters after "unt_".
type Unit string

// Post names an office in a unit: a slug for the authority's own that set-up makes ("handler"), else 26 characters
// after "pst_".
type Post string

// Report names what somebody told the authority: 26 characters after "rep_". The reporter knows its number, never this.
type Report string

// Authority is the party that this installation belongs to. It coordinates all others.
const Authority Party = "authority"
