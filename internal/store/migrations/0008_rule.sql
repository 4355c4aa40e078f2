-- Rules of the desk: who answers, and how findings are told. Every version is kept; the highest is the one that counts.
-- Conditions and effects are JSON of package rule; instants are microseconds UTC.

create table rule (
  number bigint not null,
  version bigint not null,
  kind text not null check (kind in ('route', 'tell')),
  position bigint not null,
  condition text not null,
  effect text not null,
  from_at bigint not null,
  until_at bigint,
  reason text not null,
  author text not null,
  written_at bigint not null,
  ended_at bigint,
  primary key (number, version)
);

create table rule_release (
  rule bigint not null,
  party_id text not null,
  at bigint not null,
  author text not null,
  primary key (rule, party_id, at)
);
