-- The desk's working pages: what a triage act undoes, saved views, and the walks of the queue and of the search.

create table triage_step (
  entry_id bigint primary key,
  batch text not null,
  act text not null,
  object text not null,
  was text not null,
  at bigint not null,
  undone_at bigint
);
create index triage_step_batch on triage_step (batch);

create table saved_view (
  id text primary key,
  owner text not null,
  shared boolean not null,
  name text not null,
  query text not null,
  created_at bigint not null,
  ended_at bigint
);
create index saved_view_owner on saved_view (owner);

alter table finding alter column asset type text collate "C";
alter table finding alter column malware type text collate "C";
create index finding_orphan on finding (state, severity, id) where party_id = '';
create index finding_disputed on finding (state_at, id) where state = 'disputed';
create index finding_malware on finding (malware, id) where malware <> '';
create index resource_value on resource (value);
create index party_name on party (name, id);
