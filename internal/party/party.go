// Package party owns the organisations that have rights and duties here, what they answer for on the network, and
// the rule that says which of them answers for an asset. Pure: no SQL, no clock.
package party

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/asset"
	"tocsin/internal/event"
	"tocsin/internal/ident"
)

// Party is an organisation.
type Party struct {
	ID        ident.Party
	Name      string
	Kind      string // one of Kinds
	Sector    string // a slug, free; empty where unknown
	Region    string // a Region's ID; empty where unknown
	Language  string // "en" or "zh": of its notices unless the contact has one
	Rank      int    // decides between equal claims: lower goes first; 100 unless set
	Contacts  []Contact
	Resources []Resource
	Systems   []System
}

// Kinds of party.
var Kinds = []string{"authority", "operator", "company", "institution", "vendor", "csirt", "police"}

// Role says what a contact is for.
type Role string

// Roles of contacts, in the order in which notices try them; Backup is tried when the others stay silent.
const (
	Security   Role = "security"
	Abuse      Role = "abuse"
	Technical  Role = "technical"
	Management Role = "management"
	Backup     Role = "backup"
)

// Contact is a way to reach a party.
type Contact struct {
	ID       string
	Role     Role
	Name     string
	Mail     string
	For      string // the object that names it: a resource ("192.0.2.0/24", "AS64496", "example.org") or "system:NAME"; empty: the whole party
	Language string // overrides the party's; may be empty
	PGPKey   string // ASCII-armoured public key; may be empty
	Bounced  time.Time
	Bounce   string // why, in the words of the receiving server
	Own      bool   // entered by the party's own people: an import neither takes it away nor changes it
	Unproved bool   // own, and nobody has shown yet that mail to it is read: notices do not go there
	Replaces string // ID of the contact that this one takes the place of once it is proved; may be empty
}

// ResourceKind tells what a resource is.
type ResourceKind string

// Kinds of resource.
const (
	Prefix ResourceKind = "prefix"
	ASN    ResourceKind = "asn"
	Domain ResourceKind = "domain"
)

// Resource is what a party answers for on the network, for a span of time.
type Resource struct {
	ID       string
	Kind     ResourceKind
	Value    string    // canonical: "192.0.2.0/24", "64496", "example.org"
	Source   string    // who says so: "manual", "registry", "import:FILE"
	From     time.Time // inclusive
	To       time.Time // exclusive; zero = still
	Verified time.Time // when somebody last checked; zero = never
}

// System is a registered information system of a party.
type System struct {
	ID         string
	Name       string
	Asset      asset.Asset
	Protection int // level 1 to 5 of the register; 0 unknown
	Products   []string
}

// Region is a node in the tree of regions (ISO 3166-2 or national codes).
type Region struct {
	ID      string
	Parent  string
	NameEN  string
	NameZH  string
	Default ident.Party // answers for what nobody in the region claims; may be empty
	Tile    Tile        // where maps of tiles draw it
}

// Tile is a place on the grid that maps of tiles are drawn on; columns count from the left and rows from the top, from 1.
// The zero Tile is none: the region is on no map.
type Tile struct{ Column, Row int }

// MaxTile is the last column and the last row of the grid.
const MaxTile = 30

// String writes a tile as it is written in a file of regions.
func (t Tile) String() string { return fmt.Sprintf("[%d, %d]", t.Column, t.Row) }

// Below returns a region with all that lie in it.
func Below(regions []Region, id string) []string {
	out := []string{id}
	for i := 0; i < len(out); i++ {
		for _, r := range regions {
			if r.Parent == out[i] && !slices.Contains(out, r.ID) {
				out = append(out, r.ID)
			}
		}
	}
	return out
}

// Basis is the ground of an attribution.
type Basis string

// Bases, the strongest first. Nobody means that no rule found a party: the finding goes to the desk's orphans.
const (
	ByHand   Basis = "hand" // the desk said so for this finding
	ByRule   Basis = "rule" // a routing rule of the desk; Matched is its number
	BySystem Basis = "system"
	ByPrefix Basis = "prefix"
	ByDomain Basis = "domain"
	ByASN    Basis = "asn"
	ByRegion Basis = "region"
	Nobody   Basis = "nobody"
)

// Subject is what the rule looks at: the asset and what the event says around it.
type Subject struct {
	Asset   asset.Asset
	IP      string // source.ip where the asset is something else; may be empty
	Domain  string // source.fqdn or the host of a URL; may be empty
	ASN     uint32 // from the event or a table; 0 unknown
	Region  string // region of the event, its code or its name; may be empty
	Country string // ISO 3166-1 code of the event, upper case; may be empty

	// What routing rules look at besides.
	Feed       ident.Feed
	Stream     string
	Type       string // of RSIT
	Identifier string
	Severity   event.Severity
}

// Router is what the desk's routing rules say of a subject that the register answers for: another answer, or false.
type Router func(s *Subject, is Attribution) (Attribution, bool)

// Attribution is the answer, with what it rests on.
type Attribution struct {
	Party      ident.Party
	Basis      Basis
	Matched    string // the resource that decided: "192.0.2.0/24"
	Confidence int    // percent
	Region     string // of the party, else of the event; of the event where the region's default contact answers
	Claims     []Claim
}

// Claim is one party that could answer, in the order of the rule; the first is the one that does.
type Claim struct {
	Party      ident.Party
	Basis      Basis
	Matched    string
	Source     string    // of the resource
	Resource   string    // its ID, or the system's
	From       time.Time // of the resource
	Verified   time.Time // of the resource; zero = never
	Confidence int       // percent
	Why        string    // code of the step that put it here: WhyOnly, WhyLongest, …
}

// Words returns what a search of the parties looks through, folded: the name, the id, the sector and the region, a line each.
func (p *Party) Words() string {
	return asset.Fold(strings.Join([]string{p.Name, string(p.ID), p.Sector, p.Region}, "\n"))
}
