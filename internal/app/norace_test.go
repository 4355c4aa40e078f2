//go:build !race

package app

// mutations is how many changes TestTamper makes, one at a time, each on a copy of its own.
const mutations = 300
