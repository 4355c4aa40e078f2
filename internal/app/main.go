// Package app wires Tocsin together: configuration, subcommands, start and stop. It is the only package that reads
// the environment and may end the process.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"tocsin/internal/fault"
)

// Commands are the subcommands, each a struct with its own flags and a Run method.
type Commands struct {
	Config

	Demo     demoCommand    `cmd:"" help:"Set up a fictitious province with 90 days of signals and serve it."`
	Serve    serveCommand   `cmd:"" help:"Serve pages and API and run the loop."`
	Ingest   ingestCommand  `cmd:"" help:"Take signals from files, folders or standard input (-) and fold them."`
	Feed     feedCommand    `cmd:"" help:"Feeds: list, add, token, packs."`
	Party    partyCommand   `cmd:"" help:"Parties and what they answer for: import, export, list."`
	Bounce   bounceCommand  `cmd:"" help:"Take a bounced notice from standard input, for a mail server's alias."`
	Outgoing mailCommand    `cmd:"" name:"mail" help:"Outgoing mail: test."`
	Person   personCommand  `cmd:"" help:"People who sign in: found, invite, list."`
	SignIn   signInCommand  `cmd:"" name:"sign-in" help:"Make a one-time sign-in link."`
	Ledger   ledgerCommand  `cmd:"" help:"The ledger as a signed log: checkpoint, proof, export, rotate."`
	Backup   backupCommand  `cmd:"" help:"Write a consistent copy of the installation into an empty folder, beside a running server, and check it."`
	Restore  restoreCommand `cmd:"" help:"Bring a backup back into the empty data folder, after checking every byte of it."`
	Verify   verifyCommand  `cmd:"" help:"Recompute the ledger and all that it answers for; name the first thing that is wrong."`
	Push     pushCommand    `cmd:"" help:"Send a signal to another installation."`
	Remote   remoteCommand  `cmd:"" help:"Ask another installation: findings, events."`
	Dump     configCommand  `cmd:"" name:"config" help:"Configuration: dump."`
}

// run is what every subcommand is given.
type running struct {
	ctx    context.Context //nolint:containedctx // lives as long as the one command that it is given to
	cfg    *Config
	origin map[string]string // of every setting: flag, environment, file or default
	log    *slog.Logger
	out    io.Writer
	errOut io.Writer
	in     io.Reader
	clock  func() time.Time

	patience *patience // of the listeners; nil is the usual
}

// gcPercent halves the room that the garbage collector takes beside the fold's index, which lives as long as the process.
const gcPercent = 50

// Main runs the program and ends the process: 0 when all went well, 1 for an error that is explained, 2 for usage.
func Main() {
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Run runs one command line and returns the exit code.
func Run(ctx context.Context, args, environ []string, in io.Reader, out, errOut io.Writer) int {
	c, k, origin, err := parse(args, environ, out, errOut)
	if errors.Is(err, errHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errOut, "tocsin:", err)
		return 2
	}
	r := &running{
		ctx: ctx, cfg: &c.Config, origin: origin, out: out, errOut: errOut, in: in,
		log: slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: c.LogLevel})), clock: time.Now,
	}
	if err := k.Run(r); err != nil {
		if text, ok := fault.Message(err); ok && r.cfg.LogLevel > slog.LevelDebug {
			fmt.Fprintln(errOut, "tocsin:", text)
		} else {
			fmt.Fprintln(errOut, "tocsin:", err)
		}
		return 1
	}
	return 0
}

// parse reads the command line over the environment over the file.
func parse(args, environ []string, out, errOut io.Writer) (*Commands, *kong.Context, map[string]string, error) {
	var c Commands
	settings, err := newSettings(args, environ)
	if err != nil {
		return nil, nil, nil, err
	}
	helped := false
	parser, err := kong.New(&c, kong.Name("tocsin"), kong.Writers(out, errOut), kong.Exit(func(int) { helped = true }),
		kong.Description("From the first signal to a verified fix."), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Resolvers(settings))
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, err := parser.Parse(args)
	if helped {
		return nil, nil, nil, errHelp
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return &c, ctx, settings.origins(ctx), c.Config.check()
}

var errHelp = errors.New("help was printed")
