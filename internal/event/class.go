package event

import (
	"slices"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/strict"
)

// rsit is the Reference Security Incident Taxonomy, machine file version 1003: class and its types, exact spelling.
// harmful-speech and violence, types of abusive-content there, are outside the remit and in refused instead.
var rsit = []struct {
	taxonomy string
	types    []string
}{
	{"abusive-content", []string{"spam"}},
	{"malicious-code", []string{"infected-system", "c2-server", "malware-distribution", "malware-configuration"}},
	{"information-gathering", []string{"scanner", "sniffing", "social-engineering"}},
	{"intrusion-attempts", []string{"ids-alert", "brute-force", "exploit"}},
	{"intrusions", []string{
		"privileged-account-compromise", "unprivileged-account-compromise", "application-compromise",
		"system-compromise", "burglary",
	}},
	{"availability", []string{"dos", "ddos", "misconfiguration", "sabotage", "outage"}},
	{"information-content-security", []string{
		"unauthorised-information-access", "unauthorised-information-modification",
		"data-loss", "data-leak",
	}},
	{"fraud", []string{"unauthorised-use-of-resources", "copyright", "masquerade", "phishing"}},
	{"vulnerable", []string{
		"weak-crypto", "ddos-amplifier", "potentially-unwanted-accessible", "information-disclosure",
		"vulnerable-system",
	}},
	{"other", []string{"other", "undetermined"}},
	{"test", []string{"test"}},
}

// classAliases maps other names to RSIT types: IntelMQ's that RSIT lacks or spells otherwise, those of IntelMQ before
// version 3, and n6's categories. What has no close type is other; the source's name is kept beside it by Put.
var classAliases = map[string]string{
	"blacklist": "other", "blocklist": "other", "dga-domain": "other", "malware": "other", "proxy": "other", "tor": "other",
	"unauthorized-use-of-resources": "unauthorised-use-of-resources", "unauthorized-information-access": "unauthorised-information-access",
	"unauthorized-information-modification": "unauthorised-information-modification",
	"unauthorized-command":                  "system-compromise", "unauthorized-login": "system-compromise",

	"botnet-drone": "infected-system", "ransomware": "infected-system", "c&c": "c2-server", "c2server": "c2-server",
	"defacement": "unauthorised-information-modification", "compromised": "system-compromise", "dropzone": "other",
	"vulnerable-service": "vulnerable-system", "vulnerable-client": "vulnerable-system", "unknown": "undetermined",
	"privileged-account": "privileged-account-compromise",

	"amplifier": "ddos-amplifier", "bots": "infected-system", "backdoor": "system-compromise", "cnc": "c2-server",
	"deface": "unauthorised-information-modification", "dns-query": "other", "dos-attacker": "ddos", "dos-victim": "ddos",
	"exposed": "potentially-unwanted-accessible", "flow": "other", "flow-anomaly": "other", "fraud": "masquerade",
	"leak": "data-leak", "malurl": "malware-distribution", "malware-action": "malware-configuration", "phish": "phishing",
	"sandbox-url": "other", "scam": "masquerade", "scanning": "scanner", "server-exploit": "exploit", "spam-url": "spam",
	"vulnerable": "vulnerable-system", "webinject": "malware-configuration",
}

// refused are the names of classes about speech and violence, and of material whose possession is an offence.
var refused = []string{
	"harmful-speech", "violence", "hate-speech", "child-sexual-exploitation", "child-pornography",
	"child-porn/sexual/violent-content", "(child)-sexual-exploitation/sexual/violent-content", "csam", "csem",
	"cyberbullying", "racism", "terrorism", "extremism",
}

var taxonomies = func() map[string]string {
	m := map[string]string{}
	for _, c := range rsit {
		for _, t := range c.types {
			m[t] = c.taxonomy
		}
	}
	return m
}()

// OutOfRemit is the error of a class that Tocsin does not handle: speech, violence, and material whose possession is
// an offence. It is of kind fault.Refused. Such observations are counted and not kept.
type OutOfRemit struct{ Class string }

func (o *OutOfRemit) Error() string { return "class " + o.Class + " is outside the remit" }
func (o *OutOfRemit) Unwrap() error { return fault.Refused }

// Class returns the RSIT class and type of a name of RSIT, IntelMQ or n6, in any case and with blanks or hyphens. The
// error is *OutOfRemit, or fault.Invalid and names the nearest type.
func Class(name string) (taxonomy, typ string, err error) {
	if t, ok := taxonomies[name]; ok {
		return t, name, nil
	}
	n := strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(name)))
	if slices.Contains(refused, n) {
		return "", "", &OutOfRemit{Class: n}
	}
	if a, ok := classAliases[n]; ok {
		n = a
	}
	if t, ok := taxonomies[n]; ok {
		return t, n, nil
	}
	return "", "", fault.New(fault.Invalid, "%q is no type of RSIT; the nearest is %q", clip(name), nearest(n, Types()))
}

// Types returns the RSIT types that events may have, in RSIT's order.
func Types() []string {
	var out []string
	for _, c := range rsit {
		out = append(out, c.types...)
	}
	return out
}

// Taxonomy returns the RSIT class of a type in canonical spelling, or "".
func Taxonomy(typ string) string { return taxonomies[typ] }

// taxonomyName returns the canonical spelling of an RSIT class.
func taxonomyName(name string) (string, error) {
	n := strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(name)))
	var names []string
	for _, c := range rsit {
		if c.taxonomy == n {
			return n, nil
		}
		names = append(names, c.taxonomy)
	}
	return "", fault.New(fault.Invalid, "%q is no class of RSIT; the nearest is %q", clip(name), nearest(n, names))
}

// nearest returns the name that needs the fewest edits to become s.
func nearest(s string, names []string) string {
	word, _ := strict.Nearest(s, names)
	return word
}
