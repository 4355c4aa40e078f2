package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// Places are given by the sequencer, one process at a time: Unplaced reads what waits, in a View, so that acts under way
// are not disturbed; Place writes, and finds out whether another process was faster.

// LastPlace returns the newest place of the log and the hash of its leaf; 0 and nil where the log is empty.
func (t *Tx) LastPlace(ctx context.Context) (seq int64, hash []byte, err error) {
	err = t.row(ctx, "select seq, hash from place order by seq desc limit 1", nil, &seq, &hash)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return 0, nil, fmt.Errorf("read the last place: %w", err)
	}
	return seq, hash, nil
}

// Unplaced returns at most limit entries that have no place and that none can come before any more, in the order in which
// they get their places: by the mark of their transaction, then by id. Usually it looks only behind the last placed
// entry; all makes it look at every entry, which the first call of a process does.
//
// Marks begin anew where a PostgreSQL database was dumped and loaded into another cluster. Then the last placed entry
// has a mark from a former life that lies beyond the horizon: every entry is looked at, and those with marks of the former
// life, which nobody can still be writing, go first.
func (t *Tx) Unplaced(ctx context.Context, all bool, limit int) ([]ledger.Entry, error) {
	horizon, err := t.Horizon(ctx)
	if err != nil {
		return nil, err
	}
	var mark, id int64
	err = t.row(ctx, "select e.tx, e.id from place p join entry e on e.id = p.entry_id order by p.seq desc limit 1", nil, &mark, &id)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("read the last place: %w", err)
	}
	const from = "from entry e left join place p on p.entry_id = e.id "
	if !all && mark < horizon {
		return t.entriesFrom(ctx, from+`where (e.tx, e.id) > ($1, $2) and e.tx < $3 and p.seq is null order by e.tx, e.id limit `+strconv.Itoa(limit),
			mark, id, horizon)
	}
	former := int64(math.MaxInt64)
	if mark >= horizon {
		former = mark
	}
	return t.entriesFrom(ctx, from+`where p.seq is null and (e.tx < $1 or e.tx > $2)
		order by case when e.tx < $3 then 1 else 0 end, e.tx, e.id limit `+strconv.Itoa(limit), horizon, former, horizon)
}

// Place gives entries, whose Seq and Hash are set, their places behind the place last, and adds the nodes of the tree that
// become full by them. fault.Conflict where the log has grown since: another process was faster, and nothing is lost.
func (t *Tx) Place(ctx context.Context, last int64, es []ledger.Entry) error {
	seq, _, err := t.LastPlace(ctx)
	switch {
	case err != nil:
		return err
	case seq != last:
		return fault.New(fault.Conflict, "another process gave out place %d", last+1)
	}
	rows := make([][]any, len(es))
	for i, e := range es {
		if e.Seq != last+int64(i)+1 || len(e.Hash) != tlog.HashSize {
			return fmt.Errorf("place entry %d: place %d does not follow", e.ID, e.Seq)
		}
		rows[i] = []any{e.Seq, e.ID, e.Hash}
	}
	if err := t.insertRows(ctx, "insert into place (seq, entry_id, hash) values ", "", rows); err != nil {
		return fmt.Errorf("place entries: %w", err)
	}
	return t.growTree(ctx, last, last+int64(len(es)))
}

// growTree adds the hash over each tile that became full when the log grew.
func (t *Tx) growTree(ctx context.Context, old, size int64) error {
	for level := range ledger.MaxLevel {
		from, _ := ledger.TilesOf(old, level)
		to, _ := ledger.TilesOf(size, level)
		rows := make([][]any, 0, to-from)
		for n := from; n < to; n++ {
			tile, err := t.Tile(ctx, ledger.Tile{Level: level, N: n, Width: ledger.TileWidth})
			if err != nil {
				return err
			}
			h, err := ledger.SubtreeHash(tile)
			if err != nil {
				return err
			}
			above := (level + 1) * ledger.TileHeight
			rows = append(rows, []any{tlog.StoredHashIndex(above, n), above, n, h[:]})
		}
		if len(rows) == 0 {
			return nil
		}
		if err := t.insertRows(ctx, "insert into tree (id, level, n, hash) values ", "", rows); err != nil {
			return fmt.Errorf("grow the tree: %w", err)
		}
	}
	return nil
}

