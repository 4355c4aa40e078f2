package app

import (
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/internal/fault"
)

// Config is everything an operator may set. Every field is a flag, an environment variable (TOCSIN_ and the flag's
// name in capitals) and a key of tocsin.yaml by the same name; flags go first, then the environment, then the file.
type Config struct {
	Config   string     `placeholder:"FILE" help:"Configuration file (tocsin.yaml where it exists)."`
	Data     string     `default:"tocsin-data" placeholder:"DIR" help:"Folder of database, archive and keys."`
	Database string     `placeholder:"URL" secret:"url" help:"postgres://… instead of SQLite in the data folder."`
	LogLevel slog.Level `default:"info" help:"debug, info, warn or error."`

	Listen        string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address that pages and API listen on."`
	ListenConsole string `placeholder:"ADDR" help:"Address of its own for the desk, which is then not at the other."`
	ListenMetrics string `placeholder:"ADDR" help:"Address that Prometheus reads metrics from; without it there are none."`
	ListenHTTP    string `name:"listen-http" placeholder:"ADDR" help:"Address that sends browsers on to TLS (0.0.0.0:80)."`

	BaseURL    string `placeholder:"URL" help:"Address of the pages as people reach them; links in mails begin with it."`
	ConsoleURL string `placeholder:"URL" help:"Address of the desk as its people reach it, where it has its own."`
	Secure     bool   `help:"The pages are reached over TLS: cookies and headers say so."`

	TLSCert        string   `name:"tls-cert" placeholder:"FILE" help:"Certificate chain (PEM) to serve TLS with; read anew when it changes."`
	TLSKey         string   `name:"tls-key" placeholder:"FILE" help:"Its private key."`
	ACMEDomain     []string `name:"acme-domain" placeholder:"NAME" help:"Names to fetch certificates for by ACME, instead of files."`
	TrustedProxies []string `placeholder:"CIDR" help:"Reverse proxies whose X-Forwarded-For is believed."`
	Connections    int      `default:"2000" help:"Most open connections of one listener; a quarter of one address."`
	RateFactor     float64  `default:"1" help:"Factor on all rate limits; 0 switches them off."`

	Name   string `default:"CSIRT" help:"Name of the authority, as its mails and pages show it."`
	NameZH string `name:"name-zh" help:"Its name in Chinese."`
	Mail   string `default:"csirt@localhost" help:"Address that notices come from and answers go to."`
	Phone  string `help:"Telephone of the authority."`
	Zone   string `default:"UTC" help:"Time zone of times shown to people (Europe/Zurich)."`

	SMTPHost     string `name:"smtp-host" placeholder:"HOST:PORT" help:"Mail server; without one notices stay planned."`
	SMTPUser     string `name:"smtp-user" help:"User at the mail server."`
	SMTPPassword string `name:"smtp-password" secret:"" help:"Password at the mail server."`
	SMTPTLS      string `name:"smtp-tls" default:"starttls" enum:"starttls,tls,none" help:"starttls (required), tls, or none."`
	PGPKey       string `name:"pgp-key" placeholder:"FILE" help:"ASCII-armoured private key that signs mails."`

	Drop         string   `placeholder:"DIR" help:"Folder that is watched: DIR/FEED/file becomes a signal."`
	Packs        string   `placeholder:"DIR" help:"Folder of feed packs beside those that are built in."`
	Schema       string   `placeholder:"FILE" help:"A newer Shadowserver schema (intelmq.json) than the one built in."`
	ASN          string   `name:"asn" placeholder:"FILE" help:"MMDB file that tells the AS number of an address."`
	Country      string   `placeholder:"FILE" help:"MMDB file that tells the country of an address."`
	Map          string   `placeholder:"FILE" help:"GeoJSON file with the shapes of the regions, for the maps on pages."`
	FetchAllowed []string `placeholder:"CIDR" help:"Private prefixes that feeds may be fetched from."`

	WebhookAllowed []string `placeholder:"CIDR" help:"Private prefixes that webhooks may be sent to, by http:// too."`

	OIDCIssuer        string   `name:"oidc-issuer" placeholder:"URL" help:"OpenID provider that people may sign in at."`
	OIDCClientID      string   `name:"oidc-client-id" help:"Name of this installation at the provider."`
	OIDCClientSecret  string   `name:"oidc-client-secret" secret:"" help:"Secret of this installation at the provider."`
	OIDCClaim         string   `name:"oidc-claim" default:"groups" help:"Claim whose values stand for posts."`
	OIDCPosts         []string `name:"oidc-posts" placeholder:"VALUE=POST" help:"Posts that values of the claim stand for."`
	OIDCLinkByMail    bool     `name:"oidc-link-by-mail" help:"An account at the provider is linked to the person with its verified mail address."`
	BreachedPasswords string   `name:"breached-passwords" placeholder:"FILE" help:"SHA-1 list of breached passwords in order, as Have I Been Pwned hands it out."`

	Witness []string `placeholder:"\"URL KEY\"" help:"Witnesses that cosign the ledger: address and verifier key."`

	NoticesADay int           `name:"notices-a-day" default:"6" help:"Most notices to one party a day."`
	DigestHour  int           `default:"8" help:"Local hour of the daily digest, 1 to 23."`
	UrgentFrom  string        `default:"high" enum:"info,low,medium,high,critical" help:"Severity from which a notice goes out at once."`
	FadeAfter   time.Duration `default:"2160h" help:"Time without a sighting after which a finding is stale."`
}

