package access

import "tocsin/internal/people"

// command is what whoever owns the data folder does with this program's commands: they could do anything to it anyway,
// and what they do by it is in the ledger.
const command = "command"

// Acts says what each act needs. An act that is not here cannot be done.
var Acts = map[string]Need{
	// Signals and feeds.
	"signal.accept": {Feed: true, Software: []string{command, "drop", "poll"}},
	"signal.finish": {Software: []string{"fold"}},
	"signal.replay": {Power: people.Feeds, Software: []string{command}},
	"feed.put":      {Power: people.Feeds, Software: []string{command}},
	"feed.drift":    {Software: []string{"fold"}},
	"feed.fail":     {Software: []string{"poll"}},
	"feed.recover":  {Software: []string{"poll"}},
	"feed.silent":   {Software: []string{"watch"}},
	"feed.speak":    {Software: []string{"watch"}},

	// Findings.
	"finding.fold":        {Software: []string{"fold"}},
	"finding.verify":      {Software: []string{"verify"}},
	"finding.expire":      {Software: []string{"verify"}},
	"finding.reattribute": {Software: []string{"attribute", "fold", command}},
	"finding.attribute":   {Power: people.Triage},
	"finding.discard":     {Power: people.Triage},
	"finding.reject":      {Power: people.Triage},
	"queue.done":          {Power: people.Triage},

	// Notices.
	"notice.plan":       {Software: []string{"notify"}},
	"notice.no_contact": {Software: []string{"notify"}},
	"notice.send":       {Software: []string{"notify"}},
	"notice.defer":      {Software: []string{"notify"}},
	"notice.fail":       {Software: []string{"notify"}},
	"notice.withdraw":   {Software: []string{"notify"}},
	"notice.retarget":   {Software: []string{"notify"}},
	"notice.escalate":   {Software: []string{"notify"}},
	"notice.rest":       {Software: []string{"notify"}},
	"notice.bounce":     {Software: []string{"bounce"}},
	"notice.answer":     {Power: people.Answer, Party: true},

	// The register.
	"party.import": {Software: []string{command}},
	"party.put":    {Power: people.Register, Software: []string{command}},
	"party.end":    {Power: people.Register, Two: true, Fresh: true},

	// Signing in. Those that nobody needs to be known for prove who it is.
	"sign_in.open":  {Nobody: true},
	"sign_in.fail":  {Nobody: true},
	"sign_in.close": {Self: true},
	"link.offer":    {Power: people.Staff, Software: []string{command}},
	"staff.found":   {Nobody: true, Software: []string{command}},
}
