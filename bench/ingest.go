package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ingest measures the way from a file on disk to durable findings.
func ingest(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("ingest", flag.ContinueOnError)
	rows := fs.Int("rows", 1_000_000, "rows of each measured file")
	known := fs.Int("known", -1, "findings stored before; -1 runs with none and then with 1,000,000")
	shares := fs.String("repeats", "0,50,90", "percentages of repeats, a run each")
	orders := fs.String("order", "daily,random", "orders of the repeats, a run each")
	database := fs.String("postgres", "", "URL of a PostgreSQL to use instead of SQLite; its tables must not exist yet")
	plain := fs.Bool("plain", false, "the plain way: counters written with every chunk")
	dir := fs.String("dir", "", "folder for files and databases (a temporary one)")
	ten := fs.Bool("ten-million", false, "also with 10,000,000 findings stored before")
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
	sizes := []int{*known}
	if *known < 0 {
		sizes = []int{0, 1_000_000}
	}
	if *ten {
		sizes = append(sizes, 10_000_000)
	}
	for _, size := range sizes {
		b := bench{dir: *dir, database: *database, plain: *plain, rows: *rows, known: size}
		if err := b.run(ctx, strings.Split(*shares, ","), strings.Split(*orders, ",")); err != nil {
			return err
		}
	}
	return nil
}

type bench struct {
	dir, database string
	plain         bool
	rows, known   int
	fresh         int // next finding not used yet
	day           int
}

// measured is what a child process reports of one file.
type measured struct {
	Rows, Events, Found, Seen int64
	Load, Accept, Fold, Back  time.Duration // index, archive, parse to journal, counters to rows
	CPU                       time.Duration
	Written                   int64 // bytes handed to write() while folding
	WrittenBack               int64 // and while writing counters back
	Peak                      int64 // resident bytes
}

func (b *bench) run(ctx context.Context, shares, orders []string) error {
	engine := "SQLite"
	if b.database != "" {
		engine = "PostgreSQL"
	}
	fmt.Printf("%s, %d findings stored before, files of %d rows, 30 columns\n", engine, b.known, b.rows)
	data := filepath.Join(b.dir, "data-"+strconv.Itoa(b.known))
	if b.known > 0 {
		m, err := b.one(ctx, data, mix{rows: b.known, fresh: 0, day: b.nextDay()})
		if err != nil {
			return err
		}
		b.fresh = b.known
		fmt.Printf("%-28s %9.0f events/s (%s for %d)\n", "first load, all new", float64(m.Events)/(m.Accept+m.Fold+m.Back).Seconds(), (m.Accept + m.Fold + m.Back).Round(time.Millisecond), m.Events)
	}
	fmt.Printf("%-28s %9s %9s %9s %9s %8s %8s %7s %7s %8s %8s\n", "repeats, order", "events/s", "archive", "fold", "counters", "peak MB",
		"B/event", "of read", "of csv", "CPU us/e", "B/repeat")
	for _, s := range shares {
		percent, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		for _, order := range orders {
			if percent > 0 && b.known == 0 || percent == 0 && order != orders[0] {
				continue
			}
			m := mix{rows: b.rows, known: b.known, fresh: b.fresh, share: float64(percent) / 100, random: order == "random", day: b.nextDay()}
			b.fresh += b.rows
			if err := b.report(ctx, data, fmt.Sprintf("%d %%, %s", percent, order), m); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextDay gives every file a day of its own.
func (b *bench) nextDay() time.Time {
	b.day++
	return time.Date(2026, 1, b.day, 0, 0, 0, 0, time.UTC)
}

// report measures one file and the floors over the same bytes.
func (b *bench) report(ctx context.Context, data, title string, m mix) error {
	got, err := b.one(ctx, data, m)
	if err != nil {
		return err
	}
	path := filepath.Join(b.dir, "report.csv")
	read, err := hashFloor(path)
	if err != nil {
		return err
	}
	parsed, err := csvFloor(path)
	if err != nil {
		return err
	}
	wall := got.Accept + got.Fold + got.Back
	repeat := "-"
	if got.Found == 0 && got.Seen > 0 {
		repeat = fmt.Sprintf("%.1f", float64(got.Written)/float64(got.Seen))
	} else if got.Seen > 0 {
		if only, err := b.repeatBytes(ctx, data, m); err == nil {
			repeat = fmt.Sprintf("%.1f", only)
		}
	}
	fmt.Printf("%-28s %9.0f %9s %9s %9s %8.0f %8.1f %6.1f%% %6.1f%% %8.2f %8s\n", title, float64(got.Events)/wall.Seconds(),
		got.Accept.Round(time.Millisecond), got.Fold.Round(time.Millisecond), got.Back.Round(time.Millisecond), float64(got.Peak)/(1<<20),
		float64(got.Written+got.WrittenBack)/float64(got.Events), 100*read.Seconds()/wall.Seconds(), 100*parsed.Seconds()/wall.Seconds(),
		float64(got.CPU.Microseconds())/float64(got.Events), repeat)
	return nil
}

// repeatBytes measures bytes written per repeat on a file that holds nothing but repeats, in the order of m.
func (b *bench) repeatBytes(ctx context.Context, data string, m mix) (float64, error) {
	m.rows, m.share, m.day = min(m.rows, m.known), 1, b.nextDay()
	path := filepath.Join(b.dir, "repeats.csv")
	got, err := b.child(ctx, data, path, m)
	if err != nil {
		return 0, err
	}
	if got.Found != 0 {
		return 0, fmt.Errorf("%d new findings in a file of repeats", got.Found)
	}
	return float64(got.Written) / float64(got.Seen), os.Remove(path)
}

// one generates the file and folds it in a process of its own, so that peak memory is that of the fold.
func (b *bench) one(ctx context.Context, data string, m mix) (measured, error) {
	return b.child(ctx, data, filepath.Join(b.dir, "report.csv"), m)
}

func (b *bench) child(ctx context.Context, data, path string, m mix) (measured, error) {
	var got measured
	if err := generate(path, m); err != nil {
		return got, err
	}
	self, err := os.Executable()
	if err != nil {
		return got, err
	}
	cmd := exec.CommandContext(ctx, self, "child", "-data", data, "-postgres", b.database, "-plain="+strconv.FormatBool(b.plain), path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return got, err
	}
	if err := cmd.Start(); err != nil {
		return got, err
	}
	err = json.NewDecoder(out).Decode(&got)
	_, _ = io.Copy(io.Discard, out) // the process may still be closing its database
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return got, fmt.Errorf("child: %w", err)
	}
	if got.Events != int64(m.rows) || got.Rows != int64(m.rows) {
		return got, fmt.Errorf("%d of %d rows became events", got.Events, m.rows)
	}
	return got, nil
}
