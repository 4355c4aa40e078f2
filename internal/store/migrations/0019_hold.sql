-- Notices that wait until a person has seen what would go out: the first of an installation, those after an import that moved
-- many findings, and those of a batch that is far larger than usual.

create table notice_hold (
  id text primary key,
  reason text not null check (reason in ('first', 'import', 'batch')),
  opened_at bigint not null,
  released_at bigint,
  released_by text not null default ''
);

alter table notice add column hold text not null default '';

-- A notice has one more state. No engine changes a check in place alike, so the column is written anew.
drop index notice_due;
drop index notice_standing;
drop index notice_spoken;
drop index notice_waiting;
alter table notice rename column state to state_before;
alter table notice add column state text not null default 'planned' check (state in ('planned', 'held', 'sending', 'sent',
  'delivered', 'answered', 'failed', 'escalated', 'withdrawn'));
update notice set state = state_before;
alter table notice drop column state_before;
create index notice_due on notice (state, next_at);
create index notice_standing on notice (state, created_at, id);
create index notice_spoken on notice (party_id, sent_at, answered_at, tlp, state) where sent_at is not null;
create index notice_waiting on notice (party_id, coalesce(next_at, 0), severity desc, id)
  where sent_at is not null and (next_at is not null or state = 'escalated');
create index notice_held on notice (hold, severity desc, created_at, id) where state = 'held';
