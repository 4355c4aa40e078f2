package party

import (
	"cmp"
	"fmt"
	"net/mail"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp"

	"tocsin/internal/asset"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/strict"
)

// Roles lists the roles of contacts in the order in which notices try them.
var Roles = []Role{Security, Abuse, Technical, Management, Backup}

// Languages that notices can be written in.
var Languages = []string{"en", "zh"}

// Limits of texts and lists, in bytes and members.
const (
	maxText      = 300
	maxKey       = 64 << 10
	maxMembers   = 2000
	defaultRank  = 100
	maxRank      = 1_000_000
	maxProtected = 5
)

// complain takes one problem of a value: the field, and what was expected.
type complain func(field, format string, args ...any)

// Canonical returns p with every value in canonical spelling and empty choices filled with their defaults (language
// "en", rank 100, kind "company", source "manual"), or Problems that name the member and what was expected.
func (p Party) Canonical() (Party, error) {
	var out Problems
	plain := func(field, format string, args ...any) { out.add(0, field, format, args...) }
	p.canonical(plain)
	if p.Name == "" {
		plain("name", "is empty; a new party has a name")
	}
	p.fill()
	p.Contacts = slices.Clone(p.Contacts)
	for i := range p.Contacts {
		p.Contacts[i].canonical(under(plain, fmt.Sprintf("contacts[%d].", i)))
	}
	p.Resources = slices.Clone(p.Resources)
	for i := range p.Resources {
		p.Resources[i].canonical(Manual, under(plain, fmt.Sprintf("resources[%d].", i)))
	}
	p.Systems = slices.Clone(p.Systems)
	for i := range p.Systems {
		p.Systems[i].canonical(under(plain, fmt.Sprintf("systems[%d].", i)))
	}
	p.unique(plain)
	return p, out.err()
}

// under puts a path before the field of each problem.
func under(c complain, path string) complain {
	return func(field, format string, args ...any) { c(path+field, format, args...) }
}

func (p *Party) canonical(c complain) {
	p.ID = ident.Party(strings.ToLower(strings.TrimSpace(string(p.ID))))
	if !ident.Slug(string(p.ID)) {
		c("party", "%q is not an id: 1 to 64 of a-z, 0-9, '-', '_' and '.', starting with a letter or digit", clip(string(p.ID)))
	}
	p.Name = text(p.Name, "name", c)
	p.Kind = choice(p.Kind, "", Kinds, "kind", c)
	p.Language = choice(p.Language, "", Languages, "language", c)
	p.Sector = strings.ToLower(strings.TrimSpace(p.Sector))
	if p.Sector != "" && !ident.Slug(p.Sector) {
		c("sector", "%q is not a slug such as \"health\"", clip(p.Sector))
	}
	p.Region = regionID(p.Region, "region", c)
	if p.Rank < 0 || p.Rank > maxRank {
		c("rank", "%d is not from 1 to %d", p.Rank, maxRank)
	}
}

// fill gives what was left open its default.
func (p *Party) fill() {
	p.Kind, p.Language = cmp.Or(p.Kind, "company"), cmp.Or(p.Language, "en")
	if p.Rank == 0 {
		p.Rank = defaultRank
	}
}

// unique finds members that stand there twice.
func (p *Party) unique(c complain) {
	seen := map[string]bool{}
	once := func(field, what string, parts ...string) {
		key := field + "\x00" + strings.Join(parts, "\x00")
		if seen[key] {
			c(field, "%s stands there twice", what)
		}
		seen[key] = true
	}
	for _, k := range p.Contacts {
		once("contacts", string(k.Role)+" contact "+k.Mail, string(k.Role), strings.ToLower(k.Mail), k.For)
	}
	for _, s := range p.Systems {
		once("systems", s.Asset.Value, string(s.Asset.Kind), s.Asset.Value)
	}
	spans := map[string][]Resource{}
	for _, r := range p.Resources {
		key := string(r.Kind) + "\x00" + r.Value
		for _, o := range spans[key] {
			if overlap(o, r) {
				c("resources", "%s %s stands there twice for the same time", r.Kind, r.Value)
				break
			}
		}
		spans[key] = append(spans[key], r)
	}
	if len(p.Contacts) > maxMembers {
		c("contacts", "%d contacts; at most %d", len(p.Contacts), maxMembers)
	}
}

// overlap reports whether two spans of the same resource share an instant.
func overlap(a, b Resource) bool {
	return (a.To.IsZero() || b.From.Before(a.To)) && (b.To.IsZero() || a.From.Before(b.To)) &&
		(a.To.IsZero() || a.From.Before(a.To)) && (b.To.IsZero() || b.From.Before(b.To))
}

func (k *Contact) canonical(c complain) {
	k.Role = Role(choice(string(k.Role), string(Security), roleNames(), "role", c))
	k.Name = text(k.Name, "name", c)
	k.Mail = mailAddress(k.Mail, "mail", c)
	k.For = contactObject(k.For, "for", c)
	k.Language = choice(k.Language, "", Languages, "language", c)
	k.PGPKey = strings.TrimSpace(strings.ReplaceAll(k.PGPKey, "\r\n", "\n"))
	if k.PGPKey == "" {
		return
	}
	k.PGPKey += "\n"
	if err := badKey(k.PGPKey); err != nil {
		c("pgp_key", "%v", err)
	}
}

