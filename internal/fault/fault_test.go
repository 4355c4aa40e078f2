package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
)

// What people are told in English is what a translator can make again from its parts, however it was wrapped.
func TestTold(t *testing.T) {
	t.Parallel()
	inner := fault.New(fault.Invalid, "%q is not a day", "x")
	outer := fmt.Errorf("change finding: %w", fault.New(fault.Conflict, "%s: %v", "until", inner))
	format, args, ok := fault.Told(outer)
	if !ok || format != "%s: %v" || len(args) != 2 || args[1] != inner { //nolint:errorlint // the very same error
		t.Fatalf("%q %v %v", format, args, ok)
	}
	text, ok := fault.Message(outer)
	if want := `until: "x" is not a day`; !ok || text != want || fmt.Sprintf(format, args...) != want {
		t.Errorf("%q %v, want %q", text, ok, want)
	}
	if fault.Status(outer) != 409 {
		t.Errorf("status %d: the outer fault's kind was expected", fault.Status(outer))
	}
	if _, _, ok := fault.Told(errors.New("disk full")); ok {
		t.Error("an error of our own was told")
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	err := fault.Lines(fault.TooLarge, fault.New(fault.Invalid, "name: is empty"), fault.New(fault.Invalid, "and %d more", 2))
	if d := cmp.Diff("name: is empty\nand 2 more", err.Error()); d != "" {
		t.Error(d)
	}
	if !errors.Is(err, fault.TooLarge) || errors.Is(err, fault.Invalid) {
		t.Error("lines have the kind that they were made with")
	}
	if format, args, _ := fault.Told(err); format != "%v\n%v" || len(args) != 2 {
		t.Errorf("%q %v", format, args)
	}
}
