package feed

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"tocsin/internal/fault"
)

// Packs are the packs an installation knows, by name.
type Packs struct {
	byName map[string]*Pack
}

// ReadPacks reads every *.yaml in the root of each folder: those of a later folder replace those of an earlier one
// with the same name, so an operator can mend a shipped pack. The first bad pack is an error (fault.Invalid), because
// a missing feed is worse than a stop.
func ReadPacks(folders ...fs.FS) (*Packs, error) {
	p := &Packs{byName: map[string]*Pack{}}
	for _, f := range folders {
		if err := p.read(f); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Packs) read(folder fs.FS) error {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return fmt.Errorf("list feed packs: %w", err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return fmt.Errorf("read feed pack %s: %w", name, err)
		}
		pack, err := ParsePack(name, data)
		if err != nil {
			return err
		}
		if pack.Name+".yaml" != name {
			return fault.New(fault.Invalid, "%s: name: %q is not the file's name", name, pack.Name)
		}
		p.byName[pack.Name] = pack
	}
	return nil
}

// Pack returns the pack called name.
func (p *Packs) Pack(name string) (*Pack, bool) {
	pack, ok := p.byName[name]
	return pack, ok
}

// All returns the packs, ordered by name.
func (p *Packs) All() []*Pack {
	all := make([]*Pack, 0, len(p.byName))
	for _, name := range slices.Sorted(maps.Keys(p.byName)) {
		all = append(all, p.byName[name])
	}
	return all
}
