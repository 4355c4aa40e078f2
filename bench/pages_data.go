package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// crowd is how large the installation is that pages are measured on.
type crowd struct {
	findings, parties, notices int
	now                        time.Time
	database                   string // URL of a PostgreSQL; empty: SQLite in dir
	dir                        string
}

// pick is SQL for a pseudo-random number from 0 to below m that follows from n; salt tells draws of one n apart.
func pick(n string, salt, m int) string {
	return fmt.Sprintf("((%s * %d + %d) %% 1000003) %% %d", n, []int{7919, 104729, 611953, 350377, 15485863, 32452843, 49979687, 86028121}[salt%8], salt*7907, m)
}

// skewed is pick with the small numbers far more often than the large ones: some parties have most findings.
func skewed(n string, salt, m int) string {
	u := pick(n, salt, 10000)
	return fmt.Sprintf("((%[1]s) * (%[1]s) / 10000 * (%[1]s) / 10000 * %[2]d / 10000)", u, m)
}

// oneOf is SQL for one of the words by a number below their count.
func oneOf(n string, words ...string) string {
	var b strings.Builder
	b.WriteString("case " + n)
	for i, w := range words[1:] {
		fmt.Fprintf(&b, " when %d then '%s'", i+1, w)
	}
	return b.String() + " else '" + words[0] + "' end"
}

// What findings of the crowd are about: kinds as built-in packs name them, each with its RSIT type.
var kinds = [][2]string{
	{"open-telnet", "vulnerable-system"},
	{"open-rdp", "vulnerable-system"},
	{"open-sip", "vulnerable-system"},
	{"botnet", "infected-system"},
	{"open-mysql", "vulnerable-system"},
	{"open-snmp", "ddos-amplifier"},
	{"open-dns", "ddos-amplifier"},
	{"phishing", "phishing"},
	{"brute-force", "brute-force"},
	{"malware-distribution", "malware-distribution"},
	{"open-smb", "vulnerable-system"},
	{"blocklist", "blacklist"},
}

func column(i int) []string {
	out := make([]string, len(kinds))
	for k := range kinds {
		out[k] = kinds[k][i]
	}
	return out
}

// statements make the crowd. Each is one text for both engines; {key} is the one expression in which they differ.
func (c *crowd) statements() []string {
	span := int64(400 * 24 * time.Hour / time.Microsecond)
	start := c.now.UnixMicro() - span
	seq := func(n int) string {
		return fmt.Sprintf("with recursive s(n) as (select cast(1 as bigint) union all select n + 1 from s where n < %d) ", n)
	}
	return append(c.register(seq, start), c.loop(seq, start, span)...)
}

func (c *crowd) register(seq func(int) string, start int64) []string {
	sectors := oneOf(pick("n", 1, 12), "health", "finance", "energy", "water", "transport", "education", "government", "telecom", "food", "space", "digital", "")
	return []string{
		"insert into region (id, parent, name_en, name_zh, default_party) " + seq(25) + "select 'XA-' || cast(n as text), '', 'Region ' || cast(n as text), '地区 ' || cast(n as text), '' from s",
		"insert into party (id, name, kind, sector, region, language, rank, created_at) " + seq(c.parties) +
			"select 'party-' || cast(n as text), 'Party ' || cast(n as text), 'company', " + sectors + ", 'XA-' || cast(1 + " + pick("n", 2, 25) + " as text), 'en', 100, " + fmt.Sprint(start) + " from s",
		"insert into contact (id, party_id, role, name, mail, language, pgp_key, bounce) " + seq(c.parties) +
			"select 'con-' || cast(n as text), 'party-' || cast(n as text), 'security', 'Contact', 'c' || cast(n as text) || '@party.example', '', '', '' from s",
		"update party set words = lower(name || '\n' || id || '\n' || sector || '\n' || region)",
		"insert into resource (id, party_id, kind, value, source, from_at) " + seq(c.parties) +
			"select 'res-' || cast(n as text), 'party-' || cast(n as text), 'prefix', '10.' || cast(n / 256 as text) || '.' || cast(n % 256 as text) || '.0/24', 'manual', " + fmt.Sprint(start) + " from s",
		"insert into system (id, party_id, name, asset_kind, asset, protection, products) " + seq(c.parties) +
			"select 'sys-' || cast(n as text), 'party-' || cast(n as text), 'System', 'domain', 'host' || cast(n as text) || '.example', 3, '[]' from s",
		"insert into feed (id, pack, title, urgent, quota_rows, created_at, poll_url, poll_every, poll_etag, poll_modified, poll_failures, poll_error) " + seq(20) +
			"select 'feed-' || cast(n as text), 'intelmq', 'Feed ' || cast(n as text), false, 0, " + fmt.Sprint(start) + ", '', 0, '', '', 0, '' from s",
		"insert into stream (id, feed_id, name, absence_cycles, columns, created_at) " + seq(20) +
			"select n, 'feed-' || cast(n as text), 'events', 3, '[]', " + fmt.Sprint(start) + " from s",
		"insert into cycle (stream_id, day, rows, aside, last_at) " + seq(20*60) + "select 1 + n % 20, " +
			fmt.Sprintf("%d - n / 20, 5000 + n %% 700, 0, %d from s", c.now.Unix()/86400, c.now.UnixMicro()),
		"insert into signal (id, feed_id, blob, name, bytes, received_at, urgent, state, error, stream_id, part, part_offset, line, rows, events, rejected, refused, found, seen, reopened, closed) " +
			seq(20000) + "select n, 'feed-' || cast(1 + n % 20 as text), 'blob' || cast(n as text), 'report.csv', 100000, " +
			fmt.Sprintf("%d + n * %d", start, int64(400*24*time.Hour/time.Microsecond)/20000) + ", false, 'folded', '', 1 + n % 20, 0, 0, 0, 600, 595, 5 * (n % 7) / 6, 0, 50, 545, 0, 0 from s",
	}
}

