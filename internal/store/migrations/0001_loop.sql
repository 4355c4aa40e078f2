-- The loop: signal -> event -> finding -> party -> notice -> answer -> verified close.
-- Six column types; instants are microseconds UTC; a column named day counts UTC days since 1970-01-01.

create table ledger (
  seq bigint primary key,
  at bigint not null,
  actor text not null,
  act text not null,
  object text not null,
  reason text not null,
  body text not null,
  prev bytea not null,
  hash bytea not null
);

create table feed (
  id text primary key,
  pack text not null,
  title text not null,
  token_hash bytea,
  urgent boolean not null,
  quota_rows bigint not null,
  created_at bigint not null,
  disabled_at bigint,
  poll_url text not null,
  poll_every bigint not null,
  poll_next bigint,
  poll_etag text not null,
  poll_modified text not null,
  poll_failures bigint not null,
  poll_error text not null
);
create unique index feed_token on feed (token_hash);

create table stream (
  id bigint primary key,
  feed_id text not null references feed (id),
  name text not null,
  absence_cycles bigint not null,
  columns text not null,
  created_at bigint not null,
  unique (feed_id, name)
);

create table signal (
  id bigint primary key,
  feed_id text not null references feed (id),
  blob text not null,
  name text not null,
  bytes bigint not null,
  received_at bigint not null,
  urgent boolean not null,
  state text not null check (state in ('received', 'folded', 'refused')),
  error text not null,
  stream_id bigint,
  part bigint not null,
  part_offset bigint not null,
  line bigint not null,
  rows bigint not null,
  events bigint not null,
  rejected bigint not null,
  refused bigint not null,
  found bigint not null,
  seen bigint not null,
  reopened bigint not null,
  closed bigint not null,
  finished_at bigint,
  unique (feed_id, blob)
);
create index signal_state on signal (state, urgent, id);
create index signal_received on signal (received_at, id);
create index signal_feed on signal (feed_id, id);

create table receipt_key (
  feed_id text not null references feed (id),
  key text not null,
  signal_id bigint not null references signal (id),
  primary key (feed_id, key)
);

create table reject (
  signal_id bigint not null references signal (id),
  part bigint not null,
  line bigint not null,
  part_offset bigint not null,
  field text not null,
  reason text not null,
  raw bytea not null,
  replayed_at bigint,
  primary key (signal_id, part, line)
);

create table cycle (
  stream_id bigint not null references stream (id),
  day bigint not null,
  rows bigint not null,
  aside bigint not null,
  last_at bigint not null,
  primary key (stream_id, day)
);

create table finding (
  id bigint primary key,
  key bytea not null,
  asset_kind text not null check (asset_kind in ('ip', 'prefix', 'domain', 'url', 'asn', 'account')),
  asset text not null,
  port bigint not null,
  transport text not null,
  type text not null,
  identifier text not null,
  malware text not null,
  class text not null,
  severity bigint not null,
  feed_severity bigint not null,
  stream_id bigint not null,
  first_at bigint not null,
  created_at bigint not null,
  party_id text not null,
  basis text not null,
  matched text not null,
  confidence bigint not null,
  region text not null,
  state text not null check (state in ('open', 'notified', 'acknowledged', 'remediating', 'claimed_fixed',
    'verified_closed', 'disputed', 'risk_accepted', 'false_positive', 'stale', 'reopened')),
  state_at bigint not null,
  until_at bigint
);
create index finding_party on finding (party_id, state, id);
create index finding_state on finding (state, id);
create index finding_asset on finding (asset);

create table sighting (
  finding_id bigint not null,
  stream_id bigint not null,
  first_at bigint not null,
  last_at bigint not null,
  count bigint not null,
  cycles bigint not null,
  days bigint not null,
  last_day bigint not null,
  last_signal bigint not null,
  last_line bigint not null,
  primary key (finding_id, stream_id)
);

create table detail (
  first_id bigint primary key,
  last_id bigint not null,
  blob bytea not null
);

create table journal (
  id bigint primary key,
  stream_id bigint not null,
  signal_id bigint not null,
  blob bytea not null
);

create table history (
  finding_id bigint not null,
  seq bigint not null,
  at bigint not null,
  from_state text not null,
  to_state text not null,
  trigger text not null,
  actor text not null,
  reason text not null,
  evidence text not null,
  primary key (finding_id, seq)
);
create index history_seq on history (seq);

create table region (
  id text primary key,
  parent text not null,
  name_en text not null,
  name_zh text not null,
  default_party text not null
);

create table party (
  id text primary key,
  name text not null,
  kind text not null,
  sector text not null,
  region text not null,
  language text not null,
  rank bigint not null,
  created_at bigint not null,
  ended_at bigint
);

create table contact (
  id text primary key,
  party_id text not null references party (id),
  role text not null check (role in ('security', 'abuse', 'technical', 'management', 'backup')),
  name text not null,
  mail text not null,
  language text not null,
  pgp_key text not null,
  bounced_at bigint,
  bounce text not null
);
create index contact_party on contact (party_id);

create table resource (
  id text primary key,
  party_id text not null references party (id),
  kind text not null check (kind in ('prefix', 'asn', 'domain')),
  value text not null,
  source text not null,
  from_at bigint not null,
  to_at bigint,
  verified_at bigint
);
create index resource_party on resource (party_id);

create table system (
  id text primary key,
  party_id text not null references party (id),
  name text not null,
  asset_kind text not null,
  asset text not null,
  protection bigint not null,
  products text not null
);
create index system_party on system (party_id);

create table notice (
  id text primary key,
  party_id text not null references party (id),
  contact_id text not null,
  language text not null,
  kind text not null check (kind in ('urgent', 'digest', 'reminder', 'escalation')),
  parent text not null,
  class text not null,
  severity bigint not null,
  reason text not null,
  state text not null check (state in ('planned', 'sending', 'sent', 'delivered', 'answered', 'failed', 'escalated',
    'withdrawn')),
  created_at bigint not null,
  next_at bigint,
  attempts bigint not null,
  tries bigint not null,
  rendition bigint not null,
  message_id text not null,
  subject text not null,
  message bytea,
  sent_at bigint,
  answered_at bigint,
  error text not null,
  leased_until bigint
);
create index notice_due on notice (state, next_at);
create index notice_party on notice (party_id, created_at);
create index notice_parent on notice (parent);
create index notice_created on notice (created_at, id);

create table notice_finding (
  notice_id text not null references notice (id),
  finding_id bigint not null,
  primary key (notice_id, finding_id)
);
create index notice_finding_back on notice_finding (finding_id);

create table delivery (
  notice_id text not null references notice (id),
  attempt bigint not null,
  at bigint not null,
  contact_id text not null,
  outcome text not null,
  detail text not null,
  primary key (notice_id, attempt)
);

create table queue_item (
  id text primary key,
  kind text not null,
  object text not null,
  title_code text not null,
  title_args text not null,
  severity bigint not null,
  created_at bigint not null,
  done_at bigint,
  done_by text not null,
  unique (kind, object, created_at)
);
create index queue_open on queue_item (done_at, severity, created_at);

create table sign_in (
  token_hash bytea primary key,
  kind text not null check (kind in ('link', 'session')),
  subject text not null,
  role text not null check (role in ('desk', 'member')),
  created_at bigint not null,
  expires_at bigint not null,
  used_at bigint
);

create table counter (
  name text not null,
  day bigint not null,
  value bigint not null,
  primary key (name, day)
);

create table setting (
  name text primary key,
  value text not null
);
