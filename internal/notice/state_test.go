package notice_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/fault"
	"tocsin/internal/notice"
)

// The operator's page shows the machine that the code has.
func TestStatesInDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operator/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| trigger |")
	for _, s := range notice.States {
		b.WriteString(" " + string(s) + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(notice.States)) + "\n")
	for _, tr := range notice.Triggers {
		b.WriteString("| " + string(tr) + " |")
		for _, s := range notice.States {
			to, err := notice.Next(s, tr)
			if err != nil {
				to = "·"
			}
			b.WriteString(" " + string(to) + " |")
		}
		b.WriteString("\n")
	}
	if !strings.Contains(string(page), b.String()) {
		t.Errorf("docs/operator/notices.md does not have this table:\n%s", b.String())
	}
}

// Whatever happens to a notice, it can still end: answered, before the desk, or withdrawn before it went out.
func TestNoStateIsATrap(t *testing.T) {
	t.Parallel()
	ends := []notice.State{notice.Sent, notice.Delivered, notice.Answered, notice.Escalated, notice.Withdrawn}
	rapid.Check(t, func(t *rapid.T) {
		s := notice.Planned
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			tr := rapid.SampledFrom(notice.Triggers).Draw(t, "trigger")
			to, err := notice.Next(s, tr)
			if err != nil {
				if !errors.Is(err, fault.Conflict) {
					t.Fatalf("%v", err)
				}
				continue
			}
			if s == notice.Answered && to != notice.Answered && tr != notice.GiveUp {
				t.Fatalf("%s moved an answered notice to %s", tr, to)
			}
			s = to
		}
		for _, tr := range []notice.Trigger{notice.Release, notice.Claim, notice.Fail, notice.GiveUp} {
			if slices.Contains(ends, s) {
				return
			}
			if to, err := notice.Next(s, tr); err == nil {
				s = to
			}
		}
		if !slices.Contains(ends, s) {
			t.Fatalf("stuck in %s", s)
		}
	})
}

func TestBackOff(t *testing.T) {
	t.Parallel()
	var sum time.Duration
	tries := 0
	for {
		tries++
		wait, ok := notice.BackOff(tries)
		if !ok {
			break
		}
		sum += wait
	}
	if want := time.Minute + 5*time.Minute + 15*time.Minute + time.Hour + 4*time.Hour + 12*time.Hour; sum != want || tries != 7 {
		t.Errorf("%d tries over %s, want 7 over %s", tries, sum, want)
	}
	if _, ok := notice.BackOff(0); ok {
		t.Error("no failure, no back-off")
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err     error
		tries   int
		trigger notice.Trigger
		address bool
	}{
		{nil, 1, notice.Accept, false},
		{errors.New("no route to host"), 1, notice.Defer, false},
		{errors.New("no route to host"), 7, notice.Fail, false},
		{&notice.SendError{Code: 451}, 6, notice.Defer, false},
		{&notice.SendError{Code: 451, Address: true}, 7, notice.Fail, false},
		{&notice.SendError{Code: 550, Address: true}, 1, notice.Fail, true},
		{&notice.SendError{Code: 552}, 1, notice.Fail, false},
	} {
		if tr, address := notice.Verdict(c.err, c.tries); tr != c.trigger || address != c.address {
			t.Errorf("%v after %d tries: %s %v", c.err, c.tries, tr, address)
		}
	}
}
