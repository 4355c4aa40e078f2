package finding

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var triggers = []Trigger{
	Notify, Acknowledge, Start, Claim, Dispute, AcceptRisk, Reject, Discard, Reattribute, Gone,
	SeenAgain, Expire, Fade,
}

// The table in the documentation is the table in the code.
func TestStatesDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/developer/states.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[Trigger]map[State]State{}
	row := regexp.MustCompile("(?m)^\\| `([a-z_-]+)` \\| `([a-z_]+)` \\| `([a-z_]+)` \\|$")
	_, table, found := strings.Cut(string(text), "## Transitions")
	if !found {
		t.Fatal("no section Transitions")
	}
	for _, m := range row.FindAllStringSubmatch(table, -1) {
		trigger, from := Trigger(m[1]), State(m[2])
		if documented[trigger] == nil {
			documented[trigger] = map[State]State{}
		}
		if _, twice := documented[trigger][from]; twice {
			t.Errorf("%s from %s stands twice", trigger, from)
		}
		documented[trigger][from] = State(m[3])
	}
	if diff := cmp.Diff(documented, transitions); diff != "" {
		t.Errorf("documented (-) differs from the code (+):\n%s", diff)
	}
	for _, s := range States {
		live := "no"
		if s.Live() {
			live = "yes"
		}
		if !regexp.MustCompile("(?m)^\\| `" + string(s) + "` \\| .* \\| " + live + " \\|$").Match(text) {
			t.Errorf("state %s, live: %s, is not documented so", s, live)
		}
	}
	for _, trigger := range triggers {
		if !strings.Contains(strings.Split(string(text), "## Transitions")[0], "`"+string(trigger)+"`") {
			t.Errorf("nothing says who pulls %s", trigger)
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from State
		by   Trigger
		to   State // empty: refused
	}{
		{Open, Notify, Notified},
		{Notified, Notify, ""},
		{Notified, Claim, ClaimedFixed},
		{ClaimedFixed, Claim, ""},
		{ClaimedFixed, Gone, VerifiedClosed},
		{ClaimedFixed, SeenAgain, Reopened},
		{VerifiedClosed, SeenAgain, Reopened},
		{VerifiedClosed, Claim, ""},
		{VerifiedClosed, Gone, ""},
		{RiskAccepted, Expire, Reopened},
		{RiskAccepted, Fade, ""},
		{Disputed, Reject, Reopened},
		{Stale, Gone, VerifiedClosed},
		{FalsePositive, SeenAgain, ""},
		{Reopened, Notify, Notified},
	} {
		to, err := Next(c.from, c.by)
		if to != c.to || (err == nil) != (c.to != "") {
			t.Errorf("%s, %s: got %q, %v; want %q", c.from, c.by, to, err, c.to)
		}
	}
}

// Whatever happens in whatever order: only evidence closes, a claim never does, and what is wrong stays wrong.
func TestOnlyEvidenceCloses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Open
		for _, trigger := range rapid.SliceOfN(rapid.SampledFrom(triggers), 1, 60).Draw(t, "triggers") {
			to, err := Next(s, trigger)
			if err != nil {
				if to != "" {
					t.Fatalf("%s, %s: refused and moved to %s", s, trigger, to)
				}
				continue
			}
			switch {
			case !slices.Contains(States, to):
				t.Fatalf("%s, %s: %q is no state", s, trigger, to)
			case to == VerifiedClosed && trigger != Gone:
				t.Fatalf("%s closed by %s", s, trigger)
			case trigger == Gone && to != VerifiedClosed:
				t.Fatalf("evidence moved %s to %s", s, to)
			case trigger == Claim && to != ClaimedFixed:
				t.Fatalf("a claim moved %s to %s", s, to)
			case s == FalsePositive:
				t.Fatalf("false positive moved by %s", trigger)
			case s == VerifiedClosed && trigger != SeenAgain:
				t.Fatalf("closed finding moved by %s", trigger)
			case s.Live() && !to.Live() && trigger != Gone && trigger != Discard && trigger != Fade:
				t.Fatalf("%s let %s go", trigger, s)
			}
			s = to
		}
	})
}

// Every live state can be closed by evidence, and every state can be reached from open.
func TestEveryStateReachable(t *testing.T) {
	t.Parallel()
	reached := map[State]bool{Open: true}
	for range States {
		for s := range reached {
			for _, trigger := range triggers {
				if to, err := Next(s, trigger); err == nil {
					reached[to] = true
				}
			}
		}
	}
	for _, s := range States {
		if !reached[s] {
			t.Errorf("nothing leads to %s", s)
		}
		if _, err := Next(s, Gone); s.Live() && err != nil {
			t.Errorf("evidence cannot close %s", s)
		}
	}
}

func TestRefutes(t *testing.T) {
	t.Parallel()
	last := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	since := last.Add(72 * time.Hour)
	for _, c := range []struct {
		state State
		seen  time.Time
		want  bool
	}{
		{ClaimedFixed, since.Add(-time.Hour), false},
		{ClaimedFixed, since, false},
		{ClaimedFixed, since.Add(time.Second), true},
		{VerifiedClosed, last, false},
		{VerifiedClosed, last.Add(time.Hour), true}, // came in late: the evidence was wrong
		{VerifiedClosed, since.Add(time.Hour), true},
		{Stale, last.Add(time.Hour), true},
		{Open, since.Add(time.Hour), false},
		{Disputed, since.Add(time.Hour), false},
		{RiskAccepted, since.Add(time.Hour), false},
		{FalsePositive, since.Add(time.Hour), false},
	} {
		if got := Refutes(c.state, c.seen, since, last); got != c.want {
			t.Errorf("%s seen at %s: got %v", c.state, c.seen, got)
		}
	}
}