func (c *crowd) loop(seq func(int) string, start, span int64) []string {
	const day = int64(24 * time.Hour / time.Microsecond)
	now := c.now.UnixMicro()
	ends := oneOf(pick("n", 3, 20), "verified_closed", "verified_closed", "verified_closed", "verified_closed", "verified_closed", "verified_closed", "verified_closed",
		"verified_closed", "verified_closed", "verified_closed", "verified_closed", "verified_closed", "verified_closed", "verified_closed", "stale", "stale", "false_positive",
		"risk_accepted", "verified_closed", "stale")
	lives := oneOf(pick("n", 4, 10), "notified", "notified", "notified", "notified", "open", "open", "acknowledged", "remediating", "reopened", "claimed_fixed")
	reached := "case state when 'notified' then 1 when 'acknowledged' then 3 when 'remediating' then 3 when 'risk_accepted' then 3 when 'claimed_fixed' then 7 when 'reopened' then 1 when 'verified_closed' then 12 + (n % 4) else 0 end"
	return []string{
		"create table crowd as " + seq(c.findings) + fmt.Sprintf("select n, cast(%d + n * %d as bigint) as made, cast(%s as bigint) as whose, %s as kind, "+
			"case when %d + n * %d + (%s) * (%s) * %d < %d then 1 else 0 end as over, cast((%s) * (%s) * %d as bigint) as took from s",
			start, span/int64(c.findings), skewed("n", 5, c.parties), pick("n", 6, len(kinds)),
			start, span/int64(c.findings), pick("n", 7, 100), pick("n", 0, 40), int64(time.Hour/time.Microsecond), now,
			pick("n", 7, 100), pick("n", 0, 40), int64(time.Hour/time.Microsecond)),
		"insert into finding (id, key, asset_kind, asset, port, transport, type, identifier, malware, class, severity, feed_severity, stream_id, first_at, created_at, " +
			"party_id, basis, matched, confidence, region, state, state_at, tlp, pap, reached) select n, {key}, 'ip', '10.' || cast(whose / 256 as text) || '.' || cast(whose % 256 as text) || '.' || cast(n % 254 as text), " +
			"23 + n / 254 % 50, 'tcp', " + oneOf("kind", column(1)...) + ", " + oneOf("kind", column(0)...) + ", '', " + oneOf("kind", column(0)...) +
			", sev, sev, 1 + n % 20, made, made, case when n % 13 = 0 then '' else 'party-' || cast(whose + 1 as text) end, case when n % 13 = 0 then 'nobody' else 'prefix' end, '10.0.0.0/24', 90, " +
			"case when n % 17 = 0 then '' else 'XA-' || cast(1 + (((whose + 1) * 611953 + 15814) % 1000003) % 25 as text) end, " +
			"state, ended, tlp, 1, " + reached + " from (select n, made, whose, kind, 1 + (kind + n % 2) % 5 as sev, case when n % 10 = 0 then 2 when n % 11 = 0 then 3 else 1 end as tlp, " +
			"case when over = 1 then " + ends + " else " + lives + " end as state, case when over = 1 then made + took else made end as ended from crowd) q",
		"insert into sighting (finding_id, stream_id, first_at, last_at, count, cycles, days, last_day, last_signal, last_line) select n, 1 + n % 20, made, made + took, 1 + n % 40, 3, 7, (made + took) / 86400000000, 1 + n % 20000, n % 600 from crowd",
		"insert into entry (id, tx, at, actor, post, act, object, reason, body, salt, commitment) " + seq(c.findings/4) +
			fmt.Sprintf("select n, n, %d + n * %d, 'software:fold', '', case when n %% 40 = 0 then 'finding.look' else 'finding.fold' end, 'signal:' || cast(1 + n %% 20000 as text), '', '{}', {key}, {key} from s", start, span/int64(max(1, c.findings/4))),
		"insert into place (seq, entry_id, hash) select id, id, {key} from (select id, id as n from entry) q",
		"insert into history (finding_id, seq, tx, at, from_state, to_state, trigger, actor, reason, evidence) select n, 1 + n / 4, n, made + 3600000000, 'open', 'notified', 'notify', 'software:notify', '', '' from crowd where n % 2 = 0",
		"insert into history (finding_id, seq, tx, at, from_state, to_state, trigger, actor, reason, evidence) select f.id, 2 + f.id / 4, f.id, f.state_at, 'notified', f.state, 'gone', 'software:verify', '', '' from finding f where f.state in ('verified_closed', 'stale', 'false_positive')",
		"insert into notice (id, party_id, contact_id, language, kind, parent, class, severity, reason, state, created_at, attempts, tries, rendition, message_id, subject, sent_at, error, tlp) " + seq(c.notices) +
			"select 'ntc-' || cast(n as text), 'party-' || cast(1 + whose as text), 'con-' || cast(1 + whose as text), 'en', case when n % 5 = 0 then 'urgent' else 'digest' end, '', 'open-telnet', 3, '', " +
			oneOf("case when made < "+fmt.Sprint(now-30*day)+" then "+pick("n", 3, 7)+" else "+pick("n", 3, 8)+" end", // what the desk was told of long ago it has seen to
				"delivered", "delivered", "answered", "sent", "answered", "delivered", "failed", "escalated") +
			fmt.Sprintf(", made, 1, 1, 1, 'm-' || cast(n as text), 'Findings', made + 60000000, '', 1 from (select n, cast(%s as bigint) as whose, cast(%d + n * %d as bigint) as made from s) q", skewed("n", 5, c.parties), start, span/int64(c.notices)),
		fmt.Sprintf("insert into notice_finding (notice_id, finding_id) select 'ntc-' || cast(1 + n %% %d as text), n from crowd where n %% 2 = 0", c.notices),
		"insert into queue_item (id, kind, object, title_code, title_args, severity, created_at, done_by) " + seq(400) +
			fmt.Sprintf("select 'que-' || cast(n as text), 'feed.silent', 'stream:feed-1/' || cast(n as text), 'feed.silent', '[\"feed-1\",\"events\"]', 1 + n %% 5, %d - n * 1000000000, '' from s", now),
		"drop table crowd",
	}
}

