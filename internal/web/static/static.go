// Package static owns the stylesheet, the script and the drawings that pages load, embedded in the binary and served
// under names that carry their hash, so that a browser may keep them for ever.
package static

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"sync"
	"time"
)

//go:embed *.css *.js *.svg
var files embed.FS

// Prefix is where the assets lie.
const Prefix = "/static/"

type asset struct {
	path string // with hash
	kind string
	body []byte
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
	for _, e := range entries {
		body, err := files.ReadFile(e.Name())
		if err != nil {
			panic(fmt.Sprintf("static: %v", err))
		}
		sum := sha256.Sum256(body)
		all[e.Name()] = asset{Prefix + hex.EncodeToString(sum[:6]) + "/" + e.Name(), kinds[path.Ext(e.Name())], body}
	}
	return all
})

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
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	})
}
