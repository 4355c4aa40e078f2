// Package reach tests who reaches what: every way to findings and notices that acts offer, against one grid written by
// hand. It has no code of its own, because what it tests lies in many packages of acts.
package reach
