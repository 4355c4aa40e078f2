package app

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/fault"
	"tocsin/internal/strict"
)

// defaultFile is the configuration file that is read where it exists and none is named.
const defaultFile = "tocsin.yaml"

// envPrefix begins the name of every environment variable that Tocsin reads.
const envPrefix = "TOCSIN_"

// settings resolves flags from the environment and the one configuration file, in that order.
type settings struct {
	env  map[string]string // flag name -> value
	file map[string]string
	path string
	used map[string]string // flag name -> origin
}

// newSettings reads environment and file. The file is named by --config or TOCSIN_CONFIG, else it is tocsin.yaml where
// that exists.
func newSettings(args, environ []string) (*settings, error) {
	s := &settings{env: map[string]string{}, file: map[string]string{}, used: map[string]string{}, path: defaultFile}
	named := false
	for _, e := range environ {
		key, value, _ := strings.Cut(e, "=")
		if name, ok := strings.CutPrefix(key, envPrefix); ok {
			s.env[strings.ToLower(strings.ReplaceAll(name, "_", "-"))] = value
		}
	}
	if v, ok := s.env["config"]; ok {
		s.path, named = v, true
	}
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			s.path, named = v, true
		} else if a == "--config" && i+1 < len(args) {
			s.path, named = args[i+1], true
		}
	}
	data, err := os.ReadFile(s.path)
	if os.IsNotExist(err) && !named {
		s.path = ""
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var doc map[string]yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fault.New(fault.Invalid, "%s: %v", s.path, err)
	}
	for key, node := range doc {
		if node.Kind != yaml.ScalarNode {
			return nil, fault.New(fault.Invalid, "%s line %d: %s: expected one value", s.path, node.Line, key)
		}
		s.file[key] = node.Value
	}
	return s, nil
}

// Validate refuses keys of file and environment that are no flag. Test variables have a prefix of their own.
func (s *settings) Validate(app *kong.Application) error {
	var known []string
	for _, flags := range app.AllFlags(false) {
		for _, f := range flags {
			known = append(known, f.Name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.file)) {
		if !slices.Contains(known, key) {
			return fault.New(fault.Invalid, "%s: unknown key %q%s", s.path, key, strict.DidYouMean(key, known))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.env)) {
		if !slices.Contains(known, key) && !strings.HasPrefix(key, "test-") && !strings.HasPrefix(key, "crash-") {
			name := envPrefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
			return fault.New(fault.Invalid, "environment: unknown variable %s%s", name, strict.DidYouMean(key, known))
		}
	}
	return nil
}

// Resolve gives a flag its value from the environment, else from the file.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if v, ok := s.env[flag.Name]; ok {
		s.used[flag.Name] = "environment"
		return v, nil
	}
	if v, ok := s.file[flag.Name]; ok {
		s.used[flag.Name] = s.path
		return v, nil
	}
	return nil, nil
}

// origins tells for every setting where its value comes from.
func (s *settings) origins(ctx *kong.Context) map[string]string {
	out := maps.Clone(s.used)
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved {
			out[p.Flag.Name] = "flag"
		}
	}
	return out
}
