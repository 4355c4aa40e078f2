-- What a party's own people say of it: changes that the desk confirms, contacts whose mail is proved, the letters that
-- prove it, and how often the party wants to be told. Instants are microseconds UTC.

alter table contact add column own boolean not null default false;
alter table contact add column unproved boolean not null default false;
alter table contact add column replaces text not null default '';

create table change_request (
  id text primary key,
  party_id text not null references party (id),
  what text not null check (what in ('system', 'resource')),
  target text not null,
  before text not null,
  after text not null,
  reason text not null,
  proposed_by text not null,
  proposed_at bigint not null,
  state text not null check (state in ('proposed', 'confirmed', 'refused', 'withdrawn')),
  decided_by text not null,
  decided_at bigint,
  decision text not null
);
create index change_request_waiting on change_request (state, proposed_at, id);
create index change_request_party on change_request (party_id, proposed_at, id);

create table letter (
  id text primary key,
  party_id text not null references party (id),
  contact_id text not null,
  kind text not null check (kind in ('prove', 'test')),
  language text not null,
  state text not null check (state in ('waiting', 'sending', 'taken', 'refused', 'dropped')),
  created_at bigint not null,
  next_at bigint not null,
  leased_until bigint,
  tries bigint not null,
  done_at bigint,
  server text not null,
  detail text not null
);
create index letter_due on letter (state, next_at);
create index letter_contact on letter (contact_id, created_at);
create index letter_party on letter (party_id, created_at);

create table rhythm (
  party_id text primary key references party (id),
  urgent_from bigint not null,
  hour bigint not null,
  weekday bigint not null
);
