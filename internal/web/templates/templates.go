// Package templates holds the HTML of every page: one file per page below public, member, desk and account, what they share in
// part, and the layout around all of them. Package page parses and fills them.
package templates

import "embed"

// Files holds layout.html, part/*.html and the pages.
//
//go:embed layout.html part/*.html public/*.html member/*.html desk/*.html account/*.html
var Files embed.FS
