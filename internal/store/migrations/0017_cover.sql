-- What rows were when an entry left them: a digest of each covered row, summed in the entry. The salt keeps a digest from
-- telling what a row said; it is dropped once a later entry has covered the row. An empty digest: the row was deleted.

alter table entry add column cover bytea;

create table cover (
  tbl text not null,
  row_key text not null,
  entry_id bigint not null,
  salt bytea not null,
  digest bytea not null,
  primary key (tbl, row_key, entry_id)
);
create index cover_entry on cover (entry_id);
