package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/access"
	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/store"
)

// ledgerGoal is the part of the engine's own rate of inserts that acts are to reach.
const ledgerGoal = 0.5

// ledger measures acts, each with its entry in the ledger, while entries get their places and checkpoints are signed
// beside, against the engine's own rate: one insert of a row of the same shape a transaction, by as many writers, with
// the same durability, in the same run.
func ledger(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("ledger", flag.ContinueOnError)
	writers := fs.String("writers", "1,8", "writers at once, a run each")
	length := fs.Duration("for", 3*time.Second, "how long each measurement lasts")
	database := fs.String("postgres", "", "URL of a PostgreSQL to use instead of SQLite; its tables must not exist yet")
	dir := fs.String("dir", "", "folder for databases (a temporary one)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		tmp, err := os.MkdirTemp("", "tocsin-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		*dir = tmp
	}
	b := ledgerBench{dir: *dir, database: *database, length: *length}
	bare, err := b.openBare(ctx)
	if err != nil {
		return err
	}
	defer bare.Close()
	if *database != "" {
		var durable string
		if err := bare.QueryRowContext(ctx, "show fsync").Scan(&durable); err != nil {
			return err
		}
		if durable != "on" {
			fmt.Println("fsync is off here: this compares round trips, not durable work")
		}
	}
	fmt.Printf("%-10s %7s %14s %10s %7s %9s %s\n", "engine", "writers", "bare inserts/s", "acts/s", "ratio", "placed", "rest placed in")
	for w := range strings.SplitSeq(*writers, ",") {
		n, err := strconv.Atoi(w)
		if err != nil {
			return err
		}
		if err := b.run(ctx, bare, n); err != nil {
			return err
		}
	}
	return nil
}

type ledgerBench struct {
	dir, database string
	length        time.Duration
	id            atomic.Int64 // of bare rows
}

// slice is how long acts and bare inserts run in turn, so that a disk that is busy with something else for a while
// favours neither.
const slice = time.Second

// run measures acts and bare inserts in turn, and prints a line. Beside the acts entries get their places.
func (b *ledgerBench) run(ctx context.Context, bare *sql.DB, writers int) error {
	s, log, err := b.open(ctx, writers)
	if err != nil {
		return err
	}
	defer s.Close()
	before, err := counted(ctx, s)
	if err != nil {
		return err
	}
	by := access.ForSoftware("command")
	act := func(ctx context.Context) error {
		return s.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Append(ctx, time.Now(), by, "feed.put", access.On("feed:bench"), "", benchBody)
			return err
		})
	}
	var acts, rows rate
	for acts.took < b.length {
		if err := rows.measure(ctx, writers, b.insert(bare)); err != nil {
			return err
		}
		beside, stop := context.WithCancel(ctx)
		var g errgroup.Group
		g.Go(func() error { return sequence(beside, log) })
		err := acts.measure(ctx, writers, act)
		stop()
		if err := errors.Join(err, g.Wait()); err != nil {
			return err
		}
	}
	placed, err := counted(ctx, s)
	if err != nil {
		return err
	}
	from := time.Now()
	if err := log.Complete(ctx, from); err != nil {
		return err
	}
	engine, verdict := "SQLite", ""
	if b.database != "" {
		engine = "PostgreSQL"
	}
	part := acts.perSecond() / rows.perSecond()
	if part < ledgerGoal {
		verdict = "  BELOW THE GOAL"
	}
	fmt.Printf("%-10s %7d %14.0f %10.0f %6.0f%% %8.0f%% %s%s\n", engine, writers, rows.perSecond(), acts.perSecond(), 100*part,
		100*float64(placed-before)/float64(acts.n.Load()), time.Since(from).Round(time.Millisecond), verdict)
	return nil
}

// rate adds up what happened in several slices.
type rate struct {
	n    atomic.Int64
	took time.Duration
}

func (r *rate) perSecond() float64 { return float64(r.n.Load()) / r.took.Seconds() }

