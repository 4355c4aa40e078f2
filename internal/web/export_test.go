package web

import "net/http"

// Mux returns what New puts behind its headers.
func Mux(c Config) (*http.ServeMux, error) {
	_, mux, err := pages(c)
	return mux, err
}
