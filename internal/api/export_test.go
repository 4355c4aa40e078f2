package api

// Mux returns what New answers with.
var Mux = newMux
