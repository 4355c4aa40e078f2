-- A search of the parties goes through all of them: it reads one narrow index, in the order of the list.
alter table party add column words text not null default '';
update party set words = lower(name || '
' || id || '
' || sector || '
' || region);
drop index party_name;
create index party_name on party (name, id, words) where ended_at is null;

-- Counts of one region, sector, class or type go down the rollups by it. The mark stands behind the number, which no condition
-- names: SQLite would walk an index once for each half of a condition on its next column, and put the rows together again.
create index tally_area_region on tally_area (region, state, n, tlp);
create index tally_area_sector on tally_area (sector, state, n, tlp);
create index tally_class_class on tally_class (class, state);
create index tally_class_type on tally_class (type, state);

-- What parties have is counted for a page of them at once, from an index alone.
create index tally_matched_party on tally_matched (party_id, state, n, tlp);
