package backup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"tocsin/internal/fault"
)

// dumpPostgres writes a PostgreSQL database to a file with pg_dump, which sees it in one transaction.
func dumpPostgres(ctx context.Context, dsn, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	args := []string{"--format=custom", "--no-owner", "--no-privileges"}
	if schema := schemaOf(dsn); schema != "" {
		args = append(args, "--schema="+schema)
	}
	cmd, err := postgresTool(ctx, "pg_dump", dsn, args...)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	cmd.Stdout = f
	if err := errors.Join(runTool(cmd), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("dump the database: %w", err)
	}
	return nil
}

// restorePostgres brings a dump back into a database with pg_restore: all of it, or with an error nothing.
func restorePostgres(ctx context.Context, dsn, from string) error {
	cmd, err := postgresTool(ctx, "pg_restore", dsn, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
	if err != nil {
		return err
	}
	cmd.Args = append(cmd.Args, from)
	if err := runTool(cmd); err != nil {
		return fmt.Errorf("restore the database: %w", err)
	}
	return nil
}

// postgresTool makes a call of one of PostgreSQL's own programs. The password goes by the environment: arguments can be seen
// by every user of the machine.
func postgresTool(ctx context.Context, name, dsn string, args ...string) (*exec.Cmd, error) {
	program, err := exec.LookPath(name)
	if err != nil {
		return nil, fault.New(fault.NotFound, "%s: is not on the PATH, and copies of a PostgreSQL are made with it: install PostgreSQL's client programs", name)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, fault.New(fault.Invalid, "database: is not the URL of a PostgreSQL")
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = os.Environ() // PostgreSQL's programs read the PG… variables, as the driver does
	if password, ok := u.User.Password(); ok {
		cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Del("search_path") // of pgx; libpq does not know it
	u.RawQuery = q.Encode()
	cmd.Args = append(cmd.Args, "--dbname="+u.String())
	return cmd, nil
}

// schemaOf returns the one schema that a URL keeps to; empty for the usual one.
func schemaOf(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return ""
	}
	return u.Query().Get("search_path")
}

// runTool runs a program; its error is the program's last words.
func runTool(cmd *exec.Cmd) error {
	var said strings.Builder
	cmd.Stderr = &said
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return fault.New(fault.Unavailable, "%s", lines[len(lines)-1])
	}
	return err
}
