package app

import (
	"fmt"
	"time"

	"tocsin/internal/act/record"
	"tocsin/internal/app/backup"
)

type backupCommand struct {
	Dir    string `arg:"" help:"An empty folder, or one to be made."`
	Dumped bool   `help:"Finish a backup of a PostgreSQL that was begun where pg_dump is not: its dump is in the folder now."`
}

// Run writes a backup and says what is in it.
func (c *backupCommand) Run(r *running) error {
	in := r.saved()
	in.Dumped = c.Dumped
	m, err := backup.Write(r.ctx, in, c.Dir, r.clock())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "%-12s %s\n%-12s %d, %d bytes\n%-12s %d\n%-12s %s\n", "backup", c.Dir, "files", len(m.Files), m.Size(),
		"entries", m.Entries, "root", m.Root)
	return err
}

type restoreCommand struct {
	Dir string `arg:"" help:"The folder of a backup."`
}

// Run brings a backup back into the configured data folder, and says what it brought.
func (c *restoreCommand) Run(r *running) error {
	m, err := backup.Restore(r.ctx, c.Dir, r.saved())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "%-12s %s, made %s\n%-12s %d\n%-12s %d\n%-12s %s\n", "restored", r.cfg.Data, m.Made.Format(time.RFC3339),
		"files", len(m.Files), "entries", m.Entries, "root", m.Root)
	return err
}

// saved is this installation as backups see it.
func (r *running) saved() backup.Installation {
	return backup.Installation{Data: r.cfg.Data, Database: r.cfg.Database, Root: record.Root, Verify: func(data, dsn string) (int64, string, error) {
		v, err := (&verifyCommand{}).verifyFolder(r, data, dsn)
		return v.Size, v.Root.String(), err
	}}
}
