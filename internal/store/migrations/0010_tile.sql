-- Maps of tiles: the place of a region on a grid, counted from 1; 0 and 0 is none.

alter table region add column tile_column bigint not null default 0;
alter table region add column tile_row bigint not null default 0;
