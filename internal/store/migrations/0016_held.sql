-- Rows that their source marked TLP:RED wait for a person. Their bytes are not copied out of the archive.
alter table reject add column held boolean not null default false;
alter table signal add column held bigint not null default 0;

-- The strictest mark that two people have taken off a finding: a source that repeats it does not put it back.
alter table finding add column lowered_from bigint not null default 0;
