package store

import "strings"

// TableCover is what verification knows of a table. Each column is in one of the lists.
type TableCover struct {
	Table   string
	Key     string            // columns that name a row
	Group   string            // columns whose rows have one digest together; empty: each row has its own
	Block   int64             // rows whose one number divided by this is the same have one digest together; 0: see Group
	Columns string            // of which an entry has a digest; the key is in it by itself
	As      map[string]string // what of a covered column is covered, in SQL
	Derived string            // columns that verification works out again from the ledger, or from columns that are covered
	Outside string            // columns that nothing is compared with
	Why     string            // they are outside
}

// Coverage lists every table with every column. Whoever adds a column adds its name here; a test fails until then. What is
// outside is printed by verify, and stands in docs/operator/ledger.md.
var Coverage = []TableCover{
	// What came in.
	{
		Table: "feed", Key: "id", Columns: "pack title token_hash urgent quota_rows created_at disabled_at poll_url poll_every tlp",
		Outside: "poll_next poll_etag poll_modified poll_failures poll_error", Why: "when and how a feed is fetched next",
	},
	{Table: "stream", Key: "id", Columns: "feed_id name report absence_cycles columns created_at anew"},
	{Table: "cycle", Key: "stream_id day", Columns: "rows aside last_at files newest_file health"},
	{
		Table: "signal", Key: "id", Columns: "feed_id blob name bytes received_at urgent error stream_id",
		Derived: "state rows events rejected refused found seen reopened closed held finished_at", Outside: "part part_offset line", Why: "how far a signal was read",
	},
	{Table: "receipt_key", Key: "feed_id key", Columns: "signal_id"},
	{Table: "reject", Outside: "signal_id part line part_offset field reason raw replayed_at held", Why: "rows that were kept aside: the archive has the bytes, the signal their number"},
	{Table: "detail", Key: "first_id", Columns: "last_id blob"},
	{Table: "journal", Outside: "id stream_id signal_id low high blob", Why: "in which line of which signal a finding was seen: the fold's entries have its digest"},
	{Table: "journal_mark", Outside: "id written", Why: "how much of the journal the counters hold"},
	{Table: "observed", Outside: "finding_id at signal_id part line fields", Why: "what lines of signals say, read once from the archive"},
	{Table: "observed_mark", Outside: "finding_id journal_id lost", Why: "how far the journal was read for that"},
	{
		Table: "sighting", Outside: "finding_id stream_id first_at last_at count cycles days last_day last_signal last_line",
		Why: "how often and when a finding was seen: the archive and the fold's entries tell it again",
	},

	// What was found, and what became of it.
	{
		Table: "finding", Key: "id", Block: 256, Columns: "key asset_kind asset port transport type identifier malware class severity feed_severity stream_id first_at party_id basis matched confidence region tlp pap embargo_at lowered_from",
		Derived: "created_at state state_at until_at reached",
	},
	{Table: "history", Key: "tx finding_id seq", Group: "tx", Columns: "at from_state to_state trigger actor reason evidence"},
	{Table: "triage_step", Key: "entry_id", Columns: "batch act object was at undone_at"},
	{Table: "queue_item", Key: "id", Columns: "kind object title_code title_args severity created_at done_at done_by"},

	// Who is told, and what was said.
	{
		Table: "notice", Key: "id", Columns: "party_id contact_id language kind parent class severity reason created_at rendition message_id subject message tlp error",
		As: map[string]string{
			"message":    "case when state in ('planned', 'held', 'sending') then null else message end",
			"message_id": "case when state in ('planned', 'held', 'sending') then '' else message_id end",
		},
		Derived: "state attempts sent_at answered_at hold", Outside: "next_at tries leased_until", Why: "when a notice is tried next, and by which worker; its mail until it is sent",
	},
	{Table: "notice_hold", Key: "id", Columns: "reason opened_at released_at released_by"},
	{Table: "notice_finding", Key: "notice_id finding_id", Group: "notice_id"},
	{Table: "delivery", Key: "notice_id attempt", Columns: "at contact_id outcome detail"},
	{
		Table: "letter", Key: "id", Columns: "party_id contact_id kind language state created_at done_at server detail",
		As: map[string]string{"state": "case when state = 'sending' then 'waiting' else state end"}, Outside: "next_at leased_until tries", Why: "when a letter is tried next",
	},
	{Table: "report", Key: "id", Columns: "number code_hash kind state outcome language what whereabouts seen_on contact salt commitment tlp received_at taken_at taken_by closed_at"},
	{Table: "report_mail", Outside: "report_id state attempts next_at leased_until sent_at error", Why: "acknowledgements on their way"},
	{Table: "published", Key: "kind day", Columns: "body"},

	// Who answers.
	{Table: "party", Key: "id", Columns: "name kind sector region language rank created_at ended_at", Outside: "words", Why: "words of the search, which follow from the name"},
	{Table: "contact", Key: "id", Columns: "party_id role name mail language pgp_key bounced_at bounce own unproved replaces object mail_folded"},
	{Table: "resource", Key: "id", Columns: "party_id kind value source from_at to_at verified_at"},
	{Table: "system", Key: "id", Columns: "party_id name asset_kind asset protection products"},
	{Table: "region", Key: "id", Columns: "parent name_en name_zh default_party tile_column tile_row"},
	{Table: "rhythm", Key: "party_id", Columns: "urgent_from hour weekday"},
	{Table: "change_request", Key: "id", Columns: "party_id what target before after reason proposed_by proposed_at state decided_by decided_at decision"},
	{Table: "rule", Key: "number version", Columns: "kind position condition effect from_at until_at reason author written_at ended_at"},
	{Table: "rule_release", Key: "rule party_id at", Columns: "author"},

	// Who may see what.
	{Table: "share", Key: "id", Columns: "object grantee reason created_at created_by until_at ended_at"},
	{Table: "client", Key: "party_id client_id"},
	{Table: "observer_rule", Key: "id", Columns: "party_id sector region class basis created_at ended_at"},
	{Table: "saved_view", Key: "id", Columns: "owner shared name query created_at ended_at"},
	{Table: "webhook", Key: "id", Columns: "party_id label url acts secret secret_before rotated_at created_at created_by ended_at", Outside: "seen_seq", Why: "how far a webhook was told"},
	{
		Table: "webhook_delivery", Outside: "id webhook_id first_seq last_seq events withheld test body state attempts next_at leased_until created_at done_at status error",
		Why: "what is on its way to webhooks, forgotten once it arrived",
	},

	// Who may enter.
	{Table: "unit", Key: "id", Columns: "party_id parent name created_at ended_at"},
	{Table: "post", Key: "id", Columns: "unit_id title powers incompatible created_at ended_at"},
	{Table: "person", Key: "id", Columns: "party_id name mail language created_at disabled_at erased_at"},
	{Table: "assignment", Key: "id", Columns: "person_id post_id kind from_at to_at position"},
	{Table: "credential", Key: "id", Columns: "person_id kind label handle secret counter created_at used_at ended_at"},
	{Table: "link", Key: "token_hash", Columns: "kind person_id created_at expires_at used_at"},
	{Table: "session", Key: "id", Columns: "token_hash person_id method device weak created_at proved_at expires_at ended_at", Outside: "seen_at", Why: "when a session was last used"},
	{Table: "api_token", Key: "id", Columns: "token_hash person_id label scopes created_at expires_at ended_at", Outside: "used_at", Why: "when a token was last used"},
	{Table: "ceremony", Outside: "id kind person_id data expires_at", Why: "sign-ins under way"},
	{Table: "lockout", Outside: "name failures last_at until_at", Why: "how often a sign-in failed of late"},
	{Table: "proposal", Key: "id", Columns: "act object particulars digest reason proposed_by proposed_post proposed_at expires_at state decided_by decided_post decided_at decision"},

	// The ledger and what lies beside it.
	{Table: "entry", Derived: "id at actor post act object reason body salt commitment cover", Outside: "tx", Why: "marks of transactions"},
	{Table: "place", Derived: "seq entry_id hash"},
	{Table: "tree", Derived: "id level n hash"},
	{Table: "checkpoint", Derived: "size root note bridge", Outside: "at", Why: "when a checkpoint was made; older ones, which are thinned out"},
	{Table: "payload", Key: "entry_id", Columns: "subject sealed"},
	{Table: "payload_key", Key: "subject", Columns: "sealed_key created_at erased_at"},
	{Table: "cover", Derived: "tbl row_key entry_id salt digest"},
	{Table: "setting", Derived: "name", Outside: "value", Why: "marks of work under way; the ledger's name and key and the register's version are compared"},
	{Table: "counter", Outside: "name day value", Why: "counters of the program's own health"},
	{Table: "migration", Derived: "name checksum"},

	// Rollups.
	{Table: "tally_delta", Derived: "party_id sector region class type severity tlp state reached basis matched born ended n"},
	{Table: "tally_state", Derived: "owned severity tlp state n"},
	{Table: "tally_area", Derived: "sector region severity tlp state n"},
	{Table: "tally_class", Derived: "region class type severity tlp state n"},
	{Table: "tally_place", Derived: "sector region class type severity tlp state n"},
	{Table: "tally_party", Derived: "party_id sector region class type severity tlp state n"},
	{Table: "tally_born", Derived: "born owned reached severity tlp state n"},
	{Table: "tally_ended", Derived: "ended severity tlp state n"},
	{Table: "tally_life", Derived: "week days severity tlp state n"},
	{Table: "tally_matched", Derived: "party_id basis matched severity tlp state n"},
}

// covering is a covered table with its columns taken apart.
type covering struct {
	*TableCover
	key, group []string // group: the columns, or the expression, that name what has one digest
	columns    []string // the key and the covered columns
	values     string   // of columns, in SQL
	own        bool     // each row has a digest of its own: the group is the key
}

var coverings = func() map[string]*covering {
	out := map[string]*covering{}
	for i := range Coverage {
		c := &covering{TableCover: &Coverage[i], key: strings.Fields(Coverage[i].Key)}
		if len(c.key) == 0 {
			continue
		}
		c.columns = append(append([]string{}, c.key...), strings.Fields(c.Columns)...)
		values := make([]string, len(c.columns))
		for i, name := range c.columns {
			if values[i] = c.As[name]; values[i] == "" {
				values[i] = name
			}
		}
		c.values = strings.Join(values, ", ")
		switch {
		case c.Block > 0:
			c.group = []string{c.key[0]}
		case c.Group != "":
			c.group = strings.Fields(c.Group)
		default:
			c.group, c.own = c.key, true
		}
		out[c.Table] = c
	}
	return out
}()
