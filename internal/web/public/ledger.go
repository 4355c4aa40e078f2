package public

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/people"
	"tocsin/internal/web/page"
)

// published serves the ledger as a log for programs (C2SP tlog-tiles): anybody may fetch the checkpoint, the keys and the
// hashes, which tell nothing of what entries say. Entries themselves are for those who may audit.
type published struct{ log *record.Log }

// LedgerRoutes lists the addresses of the ledger as a log; with nil, nothing lies there.
func LedgerRoutes(l *record.Log) []page.Route {
	p := &published{l}
	return []page.Route{
		{Pattern: "GET /ledger/checkpoint", Door: page.ForAll, Handle: p.text(record.CheckpointPath)},
		{Pattern: "GET /ledger/keys", Door: page.ForAll, Handle: p.text(record.KeysPath)},
		{Pattern: "GET /ledger/tile/{path...}", Door: page.ForAll, Handle: p.tile},
		{Pattern: "GET /ledger/proof", Door: page.ForHolder, Handle: p.proof},
		{Pattern: "GET /ledger/consistency", Door: page.ForAll, Handle: p.consistency},
	}
}

// nowhere hides what was not there: one text for all of it.
func (p *published) nowhere(v *page.Visit, err error) error {
	if err == nil || errors.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "%s", v.T("error.no_page"))
	}
	return err
}

func (p *published) text(path string) page.Handler {
	return func(v *page.Visit) error {
		if p.log == nil {
			return p.nowhere(v, nil)
		}
		data, err := p.log.File(v.R.Context(), path)
		if err != nil {
			return p.nowhere(v, err)
		}
		return send(v, "text/plain; charset=utf-8", data)
	}
}

// tile serves hash tiles, which never change once they are full; a partial one never changes either, it is only
// superseded.
func (p *published) tile(v *page.Visit) error {
	path := "tile/" + v.R.PathValue("path")
	entries, err := record.Bundled(path)
	if err != nil || p.log == nil || entries && !audits(v) {
		return p.nowhere(v, nil)
	}
	data, err := p.log.File(v.R.Context(), path)
	if err != nil {
		return p.nowhere(v, err)
	}
	if entries {
		v.W.Header().Set("Cache-Control", "no-store")
	} else {
		v.W.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		v.W.Header().Del("Vary")
	}
	return send(v, "application/octet-stream", data)
}

// proof serves the proof of one entry, with the entry itself, as text or, for whoever accepts that, as JSON.
func (p *published) proof(v *page.Visit) error {
	seq, err := strconv.ParseInt(v.R.FormValue("seq"), 10, 64)
	if err != nil || p.log == nil || !audits(v) {
		return p.nowhere(v, nil)
	}
	proof, err := p.log.Proof(v.R.Context(), seq)
	if err != nil {
		return p.nowhere(v, err)
	}
	if strings.Contains(v.R.Header.Get("Accept"), "application/json") {
		return sendJSON(v, proof)
	}
	v.W.Header().Set("Content-Disposition", `attachment; filename="entry-`+strconv.FormatInt(seq, 10)+`.tlog-proof"`)
	return send(v, "text/plain; charset=utf-8", []byte(proof.Text()))
}

// consistency serves the proof that the newest checkpoint continues an older one.
func (p *published) consistency(v *page.Visit) error {
	old, err := strconv.ParseInt(v.R.FormValue("old"), 10, 64)
	if err != nil || old < 1 || p.log == nil {
		return p.nowhere(v, nil)
	}
	c, err := p.log.Consistency(v.R.Context(), old)
	if err != nil {
		return p.nowhere(v, err)
	}
	return sendJSON(v, c)
}

// audits reports whether the visitor may read every entry.
func audits(v *page.Visit) bool { return !v.Who.Weak && v.Who.Holds(people.Audit, ident.Authority) }

func sendJSON(v *page.Visit, body any) error {
	data, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		return err
	}
	return send(v, "application/json", append(data, '\n'))
}

func send(v *page.Visit, mime string, data []byte) error {
	h := v.W.Header()
	h.Set("Content-Type", mime)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	v.W.WriteHeader(http.StatusOK)
	_, _ = v.W.Write(data) // a reader that went away is told nothing
	return nil
}
