package event

import "strings"

// Severity orders how bad a finding is. The words are Shadowserver's.
type Severity uint8

// Severities. Unknown is what a feed that says nothing says.
const (
	Unknown Severity = iota
	Info
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"", "info", "low", "medium", "high", "critical"}

// Severities lists every severity, the worst first.
var Severities = []Severity{Critical, High, Medium, Low, Info, Unknown}

func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return ""
}

// ParseSeverity reads a severity word in any case; false where it is none.
func ParseSeverity(s string) (Severity, bool) {
	for i, n := range severityNames {
		if i > 0 && strings.EqualFold(s, n) {
			return Severity(i), true
		}
	}
	return Unknown, false
}
