-- What a stream shows of its reach. report: what the class library and rules know it by; a report in several files, or of
-- several sources, has a stream for each. anew: the day from which a person has confirmed a new level; 0 = never.
alter table stream add column report text not null default '';
alter table stream add column anew bigint not null default 0;
update stream set report = name;
-- These packs carry many sources and had one stream for all of them: absence from a mixture proves nothing.
update stream set absence_cycles = -1 where feed_id in (select id from feed where pack in ('intelmq', 'intelmq-array', 'n6-json'));
-- files: in how many files the rows of a cycle came, 0 where it was not counted; newest_file: the one counted last.
-- health: what was last said of the cycle, empty where nobody judged it.
alter table cycle add column files bigint not null default 0;
alter table cycle add column newest_file bigint not null default 0;
alter table cycle add column health text not null default '';