func roleNames() []string {
	out := make([]string, len(Roles))
	for i, r := range Roles {
		out[i] = string(r)
	}
	return out
}

var errPrivate = fault.New(fault.Invalid, "is a private key; export the public one (gpg --armor --export)")

// badKey says what keeps key from being an ASCII-armoured public key.
func badKey(key string) error {
	if len(key) > maxKey {
		return fault.New(fault.Invalid, "is longer than %d bytes", maxKey)
	}
	if strings.Contains(key, "PRIVATE KEY") {
		return errPrivate
	}
	ring, err := openpgp.ReadArmoredKeyRing(strings.NewReader(key))
	if err != nil || len(ring) == 0 {
		return fault.New(fault.Invalid, "is not an ASCII-armoured OpenPGP public key")
	}
	for _, e := range ring {
		if e.PrivateKey != nil {
			return errPrivate
		}
	}
	return nil
}

// mailAddress returns a lone address with its domain in canonical form.
func mailAddress(s, field string, c complain) string {
	s = strings.TrimSpace(s)
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		c(field, "%q is not a mail address such as security@example.org", clip(s))
		return s
	}
	i := strings.LastIndexByte(s, '@')
	domain, err := asset.ParseDomain(s[i+1:])
	if err != nil {
		c(field, "%q is not a mail address: %q is not a domain name", clip(s), clip(s[i+1:]))
		return s
	}
	return s[:i+1] + domain
}

func (r *Resource) canonical(source string, c complain) {
	r.Kind = ResourceKind(choice(string(r.Kind), string(guessKind(r.Value)), []string{string(Prefix), string(ASN), string(Domain)}, "kind", c))
	if v, err := CanonicalValue(r.Kind, r.Value); err != nil {
		c("resource", "%v", err)
	} else {
		r.Value = v
	}
	if r.Source = strings.TrimSpace(r.Source); r.Source == "" {
		r.Source = source
	}
	if len(r.Source) > maxText || strings.ContainsFunc(r.Source, unicode.IsControl) || !utf8.ValidString(r.Source) {
		c("source", "%q is not \"manual\", \"registry\" or \"import:FILE\"", clip(r.Source))
	}
	r.From, r.To, r.Verified = micro(r.From), micro(r.To), micro(r.Verified)
	if !r.To.IsZero() && r.To.Before(r.From) {
		c("to", "%s is before from, %s", r.To.Format(time.RFC3339), r.From.Format(time.RFC3339))
	}
}

// micro cuts an instant to what the store keeps.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// guessKind tells from the look of a value what it is.
func guessKind(v string) ResourceKind {
	v = strings.TrimSpace(v)
	if _, err := asset.ParseASN(v); err == nil {
		return ASN
	}
	if _, err := asset.ParsePrefix(v); err == nil {
		return Prefix
	}
	return Domain
}

// CanonicalValue returns the canonical spelling of a resource: a masked prefix, a bare AS number, a domain name in
// lower-case A-labels. A prefix of length 0 is refused: nobody answers for the whole internet.
func CanonicalValue(k ResourceKind, v string) (string, error) {
	switch k {
	case Prefix:
		p, err := asset.ParsePrefix(v)
		if err != nil {
			return "", err
		}
		if p.Bits() == 0 {
			return "", fault.New(fault.Invalid, "%q is the whole internet; nobody answers for that", clip(v))
		}
		if q, err := netip.ParsePrefix(strings.TrimSpace(v)); err == nil && q.Masked() != q {
			return "", fault.New(fault.Invalid, "%q has bits set behind its length; did you mean %q?", clip(v), p)
		}
		return p.String(), nil
	case ASN:
		n, err := asset.ParseASN(v)
		return strconv.FormatUint(uint64(n), 10), err
	case Domain:
		return asset.ParseDomain(strings.TrimPrefix(strings.TrimSpace(v), "*."))
	}
	return "", fault.New(fault.Invalid, "%q is not prefix, asn or domain", clip(string(k)))
}

func (s *System) canonical(c complain) {
	if s.Name = text(s.Name, "name", c); s.Name == "" {
		c("name", "is empty; a system has a name")
	}
	a, err := CanonicalAsset(s.Asset)
	if err != nil {
		c("asset", "%v", err)
	}
	s.Asset = a
	if s.Protection < 0 || s.Protection > maxProtected {
		c("protection", "%d is not a level from 0 (unknown) to %d", s.Protection, maxProtected)
	}
	products := make([]string, 0, len(s.Products))
	for _, p := range s.Products {
		if p = text(p, "products", c); p != "" && !slices.Contains(products, p) {
			products = append(products, p)
		}
		if strings.Contains(p, ";") {
			c("products", "%q has a semicolon, which separates products", clip(p))
		}
	}
	if len(products) > maxMembers {
		c("products", "%d products; at most %d", len(products), maxMembers)
	}
	if s.Products = products; len(products) == 0 {
		s.Products = nil
	}
}

