package page

import (
	"net/url"
	"strings"
)

// Curl is the command by which a program asks for the same list: path and query of the API, with the token in the variable
// TOKEN. Empty values are left out.
func (v *Visit) Curl(path string, q url.Values) string {
	scheme, host := "http://", v.R.Host
	if v.Kit.Secure {
		scheme = "https://"
	}
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") != "" {
		host = "localhost" // whatever somebody sent as Host is not put into a shell
	}
	ask := url.Values{}
	for name, values := range q {
		if len(values) > 0 && values[0] != "" {
			ask[name] = values[:1]
		}
	}
	address := scheme + host + path
	if len(ask) > 0 {
		address += "?" + ask.Encode()
	}
	return `curl -sS -H "Authorization: Bearer $TOCSIN_TOKEN" '` + strings.ReplaceAll(address, "'", "%27") + "'"
}
