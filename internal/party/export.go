package party

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/fault"
)

// Write writes parties and regions in format f, in the order given. CSV and YAML carry everything but IDs and bounce
// marks, and Read gives it back. RPSL carries what its registries know: names, prefixes and AS numbers that hold at
// instant at, and the abuse, security, technical and management contacts; no regions, domains and systems.
func Write(w io.Writer, f Format, parties []Party, regions []Region, at time.Time) error {
	out := bufio.NewWriter(w)
	var err error
	parties = proved(parties)
	switch f {
	case CSV:
		err = writeCSV(out, parties, regions)
	case YAML:
		err = writeYAML(out, parties, regions)
	case RPSL:
		writeRPSL(out, parties, at)
	default:
		return fault.New(fault.Invalid, "%q is not one of csv, yaml, rpsl", clip(string(f)))
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("write parties: %w", err)
	}
	return nil
}

// proved leaves out the contacts that nobody has proved: read in again, they would count as the authority's word.
func proved(parties []Party) []Party {
	out := slices.Clone(parties)
	for i := range out {
		if slices.ContainsFunc(out[i].Contacts, func(c Contact) bool { return c.Unproved }) {
			out[i].Contacts = slices.DeleteFunc(slices.Clone(out[i].Contacts), func(c Contact) bool { return c.Unproved })
		}
	}
	return out
}

func writeCSV(w io.Writer, parties []Party, regions []Region) error {
	out := csv.NewWriter(w)
	row := make([]string, len(csvColumns))
	put := func(from int, cells ...string) {
		clear(row[7:])
		for i, c := range cells {
			row[from+i] = guarded(c)
		}
		_ = out.Write(row) // the writer keeps its first error
	}
	copy(row, csvColumns)
	_ = out.Write(row)
	for _, p := range parties {
		for i, c := range []string{string(p.ID), p.Name, p.Kind, p.Sector, p.Region, p.Language, strconv.Itoa(p.Rank)} {
			row[i] = guarded(c)
		}
		for _, c := range p.Contacts {
			put(7, string(c.Role), c.Name, c.Mail, c.Language, c.PGPKey, c.For)
		}
		for _, r := range p.Resources {
			put(13, string(r.Kind), r.Value, r.Source, writeInstant(r.From), writeInstant(r.To), writeInstant(r.Verified))
		}
		for _, s := range p.Systems {
			put(19, s.Name, string(s.Asset.Kind), s.Asset.Value, strconv.Itoa(s.Protection), strings.Join(s.Products, ";"))
		}
		if len(p.Contacts)+len(p.Resources)+len(p.Systems) == 0 {
			put(7)
		}
	}
	clear(row)
	for _, g := range regions {
		column, row := "", ""
		if g.Tile != (Tile{}) {
			column, row = strconv.Itoa(g.Tile.Column), strconv.Itoa(g.Tile.Row)
		}
		put(24, g.ID, g.Parent, g.NameEN, g.NameZH, string(g.Default), column, row)
	}
	out.Flush()
	return out.Error()
}

// The YAML form as structs, for writing; reading keeps line numbers and does without.
type (
	yamlFile struct {
		Regions []yamlRegion `yaml:"regions,omitempty"`
		Parties []yamlParty  `yaml:"parties,omitempty"`
	}
	yamlRegion struct {
		Code    string `yaml:"code"`
		Parent  string `yaml:"parent,omitempty"`
		NameEN  string `yaml:"name_en,omitempty"`
		NameZH  string `yaml:"name_zh,omitempty"`
		Default string `yaml:"default,omitempty"`
		Tile    []int  `yaml:"tile,flow,omitempty"`
	}
	yamlParty struct {
		ID        string         `yaml:"id"`
		Name      string         `yaml:"name"`
		Kind      string         `yaml:"kind,omitempty"`
		Sector    string         `yaml:"sector,omitempty"`
		Region    string         `yaml:"region,omitempty"`
		Language  string         `yaml:"language,omitempty"`
		Rank      int            `yaml:"rank,omitempty"`
		Contacts  []yamlContact  `yaml:"contacts,omitempty"`
		Resources []yamlResource `yaml:"resources,omitempty"`
		Systems   []yamlSystem   `yaml:"systems,omitempty"`
	}
	yamlContact struct {
		Role     string `yaml:"role"`
		Name     string `yaml:"name,omitempty"`
		Mail     string `yaml:"mail"`
		For      string `yaml:"for,omitempty"`
		Language string `yaml:"language,omitempty"`
		PGPKey   string `yaml:"pgp_key,omitempty"`
	}
	yamlResource struct {
		Prefix   string `yaml:"prefix,omitempty"`
		ASN      string `yaml:"asn,omitempty"`
		Domain   string `yaml:"domain,omitempty"`
		Source   string `yaml:"source,omitempty"`
		From     string `yaml:"from,omitempty"`
		To       string `yaml:"to,omitempty"`
		Verified string `yaml:"verified,omitempty"`
	}
	yamlSystem struct {
		Name       string   `yaml:"name"`
		Kind       string   `yaml:"kind,omitempty"`
		Asset      string   `yaml:"asset,omitempty"`
		Protection int      `yaml:"protection,omitempty"`
		Products   []string `yaml:"products,flow,omitempty"`
	}
)

