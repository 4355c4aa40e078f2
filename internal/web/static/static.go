// Package static owns the stylesheet, the scripts and the drawings that pages load, embedded in the binary and served
// under one folder that carries their hash, so that a browser may keep them for ever and modules find each other. A page
// needs one tag, <script type="module" src="{{asset "tocsin.js"}}">, which imports the rest.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed *.css *.js *.svg
var files embed.FS

// Prefix is where the assets lie.
const Prefix = "/static/"

type asset struct {
	path string // with the hash of all
	kind string
	body []byte
	gzip []byte // body, packed once: nothing in it is secret, so its size tells nothing
}

// assets returns every asset by its plain name, read once.
var assets = sync.OnceValue(func() map[string]asset {
	kinds := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	all := map[string]asset{}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("static: %v", err)) // embedded at build time: a broken program
	}
	sum := sha256.New()
	for _, e := range entries {
		body, err := files.ReadFile(e.Name())
		if err != nil {
			panic(fmt.Sprintf("static: %v", err))
		}
		fmt.Fprintf(sum, "%s %d\n", e.Name(), len(body))
		sum.Write(body)
		all[e.Name()] = asset{"", kinds[path.Ext(e.Name())], body, packed(body)}
	}
	folder := Prefix + hex.EncodeToString(sum.Sum(nil)[:6]) + "/"
	for name, a := range all {
		a.path = folder + name
		all[name] = a
	}
	return all
})

func packed(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("static: %v", err)) // a buffer takes what it is given
	}
	return b.Bytes()
}

// Path returns the address of the asset called name; it panics for a name that was not built in, as a template with
// such a name is a broken program.
func Path(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("static: no asset " + name)
	}
	return a.path
}

// Handler serves the assets under Prefix. An address with an old hash is not found.
func Handler() http.Handler {
	byPath := map[string]asset{}
	for _, a := range assets() {
		byPath[a.path] = a
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := byPath[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", a.kind)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("Vary", "Accept-Encoding")
		body := a.body
		if accepts(r) {
			body = a.gzip
			w.Header().Set("Content-Encoding", "gzip")
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}

// accepts reports whether whoever asks takes gzip (RFC 9110, section 12.5.3); one that weighs codings gets none.
func accepts(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(coding) == "gzip" {
			return r.Header.Get("Range") == ""
		}
	}
	return false
}