// Tile returns the hashes of a tile, one behind the other; fault.NotFound where the log is too small for it. The tree's
// rows are named as tlog names nodes: level is of the binary tree, id the order of their coming into being.
func (t *Tx) Tile(ctx context.Context, is ledger.Tile) ([]byte, error) {
	if is.Level < 0 || is.Level > ledger.MaxLevel || is.N > 1<<48 {
		return nil, fault.New(fault.NotFound, "the log has no tile %s", is.Path())
	}
	first := is.N * ledger.TileWidth
	query, args := "select hash from place where seq > $1 and seq <= $2 order by seq", []any{first, first + int64(is.Width)}
	if is.Level > 0 {
		query = "select hash from tree where level = $1 and n >= $2 and n < $3 order by n"
		args = append([]any{is.Level * ledger.TileHeight}, args...)
	}
	var out bytes.Buffer
	err := t.each(ctx, query, args, func(r *sql.Rows) error {
		var h []byte
		err := r.Scan(&h)
		out.Write(h)
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read tile %s: %w", is.Path(), err)
	case out.Len() != is.Width*tlog.HashSize:
		return nil, fault.New(fault.NotFound, "the log has no tile %s", is.Path())
	}
	return out.Bytes(), nil
}

// EntryBySeq returns the entry at a place of the log.
func (t *Tx) EntryBySeq(ctx context.Context, seq int64) (ledger.Entry, error) {
	return t.oneEntry(ctx, "from place p join entry e on e.id = p.entry_id where p.seq = $1", seq)
}

// EntryByHash returns the entry whose leaf has a hash.
func (t *Tx) EntryByHash(ctx context.Context, hash []byte) (ledger.Entry, error) {
	return t.oneEntry(ctx, "from place p join entry e on e.id = p.entry_id where p.hash = $1 limit 1", hash)
}

// EntriesByPlace returns at most limit entries behind a place, in the order of the log.
func (t *Tx) EntriesByPlace(ctx context.Context, after int64, limit int) ([]ledger.Entry, error) {
	return t.entriesFrom(ctx, "from place p join entry e on e.id = p.entry_id where p.seq > $1 order by p.seq limit "+strconv.Itoa(limit), after)
}

// SeqOf returns the place of an entry; fault.NotFound while it has none.
func (t *Tx) SeqOf(ctx context.Context, entry int64) (int64, error) {
	var seq int64
	err := t.row(ctx, "select seq from place where entry_id = $1", []any{entry}, &seq)
	return seq, err
}

func (t *Tx) oneEntry(ctx context.Context, from string, arg any) (ledger.Entry, error) {
	es, err := t.entriesFrom(ctx, from, arg)
	if err == nil && len(es) == 0 {
		err = fault.New(fault.NotFound, "the log has no such entry")
	}
	if err != nil {
		return ledger.Entry{}, err
	}
	return es[0], nil
}

func (t *Tx) entriesFrom(ctx context.Context, from string, args ...any) ([]ledger.Entry, error) {
	var out []ledger.Entry
	err := t.each(ctx, "select "+entryColumns+" "+from, args, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		out = append(out, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}

// Checkpoint is a signed checkpoint of the log.
type Checkpoint struct {
	Size   int64
	At     time.Time
	Root   []byte
	Note   string // signed
	Bridge bool   // signed by the old and the new key: it is kept for ever
}

// PutCheckpoint keeps a checkpoint, or the further signatures on one.
func (t *Tx) PutCheckpoint(ctx context.Context, c Checkpoint) error {
	_, err := t.exec(ctx, `insert into checkpoint (size, at, root, note, bridge) values ($1, $2, $3, $4, $5)
		on conflict (size) do update set note = excluded.note, bridge = excluded.bridge`, c.Size, Micros(c.At), c.Root, c.Note, c.Bridge)
	if err != nil {
		return fmt.Errorf("keep a checkpoint: %w", err)
	}
	return nil
}

// ThinCheckpoints drops the checkpoints before an instant but for the last of each hour and those signed by two keys.
func (t *Tx) ThinCheckpoints(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `delete from checkpoint where at < $1 and not bridge and size not in
		(select max(size) from checkpoint where at < $2 group by at / 3600000000)`, Micros(before), Micros(before))
	if err != nil {
		return fmt.Errorf("thin checkpoints: %w", err)
	}
	return nil
}

// NewestCheckpoint returns the checkpoint of the largest tree; fault.NotFound where there is none.
func (t *Tx) NewestCheckpoint(ctx context.Context) (Checkpoint, error) {
	return t.checkpoint(ctx, "order by size desc limit 1")
}

// CheckpointAt returns the smallest checkpoint of at least size entries; fault.NotFound where there is none.
func (t *Tx) CheckpointAt(ctx context.Context, size int64) (Checkpoint, error) {
	return t.checkpoint(ctx, "where size >= $1 order by size limit 1", size)
}

func (t *Tx) checkpoint(ctx context.Context, rest string, args ...any) (Checkpoint, error) {
	cs, err := t.checkpoints(ctx, rest, args...)
	if err == nil && len(cs) == 0 {
		err = fault.New(fault.NotFound, "the ledger has no such checkpoint")
	}
	if err != nil {
		return Checkpoint{}, err
	}
	return cs[0], nil
}

// CheckpointsBefore returns at most limit checkpoints of fewer than size entries (0 = from the newest), newest first.
func (t *Tx) CheckpointsBefore(ctx context.Context, size int64, limit int) ([]Checkpoint, error) {
	if size == 0 {
		size = math.MaxInt64
	}
	return t.checkpoints(ctx, "where size < $1 order by size desc limit $2", size, limit)
}

// Bridges returns the checkpoints that are signed by two keys of the log, oldest first.
func (t *Tx) Bridges(ctx context.Context) ([]Checkpoint, error) {
	return t.checkpoints(ctx, "where bridge order by size")
}

func (t *Tx) checkpoints(ctx context.Context, rest string, args ...any) ([]Checkpoint, error) {
	var out []Checkpoint
	err := t.each(ctx, "select size, at, root, note, bridge from checkpoint "+rest, args, func(r *sql.Rows) error {
		var c Checkpoint
		var at int64
		err := r.Scan(&c.Size, &at, &c.Root, &c.Note, &c.Bridge)
		c.At = Instant(at)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	return out, nil
}
