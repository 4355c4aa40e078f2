-- A party's own numbers. What leads to a party is counted; findings that nobody answers for are not in it. The rollup of
-- spans had nearly a row a finding: its readers count the findings themselves, down an index that has what they need.

alter table tally_delta add column basis text not null default '';
alter table tally_delta add column matched text not null default '';

-- The journal is emptied every few seconds, and whoever reads it goes through what is not swept yet.
alter table tally_delta set (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

create table tally_matched (
  party_id text not null,
  basis text not null,
  matched text not null,
  severity bigint not null,
  tlp bigint not null,
  state text not null,
  n bigint not null,
  primary key (party_id, basis, matched, severity, tlp, state)
);
-- What waits in the journal does not say what led to the party: it is taken off here under the same empty name.
insert into tally_matched (party_id, basis, matched, severity, tlp, state, n)
  select party_id, basis, matched, severity, tlp, state, sum(n) from (
    select party_id, basis, matched, severity, tlp, state, count(*) as n from finding
    where embargo_at is null and party_id <> '' group by 1, 2, 3, 4, 5, 6
    union all
    select party_id, '', '', severity, tlp, state, -sum(n) from tally_delta where party_id <> '' group by 1, 2, 3, 4, 5, 6
  ) q group by 1, 2, 3, 4, 5, 6 having sum(n) <> 0;

drop table tally_span;
drop index finding_party;
create index finding_party on finding (party_id, state, id, tlp, severity, created_at, state_at);

-- What waits for the desk, who answers nearby and a party's notices are read from an index alone, in its order.
drop index finding_orphan;
create index finding_orphan on finding (severity, state_at, id, created_at, tlp, embargo_at)
  where party_id = '' and state not in ('verified_closed', 'false_positive', 'stale');
drop index finding_asset;
create index finding_asset on finding (asset, party_id, basis);
drop index notice_party;
create index notice_party on notice (party_id, created_at, id);
drop index finding_region;
create index finding_region on finding (region, state, id, party_id, tlp);
create index party_sector on party (sector, id);
create index system_asset on system (asset, protection);
drop index signal_received;
create index signal_received on signal (received_at, id, feed_id, rows, rejected);
create index notice_waiting on notice (party_id, coalesce(next_at, 0), severity desc, id)
  where sent_at is not null and (next_at is not null or state = 'escalated');
