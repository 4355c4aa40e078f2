// Package house holds the shape of the code: who may import whom, what things are called, how long they may get, and
// which calls are kept to which room. It has tests only, reads source text with the standard library and runs in
// milliseconds, so the boundaries hold even where no linter can be had.
//
// The import table in rooms_test.go is that of the design; change both together. Every rule is a function from a tree of
// files to complaints, and rules_test.go shows each of them a tree that breaks it.
package house
