// Command bench measures Tocsin on the machine it runs on, as ratios within one run.
//
// It owns generators and harness only; what it measures is the program's own operations. It sends nothing anywhere
// but to a PostgreSQL that it is told of.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	commands := map[string]func(context.Context, []string) error{"ingest": ingest, "child": child, "ledger": ledger, "pages": pages}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench ingest|ledger|pages [flags]")
		flag.PrintDefaults()
		os.Exit(2)
	}
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
