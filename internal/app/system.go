package app

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sync"
	"time"

	"tocsin/internal/act/rehearse"
	"tocsin/internal/act/rule"
	"tocsin/internal/act/upkeep"
	"tocsin/internal/app/backup"
	"tocsin/internal/web"
	"tocsin/internal/web/desk"
	"tocsin/internal/worker"
)

// system is what the desk's page about the program shows and only the program knows.
type system struct {
	run       *running
	in        *installation
	mail      bool
	started   time.Time
	standings func() []worker.Standing // nil: no duties run

	mu      sync.Mutex
	archive desk.Space
}

func newSystem(r *running, in *installation, mail bool) *system {
	return &system{run: r, in: in, mail: mail, started: r.clock()}
}

// facts is a snapshot.
func (s *system) facts(ctx context.Context) desk.SystemFacts {
	s.mu.Lock()
	f := desk.SystemFacts{Archive: s.archive}
	s.mu.Unlock()
	f.Program, f.Go, f.Platform = version(), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
	f.Started, f.Mail, f.Sender, f.Packs = s.started, s.mail, s.run.cfg.Mail, len(s.in.packs.All())
	f.Disk.Free, f.Disk.Total = freeSpace(s.run.cfg.Data)
	if last, err := backup.ReadLast(s.run.cfg.Data); err != nil {
		s.run.log.WarnContext(ctx, "system", "error", err)
	} else {
		f.Backup = last.Made
	}
	f.Settings = s.run.settingsShown()
	if s.standings != nil {
		for _, d := range s.standings() {
			f.Duties = append(f.Duties, desk.Duty(d))
		}
	}
	return f
}

// measure counts what lies in the archive.
func (s *system) measure(ctx context.Context, now time.Time) (bool, error) {
	sum := desk.Space{At: now}
	err := filepath.WalkDir(filepath.Join(s.run.cfg.Data, "archive"), func(_ string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil // gone since its folder was read
		case err != nil:
			return err
		case !d.Type().IsRegular():
			return ctx.Err()
		}
		info, err := d.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil {
			sum.Files++
			sum.Bytes += info.Size()
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("measure the archive: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.archive = sum
	return false, nil
}

// settingsShown lists every setting with where it comes from, as `config dump` does.
func (r *running) settingsShown() []desk.Setting {
	v := reflect.ValueOf(*r.cfg)
	out := make([]desk.Setting, 0, v.NumField())
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := flagName(field)
		origin := r.origin[name]
		if origin == "" {
			origin = "default"
		}
		out = append(out, desk.Setting{Name: name, Value: shown(field, v.Field(i)), Origin: origin})
	}
	return out
}

// rulingOf is what the desk's rules and trials of feeds need of an installation.
func (r *running) rulingOf(in *installation, c *web.Config, s *system) {
	c.Ruling, c.Upkeep, c.Mailing = in.rules, upkeep.New(in.store), in.mailing
	c.Stage = newStage(in)
	if s != nil {
		c.System = s.facts
	}
}

// newStage makes what reads samples of feeds.
func newStage(in *installation) *rehearse.Stage {
	return rehearse.New(rehearse.Config{Store: in.store, Packs: in.packs, Library: in.library, Key: in.key, Register: in.loop.Register})
}

// newRules makes the operations on the desk's rules.
func (r *running) newRules(in *installation) *rule.Desk {
	return rule.New(rule.Config{Store: in.store, Locate: in.locate, Rhythm: r.cfg.rhythm()})
}
