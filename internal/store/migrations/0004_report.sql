-- Reports: what people tell the authority, and the mail that acknowledges it. Instants are microseconds UTC; received_at
-- is rounded down to its hour, and nothing else tells when a report came or from where.

create table report (
  id text primary key,
  number text not null unique,
  code_hash bytea not null unique,
  kind text not null check (kind in ('phishing', 'scam_site', 'malware', 'vulnerability', 'incident', 'data_exposed', 'question', 'complaint')),
  state text not null check (state in ('received', 'acknowledged', 'taken', 'closed')),
  outcome text not null check (outcome in ('', 'handled', 'passed_on', 'answered', 'known', 'no_harm', 'not_ours', 'unusable')),
  language text not null,
  what text not null,
  whereabouts text not null,
  seen_on text not null,
  contact boolean not null,
  salt bytea not null,
  commitment bytea not null,
  tlp bigint not null,
  received_at bigint not null,
  taken_at bigint,
  taken_by text not null,
  closed_at bigint
);
create index report_received on report (received_at, id);
create index report_state on report (state, received_at, id);
create index report_kind on report (kind, received_at, id);

create table report_mail (
  report_id text primary key references report (id),
  state text not null check (state in ('waiting', 'sending', 'sent', 'failed', 'dropped')),
  attempts bigint not null,
  next_at bigint,
  leased_until bigint,
  sent_at bigint,
  error text not null
);
create index report_mail_next on report_mail (state, next_at);
