// Package format knows every format that a pack can name and opens parts of signals in it. It owns nothing but this
// list, and is the only package that imports all sub-packages of feed.
package format

import (
	"io"

	"tocsin/internal/fault"
	"tocsin/internal/feed"
	"tocsin/internal/feed/intelmq"
	"tocsin/internal/feed/list"
	"tocsin/internal/feed/shadowserver"
	"tocsin/internal/feed/table"
)

// formats maps the format a pack names to what reads it.
var formats = map[string]feed.Format{
	"shadowserver": shadowserver.Format{},
	"intelmq":      intelmq.Format{},
	"list":         list.Format{},
	"table":        table.Format{},
}

// Open starts to read the part called name in the format of pack; fault.Invalid where the part cannot be read or the
// pack names no format that exists.
func Open(pack *feed.Pack, name string, r io.Reader, opts feed.Options) (*feed.Part, error) {
	f, ok := formats[pack.Format]
	if !ok {
		return nil, fault.New(fault.Invalid, "pack %s: format %q is none of shadowserver, intelmq, list, table", pack.Name, pack.Format)
	}
	return feed.Open(f, pack, name, r, opts)
}