func writeYAML(w io.Writer, parties []Party, regions []Region) error {
	var f yamlFile
	for _, g := range regions {
		y := yamlRegion{Code: g.ID, Parent: g.Parent, NameEN: g.NameEN, NameZH: g.NameZH, Default: string(g.Default)}
		if g.Tile != (Tile{}) {
			y.Tile = []int{g.Tile.Column, g.Tile.Row}
		}
		f.Regions = append(f.Regions, y)
	}
	for _, p := range parties {
		y := yamlParty{ID: string(p.ID), Name: p.Name, Kind: p.Kind, Sector: p.Sector, Region: p.Region, Language: p.Language, Rank: p.Rank}
		for _, c := range p.Contacts {
			y.Contacts = append(y.Contacts, yamlContact{string(c.Role), c.Name, c.Mail, c.For, c.Language, c.PGPKey})
		}
		for _, r := range p.Resources {
			k := yamlResource{Source: r.Source, From: writeInstant(r.From), To: writeInstant(r.To), Verified: writeInstant(r.Verified)}
			switch r.Kind {
			case Prefix:
				k.Prefix = r.Value
			case ASN:
				k.ASN = r.Value
			case Domain:
				k.Domain = r.Value
			}
			y.Resources = append(y.Resources, k)
		}
		for _, s := range p.Systems {
			y.Systems = append(y.Systems, yamlSystem{s.Name, string(s.Asset.Kind), s.Asset.Value, s.Protection, s.Products})
		}
		f.Parties = append(f.Parties, y)
	}
	out := yaml.NewEncoder(w)
	out.SetIndent(2)
	if err := out.Encode(f); err != nil {
		return err
	}
	return out.Close()
}

// rpslRoles are the contacts that RPSL has attributes for.
var rpslRoles = []struct {
	role      Role
	attribute string
	class     string
	mail      string
}{
	{Abuse, "abuse-c", "role", "abuse-mailbox"},
	{Security, "mnt-irt", "irt", "e-mail"},
	{Technical, "tech-c", "role", "e-mail"},
	{Management, "admin-c", "role", "e-mail"},
}

func writeRPSL(w *bufio.Writer, parties []Party, at time.Time) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-16s%s\n", name+":", uncomment(value))
		}
	}
	for _, p := range parties {
		var people strings.Builder
		line("organisation", string(p.ID))
		line("org-name", p.Name)
		line("org-type", orgType(p.Kind))
		line("country", country(p.Region))
		contacts := func(object string) {
			for _, r := range rpslRoles {
				for i, c := range p.Contacts {
					if c.Role != r.role || c.For != object {
						continue
					}
					handle := fmt.Sprintf("%s-%s-%d", p.ID, r.role, i+1)
					line(r.attribute, handle)
					people.WriteString(person(r.class, r.mail, handle, c))
				}
			}
		}
		contacts("")
		line("source", "TOCSIN")
		_ = w.WriteByte('\n') // the writer keeps its first error
		for _, r := range p.Resources {
			if r.From.After(at) || !r.To.IsZero() && !r.To.After(at) || r.Kind == Domain {
				continue
			}
			name, class, value := "netname", "inetnum", r.Value
			switch {
			case r.Kind == ASN:
				name, class, value = "as-name", "aut-num", "AS"+value
			case strings.Contains(value, ":"):
				class = "inet6num"
			}
			line(class, value)
			line(name, strings.ToUpper(string(p.ID)))
			line("org", string(p.ID))
			contacts(r.object())
			line("created", rpslInstant(r.From))
			line("last-modified", rpslInstant(r.Verified))
			line("source", "TOCSIN")
			_ = w.WriteByte('\n')
		}
		_, _ = w.WriteString(people.String())
	}
}

func orgType(kind string) string {
	if kind == "operator" {
		return "LIR"
	}
	return "OTHER"
}

func rpslInstant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func person(class, mail, handle string, c Contact) string {
	var b strings.Builder
	if class == "irt" {
		fmt.Fprintf(&b, "%-16s%s\n", "irt:", handle)
	} else {
		name := c.Name
		if name == "" {
			name = string(c.Role)
		}
		fmt.Fprintf(&b, "%-16s%s\n%-16s%s\n", "role:", uncomment(name), "nic-hdl:", handle)
	}
	fmt.Fprintf(&b, "%-16s%s\n%-16s%s\n\n", mail+":", c.Mail, "source:", "TOCSIN")
	return b.String()
}
