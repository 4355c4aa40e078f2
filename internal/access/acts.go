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
	"signal.prune":  {Software: []string{"upkeep"}},
	"feed.put":      {Power: people.Feeds, Software: []string{command}},
	"feed.drift":    {Software: []string{"fold"}},
	"feed.fail":     {Software: []string{"poll"}},
	"feed.recover":  {Software: []string{"poll"}},
	"feed.silent":   {Software: []string{"watch"}},
	"feed.speak":    {Software: []string{"watch"}},
	"feed.weak":     {Software: []string{"watch"}},
	"feed.strong":   {Software: []string{"watch"}},
	"feed.level":    {Power: people.Feeds},
	"feed.sources":  {Software: []string{"fold"}},
	"feed.together": {Software: []string{"verify"}},
	"feed.apart":    {Software: []string{"verify"}},

	// Findings.
	"finding.fold":        {Software: []string{"fold"}},
	"finding.verify":      {Software: []string{"verify"}},
	"finding.expire":      {Software: []string{"verify"}},
	"finding.reattribute": {Software: []string{"attribute", "fold", command}},
	"finding.attribute":   {Power: people.Triage},
	"finding.discard":     {Power: people.Triage},
	"finding.reject":      {Power: people.Triage},
	"finding.look":        {Power: people.Raw},
	"finding.export":      {Power: people.Export},
	"list.export":         {Power: people.Export},
	"exposure.export":     {Power: people.Read}, // a party's people and its own findings
	"finding.raise":       {Power: people.Mark},
	"finding.lower":       {Power: people.Mark, Two: true},
	"finding.share":       {Power: people.Mark},
	"finding.unshare":     {Power: people.Mark},
	"notice.look":         {Power: people.Raw},
	"signal.look":         {Power: people.Raw},
	"queue.done":          {Power: people.Triage},
	"triage.undo":         {Power: people.Triage},
	"view.save":           {Power: people.Read},
	"view.end":            {Power: people.Read},

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
	"notice.ease":       {Software: []string{"notify"}},
	"notice.hold":       {Software: []string{"notify"}},
	"notice.release":    {Power: people.Register, Software: []string{command}},
	"notice.refuse":     {Power: people.Register, Software: []string{command}},
	"mail.test":         {Power: people.Staff},
	"notice.bounce":     {Software: []string{"bounce"}},
	"notice.answer":     {Power: people.Answer, Party: true},

	// Reports. Whoever sends one is nobody in particular, whether they have signed in or not.
	"report.receive":     {Nobody: true},
	"report.acknowledge": {Software: []string{"acknowledge"}},
	"report.unreached":   {Software: []string{"acknowledge"}},
	"report.take":        {Power: people.Triage},
	"report.close":       {Power: people.Triage},
	"report.forget":      {Power: people.Triage, Software: []string{"forget"}},

	// The register.
	"party.import":  {Software: []string{command}},
	"party.put":     {Power: people.Register, Software: []string{command}},
	"party.clients": {Power: people.Register, Software: []string{command}},
	"party.observe": {Power: people.Register, Software: []string{command}},
	"party.end":     {Power: people.Register, Two: true, Fresh: true},

	// The desk's rules: who answers, and how findings are told.
	"rule.route":     {Power: people.Register},
	"rule.end_route": {Power: people.Register},
	"rule.tell":      {Power: people.Triage},
	"rule.end_tell":  {Power: people.Triage},
	"rule.release":   {Power: people.Triage},
	"rule.hold":      {Software: []string{"notify"}},

	// What a party's own people say of it. Whoever holds the link that was mailed to a contact proves that contact.
	"change.propose":  {Power: people.Answer},
	"change.apply":    {Power: people.Answer},
	"change.withdraw": {Power: people.Answer},
	"change.confirm":  {Power: people.Register},
	"change.refuse":   {Power: people.Register},
	"contact.add":     {Power: people.Answer},
	"contact.put":     {Power: people.Answer},
	"contact.end":     {Power: people.Answer},
	"contact.key":     {Power: people.Answer},
	"contact.ask":     {Power: people.Answer},
	"contact.test":    {Power: people.Answer},
	"contact.prove":   {Party: true},
	"contact.mail":    {Software: []string{"letters"}},
	"party.rhythm":    {Power: people.Answer},

	// Webhooks carry news out to programs: whoever manages the access of an organisation decides about its own. Where they go,
	// and by which secret, takes a person.
	"webhook.put":    {Power: people.Staff, Fresh: true},
	"webhook.rotate": {Power: people.Staff, Fresh: true},
	"webhook.end":    {Power: people.Staff, Program: true, Software: []string{"webhook"}},
	"webhook.test":   {Power: people.Staff, Program: true},
	"webhook.retry":  {Power: people.Staff, Program: true},
	"webhook.fail":   {Software: []string{"webhook"}},

	// The key that signs the ledger.
	"ledger.rotate": {Power: people.Keys, Two: true, Fresh: true, Software: []string{command}},
	// Rows that follow from earlier entries, or were there before rows were covered.
	"ledger.cover": {Software: []string{"store"}},

	// Signing in. Those that nobody needs to be known for prove who it is.
	"sign_in.open":  {Nobody: true},
	"sign_in.fail":  {Nobody: true},
	"sign_in.close": {Self: true},

	// Proofs of identity, sessions and choices of one's own.
	"credential.add":   {Self: true},
	"credential.end":   {Self: true},
	"session.end":      {Self: true},
	"session.prove":    {Self: true},
	"account.language": {Self: true},
	"staff.sync":       {Software: []string{"oidc"}},

	"link.offer":  {Power: people.Staff, Software: []string{command}},
	"staff.found": {Nobody: true, Software: []string{command}},

	// People. Those with Fresh give a post by which somebody could give themselves any other: see people.Trusted.
	"unit.put":        {Power: people.Staff, Software: []string{command}},
	"unit.end":        {Power: people.Staff, Software: []string{command}},
	"post.put":        {Power: people.Staff, Software: []string{command}},
	"post.trust":      {Power: people.Staff, Software: []string{command}, Fresh: true},
	"post.end":        {Power: people.Staff, Software: []string{command}},
	"person.invite":   {Power: people.Staff, Software: []string{command}},
	"person.trust":    {Power: people.Staff, Software: []string{command}, Fresh: true},
	"person.assign":   {Power: people.Staff, Software: []string{command}},
	"person.entrust":  {Power: people.Staff, Software: []string{command}, Fresh: true},
	"person.unassign": {Power: people.Staff, Software: []string{command}},
	"person.disable":  {Power: people.Staff, Software: []string{command}},
	"person.enable":   {Power: people.Staff, Software: []string{command}},
	"person.put":      {Power: people.Staff, Software: []string{command}},
	"person.mail":     {Power: people.Staff, Software: []string{command}, Fresh: true},
	"person.erase":    {Power: people.Staff, Software: []string{command}, Fresh: true},
	"token.make":      {Self: true},
	"token.revoke":    {Self: true, Power: people.Staff},

	// Proposals of acts that need two. The approval is the act itself.
	"party.end.propose":     {Power: people.Register},
	"finding.lower.propose": {Power: people.Mark},
	"ledger.rotate.propose": {Power: people.Keys},
	"proposal.refuse":       {Power: people.Approve},
	"proposal.withdraw":     {Self: true, Program: true},
	"proposal.lapse":        {Software: []string{"proposals"}},
}
