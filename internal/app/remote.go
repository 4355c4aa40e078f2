package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	far "tocsin/client"
	"tocsin/internal/fault"
)

// remote is where another installation is and how it is asked.
type remote struct {
	URL       string `required:"" placeholder:"URL" help:"Address of the installation: https://tocsin.example."`
	Token     string `placeholder:"TOKEN" help:"Token to show; a file keeps it out of the list of processes."`
	TokenFile string `placeholder:"FILE" help:"File that holds the token."`
}

// pushTimeout bounds one push: a signal may be large and the line slow.
const pushTimeout = 2 * time.Hour

func (o remote) client() (*far.Client, error) {
	token := o.Token
	if o.TokenFile != "" {
		data, err := os.ReadFile(o.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("read the token: %w", err)
		}
		token = strings.TrimSpace(string(data))
	}
	if token == "" {
		return nil, fault.New(fault.Invalid, "token: --token or --token-file was expected")
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.New(fault.Invalid, "url: %q does not begin with https:// or http:// and a host", o.URL)
	}
	return &far.Client{URL: o.URL, Token: token, HTTP: &http.Client{Timeout: pushTimeout}}, nil
}

// refused makes what the other installation explained an error for people.
func refused(err error) error {
	p, ok := far.IsProblem(err)
	if !ok {
		return err
	}
	kind := fault.Denied
	switch p.Status {
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		kind = fault.Invalid
	case http.StatusNotFound:
		kind = fault.NotFound
	case http.StatusConflict:
		kind = fault.Conflict
	}
	return fault.New(kind, "%s", p.Error())
}

type pushCommand struct {
	remote
	File string `arg:"" help:"File to send, or - for standard input."`
	Name string `name:"as" help:"What the signal is called; the file's name where it is not given."`
	Key  string `help:"Idempotency key: the same key again is the same signal."`
}

// Run sends one signal and prints its receipt.
func (c *pushCommand) Run(r *running) error {
	to, err := c.client()
	if err != nil {
		return err
	}
	body, name := r.in, c.Name
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("read the signal: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		if body = f; name == "" {
			name = filepath.Base(c.File)
		}
	}
	got, err := to.Push(r.ctx, name, c.Key, body)
	if err != nil {
		return refused(err)
	}
	known := ""
	if got.Known {
		known = " (known already)"
	}
	_, err = fmt.Fprintf(r.out, "signal %d of %s, %d bytes, sha256 %s%s\n", got.Signal, got.Feed, got.Bytes, got.SHA256, known)
	return err
}

type remoteCommand struct {
	Findings remoteFindings `cmd:"" help:"List findings of another installation."`
	Events   remoteEvents   `cmd:"" help:"Print events of another installation as they happen."`
}

type remoteFindings struct {
	remote
	JSON     bool   `name:"json" help:"One JSON object a line."`
	State    string `placeholder:"STATE" help:"live (the usual), all, or a state."`
	Severity string `placeholder:"SEVERITY" help:"At least this severe."`
	Party    string `placeholder:"PARTY" help:"Who answers for them."`
	Limit    int    `default:"1000" help:"Most findings; 0 lists all."`
}

// Run lists findings.
func (c *remoteFindings) Run(r *running) error {
	to, err := c.client()
	if err != nil {
		return err
	}
	ask := url.Values{"limit": {"500"}}
	for name, value := range map[string]string{"state": c.State, "severity": c.Severity, "party": c.Party} {
		if value != "" {
			ask.Set(name, value)
		}
	}
	w := tabwriter.NewWriter(r.out, 0, 4, 2, ' ', 0)
	lines := json.NewEncoder(r.out)
	n := 0
	for f, err := range to.Findings(r.ctx, ask) {
		if err != nil {
			return errors.Join(w.Flush(), refused(err))
		}
		if c.JSON {
			err = lines.Encode(f)
		} else {
			_, err = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", f.ID, f.Severity, f.State, f.Asset, f.Identifier, f.Party, f.TLP)
		}
		if n++; err != nil || n == c.Limit {
			return errors.Join(err, w.Flush())
		}
	}
	return w.Flush()
}

type remoteEvents struct {
	remote
	After int64 `default:"-1" help:"Place in the ledger to go on from; without it, from now on."`
}

// Run prints events, one JSON object a line, until it is stopped.
func (c *remoteEvents) Run(r *running) error {
	to, err := c.client()
	if err != nil {
		return err
	}
	lines := json.NewEncoder(r.out)
	err = to.Events(r.ctx, c.After, func(e far.Event) error { return lines.Encode(e) })
	if r.ctx.Err() != nil {
		return nil //nolint:nilerr // whoever runs it has stopped it
	}
	return refused(err)
}
