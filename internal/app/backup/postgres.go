package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/store"
)

// savePostgres dumps the database in the very state whose blobs and root it reads.
func (m *Manifest) savePostgres(ctx context.Context, in Installation, dir string) ([]string, error) {
	m.Database = "postgresql"
	if _, err := lookTool("pg_dump"); err != nil {
		return nil, dumpElsewhere(in.Database, dir)
	}
	s, err := store.Inspect(ctx, in.Database)
	if err != nil {
		return nil, err
	}
	var blobs []string
	err = s.View(ctx, func(tx *store.Tx) error {
		snapshot, err := tx.ExportSnapshot(ctx)
		if err != nil {
			return err
		}
		if m.Entries, m.Root, err = in.Root(ctx, tx); err != nil {
			return err
		}
		if blobs, err = blobsIn(ctx, tx); err != nil {
			return err
		}
		return dumpPostgres(ctx, in.Database, filepath.Join(dir, dumpFile), "--snapshot="+snapshot)
	})
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	return blobs, m.note(dir, dumpFile)
}

// dumpArgs are what every dump is made with.
var dumpArgs = []string{"--format=custom", "--no-owner", "--no-privileges"}

// dumpElsewhere says how a backup is finished where pg_dump is not: what must be older than the dump is copied by then.
func dumpElsewhere(dsn, dir string) error {
	args := slices.Clone(dumpArgs)
	if schema := schemaOf(dsn); schema != "" {
		args = append(args, "--schema="+schema)
	}
	url, _, err := toolURL(dsn)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, dumpFile)
	return fault.New(fault.NotFound, "pg_dump: is not on the PATH. The keys and the checkpoint are in %s; two commands finish the backup, the first of them where pg_dump is:\n"+
		"  pg_dump %s --file='%s' --dbname='%s'\n  tocsin backup --dumped '%s' --database '%s'", dir, strings.Join(args, " "), file, url, dir, url)
}

// takeDumped finishes a backup whose dump was made by hand after keys and checkpoint were copied. The database names more
// blobs by now than the dump does, never less. What state was dumped is not known here: a restore finds that it agrees with
// the checkpoint.
func (m *Manifest) takeDumped(ctx context.Context, in Installation, dir string) ([]string, error) {
	m.Database = "postgresql"
	if in.Database == "" {
		return nil, fault.New(fault.Invalid, "dumped: is for a PostgreSQL, which --database names")
	}
	for _, name := range []string{"key", dumpFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return nil, fault.New(fault.Invalid, "%s: has no %s; a backup that was begun without pg_dump was expected, with the dump in it", dir, name)
		}
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		return m.note(dir, filepath.ToSlash(rel))
	})
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(m.Files, func(f File) bool { return f.Path == manifestFile || strings.HasPrefix(f.Path, "archive/") }) {
		return nil, fault.New(fault.Exists, "%s: a backup that was begun without pg_dump was expected, and this one went further", dir)
	}
	return blobsOf(ctx, in.Database)
}

// dumpPostgres writes a PostgreSQL database to a file with pg_dump, which sees it in one transaction.
func dumpPostgres(ctx context.Context, dsn, to string, more ...string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	args := append(slices.Clone(dumpArgs), more...)
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

// lookTool finds one of PostgreSQL's own programs.
func lookTool(name string) (string, error) {
	program, err := exec.LookPath(name)
	if err != nil {
		return "", fault.New(fault.NotFound, "%s: is not on the PATH, and copies of a PostgreSQL are made with it: install PostgreSQL's client programs", name)
	}
	return program, nil
}

// postgresTool makes a call of one of PostgreSQL's own programs. The password goes by the environment: arguments can be seen
// by every user of the machine.
func postgresTool(ctx context.Context, name, dsn string, args ...string) (*exec.Cmd, error) {
	program, err := lookTool(name)
	if err != nil {
		return nil, err
	}
	address, password, err := toolURL(dsn)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = os.Environ() // PostgreSQL's programs read the PG… variables, as the driver does
	if password != "" {
		cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
	}
	cmd.Args = append(cmd.Args, "--dbname="+address)
	return cmd, nil
}

// toolURL is a URL as PostgreSQL's own programs take it, and its password.
func toolURL(dsn string) (address, password string, err error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", "", fault.New(fault.Invalid, "database: is not the URL of a PostgreSQL")
	}
	password, given := u.User.Password()
	if given {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Del("search_path") // of pgx; libpq does not know it
	u.RawQuery = q.Encode()
	return u.String(), password, nil
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