// measure runs f for a slice in as many goroutines as there are writers.
func (r *rate) measure(ctx context.Context, writers int, f func(context.Context) error) error {
	var g errgroup.Group
	start := time.Now()
	for range writers {
		g.Go(func() error {
			for time.Since(start) < slice {
				if err := f(ctx); err != nil {
					return err
				}
				r.n.Add(1)
			}
			return nil
		})
	}
	err := g.Wait()
	r.took += time.Since(start)
	return err
}

// open opens the program's database and its log.
func (b *ledgerBench) open(ctx context.Context, writers int) (*store.Store, *record.Log, error) {
	data, dsn := b.dir, b.database
	if dsn == "" { // each run has a database of its own, and a log of its own
		data = filepath.Join(b.dir, "data-"+strconv.Itoa(writers))
		dsn = filepath.Join(data, "tocsin.db")
	}
	if err := os.MkdirAll(data, 0o750); err != nil {
		return nil, nil, err
	}
	s, err := store.Open(ctx, dsn)
	if err != nil {
		return nil, nil, err
	}
	return s, record.New(s, record.Settings{Dir: data, Origin: "bench.example/ledger"}), nil
}

// counted returns how many entries have a place.
func counted(ctx context.Context, s *store.Store) (n int64, err error) {
	err = s.View(ctx, func(tx *store.Tx) error {
		n, _, err = tx.LastPlace(ctx)
		return err
	})
	return n, err
}

// sequence does what the running program does beside acts.
func sequence(ctx context.Context, log *record.Log) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := log.Sequence(ctx, time.Now())
		if err == nil && n < record.MaxBatch {
			_, err = log.Checkpoint(ctx, time.Now(), time.Second)
			if errors.Is(err, fault.NotFound) {
				err = nil // nothing has happened yet
			}
		}
		if ctx.Err() != nil {
			return nil // what it was doing was given up
		}
		if err != nil {
			return err
		}
		if n == record.MaxBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

var benchBody = struct {
	Pack   string `json:"pack"`
	Urgent bool   `json:"urgent"`
	Quota  int64  `json:"quota_rows"`
}{"shadowserver", false, 100_000}

// bareTable is the table of entries under another name.
const bareTable = `create table bare_entry (id bigint primary key, tx bigint not null, at bigint not null, actor text not null,
	post text not null, act text not null, object text not null, reason text not null, body text not null, salt %[1]s not null,
	commitment %[1]s not null);
	create index bare_entry_tx on bare_entry (tx, id);
	create index bare_entry_object on bare_entry (object, id)`

// openBare opens a database with the same settings as the program's own and makes the table.
func (b *ledgerBench) openBare(ctx context.Context) (*sql.DB, error) {
	driver, dsn, bytes := "pgx", b.database, "bytea"
	if dsn == "" {
		driver, bytes = "sqlite", "blob"
		dsn = "file:" + filepath.Join(b.dir, "bare.db") + "?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
			"&_pragma=wal_autocheckpoint(8000)&_pragma=temp_store(MEMORY)&_txlock=immediate&_pragma=cache_size(-49152)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	if b.database == "" {
		db.SetMaxOpenConns(1) // the engine has one writer: more only wait for each other's locks
	}
	for stmt := range strings.SplitSeq(fmt.Sprintf(bareTable, bytes), ";") {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// insert writes one row in a transaction of its own.
func (b *ledgerBench) insert(db *sql.DB) func(context.Context) error {
	return func(ctx context.Context) error {
		id, salt := b.id.Add(1), make([]byte, 16)
		rand.Read(salt)
		_, err := db.ExecContext(ctx, `insert into bare_entry (id, tx, at, actor, post, act, object, reason, body, salt, commitment)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, id, id, time.Now().UnixMicro(), "software:command", "", "feed.put",
			"feed:bench", "", `{"pack":"shadowserver","urgent":false,"quota_rows":100000}`, salt, []byte{})
		return err
	}
}
