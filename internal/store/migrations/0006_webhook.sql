-- Webhooks: addresses that are told of acts, and what is on its way to them. Instants are microseconds UTC.

create table webhook (
  id text primary key,
  party_id text not null,
  label text not null,
  url text not null,
  acts text not null,
  secret bytea not null,
  secret_before bytea not null,
  rotated_at bigint,
  seen_seq bigint not null,
  created_at bigint not null,
  created_by text not null,
  ended_at bigint
);
create index webhook_party on webhook (party_id, created_at);

create table webhook_delivery (
  id text primary key,
  webhook_id text not null references webhook (id),
  first_seq bigint not null,
  last_seq bigint not null,
  events bigint not null,
  withheld bigint not null,
  test boolean not null,
  body bytea not null,
  state text not null check (state in ('waiting', 'sending', 'delivered', 'dead', 'dropped')),
  attempts bigint not null,
  next_at bigint,
  leased_until bigint,
  created_at bigint not null,
  done_at bigint,
  status bigint not null,
  error text not null
);
create index webhook_delivery_due on webhook_delivery (state, next_at);
create index webhook_delivery_of on webhook_delivery (webhook_id, created_at);