// CanonicalAsset returns the canonical spelling of a system's asset: an address, a domain name or a URL. An empty kind
// is told from the look of the value. The zero Asset, of a system that is not on a network, stays.
func CanonicalAsset(a asset.Asset) (asset.Asset, error) {
	v := strings.TrimSpace(a.Value)
	if v == "" && a.Kind == "" {
		return asset.Asset{}, nil
	}
	if a.Kind == "" {
		a.Kind = asset.Domain
		if strings.Contains(v, "://") {
			a.Kind = asset.URL
		} else if _, err := asset.ParseIP(v); err == nil {
			a.Kind = asset.IP
		}
	}
	var err error
	switch a.Kind {
	case asset.IP:
		var ip netip.Addr
		if ip, err = asset.ParseIP(v); err == nil {
			v = ip.String()
		}
	case asset.Domain:
		v, err = asset.ParseDomain(v)
	case asset.URL:
		v, err = asset.ParseURL(v)
	default:
		err = fault.New(fault.Invalid, "%q is not ip, domain or url", clip(string(a.Kind)))
	}
	if err != nil {
		return a, err
	}
	return asset.Asset{Kind: a.Kind, Value: v}, nil
}

// text trims s and refuses control characters, bytes that are not UTF-8, and more than 300 bytes.
func text(s, field string, c complain) string {
	s = strings.TrimSpace(s)
	switch {
	case len(s) > maxText:
		c(field, "is longer than %d bytes", maxText)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		c(field, "%q has control characters or is not UTF-8", clip(s))
	}
	return s
}

// choice returns s in lower case if it is one of known, and ifEmpty for the empty text.
func choice(s, ifEmpty string, known []string, field string, c complain) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" {
		return ifEmpty
	}
	if !slices.Contains(known, s) {
		c(field, "%q is not one of %s%s", clip(s), strings.Join(known, ", "), strict.Hint(s, known))
	}
	return s
}

// regionID returns the code of a region in upper case: ISO 3166 ("DE", "CN-GD") or national ("440100").
func regionID(s, field string, c complain) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s == "" {
		return ""
	}
	if len(s) > 32 || s[0] == '-' || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		c(field, "%q is not the code of a region such as CN-GD", clip(s))
	}
	return s
}

func (g *Region) canonical(c complain) {
	if g.ID = regionID(g.ID, "region", c); g.ID == "" {
		c("region", "is empty; a region has a code such as CN-GD")
	}
	g.Parent = regionID(g.Parent, "parent", c)
	g.NameEN, g.NameZH = text(g.NameEN, "name_en", c), text(g.NameZH, "name_zh", c)
	if g.NameEN == "" && g.NameZH == "" {
		c("name_en", "is empty; region %s has a name in at least one language", g.ID)
	}
	g.Default = ident.Party(strings.ToLower(strings.TrimSpace(string(g.Default))))
	if t := g.Tile; t != (Tile{}) && (t.Column < 1 || t.Row < 1 || t.Column > MaxTile || t.Row > MaxTile) {
		c("tile", "%s is not a column and a row from 1 to %d", t, MaxTile)
	}
}

// CheckWhole finds what only shows when everything lies side by side: regions that name parents or default parties
// that do not exist or that go in a circle, two regions on one tile, parties in regions that do not exist, ids that stand there twice.
func CheckWhole(parties []Party, regions []Region) error {
	var out Problems
	known := make(map[string]Region, len(regions))
	for _, g := range regions {
		if _, twice := known[g.ID]; twice {
			out.add(0, "region", "%s stands there twice", g.ID)
		}
		known[g.ID] = g
	}
	ids := make(map[ident.Party]bool, len(parties))
	for i := range parties {
		p := &parties[i]
		if ids[p.ID] {
			out.add(0, "party", "%s stands there twice", p.ID)
		}
		ids[p.ID] = true
		if _, ok := known[p.Region]; p.Region != "" && !ok {
			out.add(0, "region", "party %s: there is no region %s%s", p.ID, p.Region, strict.Hint(p.Region, codes(regions)))
		}
	}
	tiles := make(map[Tile]string, len(regions))
	for _, g := range regions {
		if other, taken := tiles[g.Tile]; taken && g.Tile != (Tile{}) {
			out.add(0, "tile", "region %s: tile %s is that of region %s", g.ID, g.Tile, other)
		}
		tiles[g.Tile] = g.ID
		if _, ok := known[g.Parent]; g.Parent != "" && !ok {
			out.add(0, "parent", "region %s: there is no region %s", g.ID, g.Parent)
		}
		if g.Default != "" && !ids[g.Default] {
			out.add(0, "default", "region %s: there is no party %s", g.ID, g.Default)
		}
		at := g
		for range maxRegions {
			at = known[at.Parent]
		}
		if at.ID != "" {
			out.add(0, "parent", "region %s: its parents go in a circle or more than %d deep", g.ID, maxRegions)
		}
	}
	return out.err()
}

func codes(regions []Region) []string {
	out := make([]string, len(regions))
	for i, g := range regions {
		out[i] = g.ID
	}
	return out
}
