-- A search of the parties goes through all of them: it reads one narrow index, in the order of the list.
alter table party add column words text not null default '';
update party set words = lower(name || '
' || id || '
' || sector || '
' || region);
drop index party_name;
create index party_name on party (name, id, words) where ended_at is null;

-- Counts of one region, sector, class or type go down the rollups by it.
create index tally_area_region on tally_area (region, state);
create index tally_class_class on tally_class (class, state);
create index tally_class_type on tally_class (type, state);

-- What parties have is counted for a page of them at once, from an index alone.
create index tally_matched_party on tally_matched (party_id, state, tlp, n);
