package loop

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// Columns have changed where they differ from those of the signal before in the same stream: the first has none before it,
// whatever the pack knows of it, the order says nothing, and what has changed once is told once.
func TestColumnsChanged(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		l := newLoop(t, s, Settings{})
		drifts := func() (out []string) {
			must(t, s.Keep(t.Context(), func(tx *store.Tx) error {
				items, err := tx.QueueOpenOf(t.Context(), []string{"feed.drift"}, "", 10)
				out = nil
				for _, q := range items {
					out = append(out, strings.Join(q.Args, " "))
				}
				return err
			}))
			return out
		}
		day := 0
		send := func(columns string) {
			t.Helper()
			day++
			at := november(day, 5)
			name := at.Format("2006-01-02") + "-scan_telnet-x.csv"
			cells := map[string]string{"timestamp": at.Format("2006-01-02 15:04:05"), "ip": "198.51.100.1", "protocol": "tcp", "port": "23"}
			var row []string
			for c := range strings.SplitSeq(columns, ",") {
				row = append(row, cells[c])
			}
			take(t, l, at, "shadowserver", name, columns+"\n"+strings.Join(row, ",")+"\n")
			foldAll(t, l, at)
		}
		send("timestamp,ip,protocol,port,our_own")
		send("ip,timestamp,protocol,our_own,port")
		if got := drifts(); len(got) > 0 {
			t.Fatalf("nothing has changed, and the desk is told %q", got)
		}
		send("timestamp,ip,protocol,port,hostname")
		if got := drifts(); !slices.Equal(got, []string{"shadowserver scan_telnet x [hostname] [our_own]"}) {
			t.Errorf("the desk is told %q", got)
		}
		must(t, s.Keep(t.Context(), func(tx *store.Tx) error {
			_, err := tx.QueueSettle(context.WithoutCancel(t.Context()), "feed.drift", "stream:shadowserver/scan_telnet x", "person:x", november(day, 6))
			return err
		}))
		send("timestamp,ip,protocol,port,hostname")
		if got := drifts(); len(got) > 0 {
			t.Errorf("told again: %q", got)
		}
	})
}
