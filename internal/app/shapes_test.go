package app

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/party"
)

// A map that cannot be drawn is refused with what is wrong; one that does not fit the register is drawn, and the log names
// what does not fit.
func TestMapSetting(t *testing.T) {
	t.Parallel()
	dir, said := t.TempDir(), &written{}
	path := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	area := func(code string) string {
		return `{"properties":{"code":"` + code + `"},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1]]]}}`
	}
	collection := func(areas ...string) string {
		return `{"type":"FeatureCollection","features":[` + strings.Join(areas, ",") + `]}`
	}
	good := path("good.png", collection(area("xa-01"), area("XB")))
	open := func(file string) (*running, *installation) {
		t.Helper()
		c, _, origin, err := parse([]string{"serve", "--data", filepath.Join(dir, "data"), "--map", file}, nil, io.Discard, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		r := &running{ctx: t.Context(), cfg: &c.Config, origin: origin, clock: time.Now, log: slog.New(slog.NewTextHandler(said, nil))}
		in, err := r.open(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r, in
	}
	r, in := open(good)
	defer func() {
		if err := in.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	regions := []party.Region{{ID: "XA", NameEN: "Land"}, {ID: "XA-01", Parent: "XA", NameEN: "North"}, {ID: "XA-02", Parent: "XA", NameEN: "South"}}
	if _, err := in.loop.ImportParties(t.Context(), time.Now(), operator, nil, regions); err != nil {
		t.Fatal(err)
	}
	s, err := r.shapes(t.Context(), in)
	if err != nil || !s.Has("XA-01") || !s.Has("XB") {
		t.Errorf("%+v, %v", s.Areas, err)
	}
	for _, want := range []string{"areas=XB", "regions=XA-02"} {
		if !strings.Contains(said.b.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, said.b.String())
		}
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "none.geojson"): "map: open ",
		dir:                                "is not a file",
		path("image.geojson", "\x89PNG\r\n\x1a\n"):              "image.geojson: not GeoJSON: invalid character",
		path("twice.geojson", collection(area("A"), area("a"))): "twice.geojson: area 2: A is area 1 already",
		path("large.geojson", strings.Repeat(" ", 5<<20)):       "large.geojson: a map has at most 4194304 bytes",
	} {
		r.cfg.Map = file
		_, err := r.shapes(t.Context(), in)
		if text, said := fault.Message(err); !said || !strings.Contains(text, want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