// open opens the database past the program, for statements that make the crowd and for recounts.
func (c *crowd) open() (*sql.DB, error) {
	if c.database != "" {
		return sql.Open("pgx", c.database)
	}
	return sql.Open("sqlite", "file:"+filepath.Join(c.dir, "tocsin.db")+"?_pragma=busy_timeout(60000)&_pragma=synchronous(OFF)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-200000)")
}

// make fills an empty, migrated database; one that has findings stays as it is.
func (c *crowd) make(ctx context.Context) (made bool, err error) {
	db, err := c.open()
	if err != nil {
		return false, err
	}
	defer db.Close()
	var have int
	if err := db.QueryRowContext(ctx, "select count(*) from (select 1 from finding limit 1) q").Scan(&have); err != nil || have > 0 {
		return false, err
	}
	key := "randomblob(16)"
	if c.database != "" {
		key = "decode(md5(cast(n as text)), 'hex')"
	}
	for _, stmt := range c.statements() {
		stmt = strings.ReplaceAll(stmt, "{key}", key)
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return false, fmt.Errorf("%w in %.300s", err, stmt)
		}
	}
	if c.database == "" {
		return true, nil // Tocsin keeps no statistics on SQLite: its plans follow from the indexes alone
	}
	_, err = db.ExecContext(ctx, "select setval('entry_id', (select max(id) + 1 from entry), false)")
	return true, errors.Join(err, c.tidied(ctx))
}

// tidied does at once what PostgreSQL would otherwise do in the first minutes, beside the pages that are measured: a database
// that grew over a year has it behind it.
func (c *crowd) tidied(ctx context.Context) error {
	if c.database == "" {
		return nil
	}
	db, err := c.open()
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "vacuum analyze")
	return err
}