func (c *Config) check() error {
	if c.Zone != "" {
		if _, err := time.LoadLocation(c.Zone); err != nil {
			return fault.New(fault.Invalid, "zone: %q is not a time zone such as Europe/Zurich", c.Zone)
		}
	}
	if _, err := mail.ParseAddress(c.Mail); err != nil {
		return fault.New(fault.Invalid, "mail: %q is not a mail address", c.Mail)
	}
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fault.New(fault.Invalid, "base-url: %q does not begin with https:// or http:// and a host", c.BaseURL)
		}
		c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	}
	if err := c.checkWeb(); err != nil {
		return err
	}
	switch {
	case c.DigestHour < 1 || c.DigestHour > 23:
		return fault.New(fault.Invalid, "digest-hour: %d is not from 1 to 23", c.DigestHour)
	case c.NoticesADay < 1:
		return fault.New(fault.Invalid, "notices-a-day: %d is less than 1", c.NoticesADay)
	case c.FadeAfter < 24*time.Hour:
		return fault.New(fault.Invalid, "fade-after: %s is shorter than a day", c.FadeAfter)
	}
	return nil
}

// base returns the address that links begin with.
func (c *Config) base() string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	return c.scheme() + c.Listen
}

// zone returns the installation's time zone, which check has looked at.
func (c *Config) zone() *time.Location {
	z, err := time.LoadLocation(c.Zone)
	if err != nil {
		return time.UTC
	}
	return z
}

type configCommand struct {
	Dump configDump `cmd:"" help:"Print every setting with its value and where that comes from; secrets are masked."`
}

type configDump struct{}

// Run prints the configuration as a table.
func (configDump) Run(r *running) error {
	w := tabwriter.NewWriter(r.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "# key\tvalue\torigin")
	for _, x := range r.settingsShown() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", x.Name, x.Value, x.Origin)
	}
	return w.Flush()
}

// shown returns a value for the eyes of anyone: secrets are masked.
func shown(field reflect.StructField, v reflect.Value) string {
	text := fmt.Sprint(v.Interface())
	kind, secret := field.Tag.Lookup("secret")
	switch {
	case !secret || text == "":
	case kind == "url":
		return redacted(text)
	default:
		return masked
	}
	if text == "" {
		return "-"
	}
	return text
}

// flagName returns the flag of a field as kong names it.
func flagName(f reflect.StructField) string {
	if n := f.Tag.Get("name"); n != "" {
		return n
	}
	var b strings.Builder
	for i, r := range f.Name {
		upper := r >= 'A' && r <= 'Z'
		before := i > 0 && f.Name[i-1] >= 'a' && f.Name[i-1] <= 'z'
		after := i > 0 && i+1 < len(f.Name) && f.Name[i+1] >= 'a' && f.Name[i+1] <= 'z'
		if upper && i > 0 && (before || after) {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
