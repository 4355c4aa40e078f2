package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/archive"
	"tocsin/internal/feed"
	"tocsin/internal/notice"
	"tocsin/internal/store"
	"tocsin/packs"
)

// child folds one file into a data folder and prints what that cost.
func child(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("child", flag.ContinueOnError)
	data := fs.String("data", "", "data folder")
	database := fs.String("postgres", "", "URL")
	plain := fs.Bool("plain", false, "")
	profile := fs.String("profile", "", "write a CPU profile here")
	if err := fs.Parse(args); err != nil {
		return err
	}
	debug.SetGCPercent(50) // as the program itself does
	l, closeAll, err := openLoop(ctx, *data, *database, *plain)
	if err != nil {
		return err
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	m, err := measure(ctx, l, fs.Arg(0))
	if err != nil {
		return err
	}
	if err := closeAll(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m)
}

func openLoop(ctx context.Context, data, database string, plain bool) (*loop.Loop, func() error, error) {
	if err := os.MkdirAll(data, 0o750); err != nil {
		return nil, nil, err
	}
	if database == "" {
		database = filepath.Join(data, "tocsin.db")
	}
	s, err := store.Open(ctx, database)
	if err != nil {
		return nil, nil, err
	}
	a, err := archive.Open(filepath.Join(data, "archive"))
	if err != nil {
		return nil, nil, err
	}
	p, err := feed.ReadPacks(packs.Feeds())
	if err != nil {
		return nil, nil, err
	}
	library, err := notice.LoadLibrary(packs.Classes())
	if err != nil {
		return nil, nil, err
	}
	set := loop.Settings{PlainFold: plain, Key: make([]byte, 32)}
	l := loop.New(loop.Config{Store: s, Archive: a, Packs: p, Library: library, Settings: set})
	err = l.PutFeed(ctx, time.Now(), access.ForSoftware("command"), loop.FeedSettings{ID: "shadowserver", Pack: "shadowserver"})
	return l, func() error {
		if err := l.Close(ctx); err != nil {
			return err
		}
		return s.Close()
	}, err
}

// measure takes the file in, folds it and writes the counters back, timing each.
func measure(ctx context.Context, l *loop.Loop, path string) (measured, error) {
	var m measured
	f, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer f.Close()
	start := time.Now()
	if err := l.Warm(ctx); err != nil {
		return m, err
	}
	m.Load = time.Since(start)
	cpu, start := processTime(), time.Now()
	r, err := l.Accept(ctx, time.Now(), loop.AcceptRequest{Feed: "shadowserver", Name: "2026-01-01-scan_sip-bench.csv", Body: f, By: access.ForSoftware("command")})
	if err != nil {
		return m, err
	}
	m.Accept = time.Since(start)
	before, start := written(), time.Now()
	if _, _, err := l.FoldNext(ctx, time.Now(), nil); err != nil {
		return m, err
	}
	m.Fold, m.Written = time.Since(start), written()-before
	before, start = written(), time.Now()
	if err := l.WriteBack(ctx); err != nil {
		return m, err
	}
	m.Back, m.WrittenBack = time.Since(start), written()-before
	m.CPU = processTime() - cpu
	s, err := l.Signal(ctx, r.Signal)
	if err != nil {
		return m, err
	}
	if s.State != "folded" || s.Error != "" {
		return m, fmt.Errorf("signal is %s: %s", s.State, s.Error)
	}
	m.Rows, m.Events, m.Found, m.Seen = s.Counts.Rows, s.Counts.Events, s.Counts.Found, s.Counts.Seen
	m.Peak = proc("/proc/self/status", "VmHWM:") << 10
	return m, nil
}

// written returns the bytes this process handed to write() so far; 0 where the system does not tell.
func written() int64 { return proc("/proc/self/io", "wchar:") }

// proc reads one number of a file under /proc.
func proc(file, key string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), key); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// processTime returns the CPU time of this process.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
