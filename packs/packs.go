// Package packs holds the data that Tocsin ships with: feed packs and their samples, the class library, and the table
// of Shadowserver's report types. It owns the files and nothing of their meaning: feed, notice and shadowserver read them.
package packs

import (
	"embed"
	"io/fs"
)

//go:embed feeds classes shadowserver
var files embed.FS

// FS returns all shipped data: feeds/NAME.yaml, feeds/samples/*, classes/*.yaml, shadowserver/*.
func FS() fs.FS { return files }

// Feeds returns the feed packs: NAME.yaml, and the samples under samples/.
func Feeds() fs.FS { return folder("feeds") }

// Classes returns the class library.
func Classes() fs.FS { return folder("classes") }

// Shadowserver returns the table of report types.
func Shadowserver() fs.FS { return folder("shadowserver") }

func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // a fixed, valid path
	}
	return sub
}
