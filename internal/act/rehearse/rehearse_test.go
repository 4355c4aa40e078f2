package rehearse_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/act/loop"
	"tocsin/internal/act/rehearse"
	"tocsin/internal/archive"
	"tocsin/internal/feed"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/notice"
	"tocsin/internal/party"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/packs"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// What a rehearsal says of a pack's sample is what the fold then makes of it: the same findings with the same class,
// severity and party, and the same number of rows kept aside. A second rehearsal knows every finding.
func TestAsTheFold(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		known, err := feed.ReadPacks(packs.Feeds())
		library, err2 := notice.LoadLibrary(packs.Classes())
		blobs, err3 := archive.Open(filepath.Join(t.TempDir(), "archive"))
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = blobs.Close() })
		key := []byte("0123456789abcdef0123456789abcdef")
		l := loop.New(loop.Config{Store: s, Archive: blobs, Packs: known, Library: library, Settings: loop.Settings{Key: key}})
		t.Cleanup(func() { _ = l.Close(context.WithoutCancel(ctx)) })
		operator := access.ForSoftware("command")
		_, err = l.ImportParties(ctx, noon, operator, []party.Party{{
			ID: "p", Name: "P", Kind: "operator", Language: "en", Rank: 100,
			Resources: []party.Resource{{ID: "r", Kind: party.Prefix, Value: "192.0.2.0/24", Source: party.Manual}},
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		stage := rehearse.New(rehearse.Config{Store: s, Packs: known, Library: library, Key: key, Register: l.Register})
		for _, name := range []string{"shadowserver", "intelmq", "ipsum", "urlhaus", "feodo-tracker-json", "spamhaus-drop"} {
			pack, ok := known.Pack(name)
			if !ok || pack.Sample == "" {
				continue
			}
			body, err := fs.ReadFile(packs.Feeds(), "samples/"+pack.Sample)
			if err != nil {
				t.Fatal(err)
			}
			sample := rehearse.Sample{Pack: name, Feed: ident.Feed(name), Name: pack.Sample, Body: body}
			said, err := stage.Read(ctx, noon, operator, sample)
			if err != nil || said.Problem != "" || len(said.Rows) == 0 {
				t.Errorf("%s: %v, %q, %d rows", name, err, said.Problem, len(said.Rows))
				continue
			}
			if err := errors.Join(l.PutFeed(ctx, noon, operator, loop.FeedSettings{ID: ident.Feed(name), Pack: name}), take(ctx, l, operator, sample)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			compare(ctx, t, s, &said)
			again, err := stage.Read(ctx, noon, operator, sample)
			if err != nil || again.New != 0 || again.Known != said.New+said.Known {
				t.Errorf("%s again: %v, %d new, %d known, want %d", name, err, again.New, again.Known, said.New+said.Known)
			}
		}
	})
}

func take(ctx context.Context, l *loop.Loop, by access.Actor, s rehearse.Sample) error {
	_, err := l.Accept(ctx, noon, loop.AcceptRequest{Feed: s.Feed, Name: s.Name, Body: bytes.NewReader(s.Body), By: by})
	for more := err == nil; more; {
		_, more, err = l.FoldNext(ctx, noon, nil)
	}
	return errors.Join(err, l.WriteBack(ctx))
}

// compare holds a rehearsal against what the fold wrote.
func compare(ctx context.Context, t *testing.T, s *store.Store, said *rehearse.Outcome) {
	t.Helper()
	got := map[finding.Key]store.Finding{}
	rejected := int64(0)
	err := s.View(ctx, func(tx *store.Tx) error {
		last, err := tx.LastFinding(ctx)
		if err != nil {
			return err
		}
		for id := ident.Finding(1); id <= last; id++ {
			f, err := tx.FindingByID(ctx, id)
			if err != nil {
				return err
			}
			got[f.Key] = f
		}
		all, err := tx.ListSignals(ctx, "", 0, 1, access.Always)
		if err == nil {
			rejected = all[0].Counts.Rejected
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if rejected != int64(len(said.Rejected)) {
		t.Errorf("%s: %d rows kept aside, the rehearsal says %d", said.Pack.Name, rejected, len(said.Rejected))
	}
	for _, r := range said.Rows {
		f, ok := got[r.Identity.Key()]
		if r.Gone || r.Twin != 0 {
			continue
		}
		want := fmt.Sprint(r.Class.Class, r.Severity, r.Attribution.Party, r.Attribution.Basis, r.Attribution.Matched, r.Attribution.Confidence)
		if is := fmt.Sprint(f.Class, f.Severity, f.Party, f.Basis, f.Matched, f.Confidence); !ok || is != want {
			t.Errorf("%s line %d: the fold made %s (%t), the rehearsal says %s", said.Pack.Name, r.Line, is, ok, want)
		}
	}
}
