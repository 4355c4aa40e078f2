// Package packs holds the data that Tocsin ships with: feed packs with their samples, and the class library. It owns the
// files and nothing of their meaning: packages feed and notice read them.
package packs

import (
	"embed"
	"io/fs"
)

//go:embed feeds classes
var files embed.FS

// Feeds returns the feed packs: NAME.yaml, and the samples under samples/.
func Feeds() fs.FS { return folder("feeds") }

// Classes returns the class library.
func Classes() fs.FS { return folder("classes") }

func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // a fixed, valid path
	}
	return sub
}
