-- Trust: the ledger's entries and their places in a Merkle log, people in posts, proofs of identity, markings, shares.
-- Entries are written once by acts; the sequencer gives them their places. Instants are microseconds UTC.

create table entry (
  id bigint primary key,
  tx bigint not null,
  at bigint not null,
  actor text not null,
  post text not null,
  act text not null,
  object text not null,
  reason text not null,
  body text not null,
  salt bytea not null,
  commitment bytea not null
);
insert into entry (id, tx, at, actor, post, act, object, reason, body, salt, commitment)
  select seq, 0, at, actor, '', act, object, reason, body, hash, hash from ledger;
update entry set commitment = substr(commitment, 1, 0);
drop table ledger;
create index entry_tx on entry (tx, id);
create index entry_object on entry (object, id);
create sequence entry_id;
select setval('entry_id', (select coalesce(max(id), 0) + 1 from entry), false);

create table place (
  seq bigint primary key,
  entry_id bigint not null unique,
  hash bytea not null
);
create index place_hash on place (hash);

create table tree (
  id bigint primary key,
  level bigint not null,
  n bigint not null,
  hash bytea not null,
  unique (level, n)
);

create table checkpoint (
  size bigint primary key,
  at bigint not null,
  root bytea not null,
  note text not null,
  bridge boolean not null
);

create table payload (
  entry_id bigint primary key,
  subject text not null,
  sealed bytea not null
);
create index payload_subject on payload (subject);

create table payload_key (
  subject text primary key,
  sealed_key bytea not null,
  created_at bigint not null,
  erased_at bigint
);

alter table history add column tx bigint not null default 0;
update history set tx = seq;
create index history_tx on history (tx);
drop index history_seq;

alter table feed add column tlp bigint not null default 1;
alter table finding add column tlp bigint not null default 1;
alter table finding add column pap bigint not null default 1;
alter table finding add column embargo_at bigint;
alter table notice add column tlp bigint not null default 1;
drop index finding_party;
create index finding_party on finding (party_id, state, id, tlp);

create table share (
  id text primary key,
  object text not null,
  grantee text not null,
  reason text not null,
  created_at bigint not null,
  created_by text not null,
  until_at bigint,
  ended_at bigint
);
create index share_object on share (object, grantee);
create index share_grantee on share (grantee, object);

create table client (
  party_id text not null,
  client_id text not null,
  primary key (party_id, client_id)
);

create table observer_rule (
  id text primary key,
  party_id text not null,
  sector text not null,
  region text not null,
  class text not null,
  basis text not null,
  created_at bigint not null,
  ended_at bigint
);

create table unit (
  id text primary key,
  party_id text not null,
  parent text not null,
  name text not null,
  created_at bigint not null,
  ended_at bigint
);
create index unit_party on unit (party_id);

create table post (
  id text primary key,
  unit_id text not null references unit (id),
  title text not null,
  powers text not null,
  incompatible text not null,
  created_at bigint not null,
  ended_at bigint
);
create index post_unit on post (unit_id);

create table person (
  id text primary key,
  party_id text not null,
  name text not null,
  mail text not null,
  language text not null,
  created_at bigint not null,
  disabled_at bigint,
  erased_at bigint
);
create index person_party on person (party_id);
create unique index person_mail on person (mail);

create table assignment (
  id text primary key,
  person_id text not null references person (id),
  post_id text not null references post (id),
  kind text not null check (kind in ('holder', 'deputy', 'acting')),
  from_at bigint not null,
  to_at bigint,
  position bigint not null
);
create index assignment_person on assignment (person_id);
create index assignment_post on assignment (post_id);

create table credential (
  id text primary key,
  person_id text not null references person (id),
  kind text not null check (kind in ('passkey', 'password', 'totp', 'recovery', 'oidc')),
  label text not null,
  handle text not null,
  secret bytea not null,
  counter bigint not null,
  created_at bigint not null,
  used_at bigint,
  ended_at bigint
);
create index credential_person on credential (person_id, kind);
create unique index credential_handle on credential (kind, handle);

create table link (
  token_hash bytea primary key,
  kind text not null check (kind in ('setup', 'invite', 'operator')),
  person_id text not null,
  created_at bigint not null,
  expires_at bigint not null,
  used_at bigint
);

create table session (
  id text primary key,
  token_hash bytea not null unique,
  person_id text not null references person (id),
  method text not null,
  device text not null,
  weak boolean not null,
  created_at bigint not null,
  seen_at bigint not null,
  proved_at bigint not null,
  expires_at bigint not null,
  ended_at bigint
);
create index session_person on session (person_id);

create table ceremony (
  id text primary key,
  kind text not null,
  person_id text not null,
  data bytea not null,
  expires_at bigint not null
);

create table lockout (
  name text primary key,
  failures bigint not null,
  last_at bigint not null,
  until_at bigint not null
);

create table api_token (
  id text primary key,
  token_hash bytea not null unique,
  person_id text not null references person (id),
  label text not null,
  scopes text not null,
  created_at bigint not null,
  expires_at bigint not null,
  used_at bigint,
  ended_at bigint
);
create index api_token_person on api_token (person_id);

create table proposal (
  id text primary key,
  act text not null,
  object text not null,
  particulars text not null,
  digest bytea not null,
  reason text not null,
  proposed_by text not null,
  proposed_post text not null,
  proposed_at bigint not null,
  expires_at bigint not null,
  state text not null check (state in ('open', 'approved', 'refused', 'withdrawn', 'lapsed')),
  decided_by text not null,
  decided_post text not null,
  decided_at bigint,
  decision text not null,
  check (decided_by <> proposed_by)
);
create index proposal_state on proposal (state, proposed_at);

drop table sign_in;
