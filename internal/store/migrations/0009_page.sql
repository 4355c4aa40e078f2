-- Pages over very many findings: a walk for each equality that people narrow a list by, in the order of the list, and
-- rollups that are small enough to be read for every page.

create index finding_class on finding (class, state, id);
create index finding_type on finding (type, state, id);
create index finding_region on finding (region, state, id);
create index finding_severity on finding (severity, state, id);

create index notice_spoken on notice (party_id, sent_at, answered_at, tlp, state) where sent_at is not null;
create index notice_answered on notice (party_id, answered_at, sent_at, tlp) where answered_at is not null;

create table tally_state (
  owned bigint not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (owned, severity, tlp, state)
);
insert into tally_state (owned, severity, tlp, state, n)
  select owned, severity, tlp, state, sum(n) from tally_born group by 1, 2, 3, 4 having sum(n) <> 0;

create table tally_place (
  sector text not null,
  region text not null,
  class text not null,
  type text not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (sector, region, class, type, severity, tlp, state)
);
insert into tally_place (sector, region, class, type, severity, tlp, state, n)
  select sector, region, class, type, severity, tlp, state, sum(n) from tally_party group by 1, 2, 3, 4, 5, 6, 7 having sum(n) <> 0;
