-- Signals of different feeds take turns: the oldest that waits is looked for by feed.
drop index signal_state;
create index signal_state on signal (state, feed_id, id);
