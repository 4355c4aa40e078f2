-- The journal of sightings is kept after its counters were written: it says in which line of which signal a finding was seen.
-- What such a line says is read once, when a party is told of the finding.

alter table journal add column low bigint not null default 0;
alter table journal add column high bigint not null default 9223372036854775807;

create table journal_mark (
  id bigint primary key,
  written bigint not null
);
insert into journal_mark (id, written) values (1, 0);

create table observed (
  finding_id bigint not null,
  at bigint not null,
  signal_id bigint not null,
  part bigint not null,
  line bigint not null,
  fields text not null,
  primary key (finding_id, at, signal_id, part, line)
);

create table observed_mark (
  finding_id bigint primary key,
  journal_id bigint not null,
  lost bigint not null
);
