-- Rollups of findings: a row counts the findings that are alike in what its table keeps. Changes are journalled as signed
-- rows of tally_delta in the transaction of the change; a duty adds them to the tables, and readers add both. Findings that
-- are or were under an embargo are in none of them. Days are UTC days since 1970-01-01; weeks begin on Monday.

-- What has happened since the present party answers: 1 told, 2 answered, 4 fixed by word or evidence, 8 gone by evidence.
alter table finding add column reached bigint not null default 0;
update finding set reached = case
  when state = 'notified' then 1
  when state in ('acknowledged', 'remediating', 'disputed', 'risk_accepted') then 3
  when state = 'claimed_fixed' then 7
  when state = 'verified_closed' then 12
  else 0 end;
update finding set reached = reached | 1 where state <> 'open' and exists (select 1 from history h
  where h.finding_id = finding.id and h.to_state = 'notified' and not exists (select 1 from history r
  where r.finding_id = h.finding_id and r.trigger = 're-attribute' and r.seq > h.seq));
update finding set reached = reached | 3 where state <> 'open' and exists (select 1 from history h
  where h.finding_id = finding.id and h.to_state in ('acknowledged', 'remediating', 'disputed', 'risk_accepted', 'claimed_fixed')
  and not exists (select 1 from history r where r.finding_id = h.finding_id and r.trigger = 're-attribute' and r.seq > h.seq));

create index finding_embargo on finding (embargo_at) where embargo_at is not null;

-- Walks of the lists of notices and signals.
create index notice_standing on notice (state, created_at, id);
create index signal_troubled on signal (id) where rejected > 0 or state = 'refused';

create table tally_delta (
  party_id text not null,
  sector text not null,
  region text not null,
  class text not null,
  type text not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  reached bigint not null,
  born bigint not null,
  ended bigint not null,
  n bigint not null
);

create table tally_area (
  sector text not null,
  region text not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (sector, region, severity, tlp, state)
);

create table tally_class (
  region text not null,
  class text not null,
  type text not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (region, class, type, severity, tlp, state)
);

create table tally_party (
  party_id text not null,
  sector text not null,
  region text not null,
  class text not null,
  type text not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (party_id, sector, region, class, type, severity, tlp, state)
);

create table tally_born (
  born bigint not null,
  owned bigint not null,
  reached bigint not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (born, owned, reached, severity, tlp, state)
);

create table tally_ended (
  ended bigint not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (ended, severity, tlp, state)
);

create table tally_life (
  week bigint not null,
  days bigint not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (week, days, severity, tlp, state)
);

create table tally_span (
  party_id text not null,
  born bigint not null,
  ended bigint not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (party_id, born, ended, severity, tlp, state)
);

insert into tally_delta (party_id, sector, region, class, type, severity, tlp, state, reached, born, ended, n)
  select f.party_id, coalesce(p.sector, ''), f.region, f.class, f.type, f.severity, f.tlp, f.state, f.reached,
  f.created_at / 86400000000, case when f.state in ('verified_closed', 'false_positive', 'stale', 'risk_accepted')
  then f.state_at / 86400000000 else 0 end, count(*)
  from finding f left join party p on p.id = f.party_id where f.embargo_at is null
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;

create table published (
  kind text not null,
  day bigint not null,
  body text not null,
  primary key (kind, day)
);
