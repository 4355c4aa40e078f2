package staff_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tocsin/internal/act/staff"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

// Who gets in while somebody hammers an account, by what they come with.
func TestHammeredAccount(t *testing.T) {
	t.Parallel()
	const mail, other = "ada@csirt.example", "nobody@csirt.example"
	from := func(network string) func(int) string {
		return func(n int) string { return fmt.Sprintf(network, n%200+1) }
	}
	many := func(n int) string { return fmt.Sprintf("100.64.%d.9", n) }
	for _, c := range []struct {
		name    string
		guesses int
		guess   func(int) string // where the guesses come from
		at      string           // whose account they are for
		known   string           // "", "hers" or "another's": what Ada's browser has
		from    string
		wait    time.Duration
	}{
		{"four guesses from her network", 4, from("192.0.2.%d"), mail, "", "192.0.2.250", 0},
		{"five guesses from her network", 5, from("192.0.2.%d"), mail, "", "192.0.2.250", 30 * time.Second},
		{"five from her network, her own browser", 5, from("192.0.2.%d"), mail, "hers", "192.0.2.250", 0},
		{"five from her network, the browser of another", 5, from("192.0.2.%d"), mail, "another's", "192.0.2.250", 30 * time.Second},
		{"five from another network", 5, from("198.51.100.%d"), mail, "", "192.0.2.250", 0},
		{"five from another network of IPv6", 5, from("2001:db8:1::%d"), mail, "", "2001:db8:2::1", 0},
		{"five from her network of IPv6", 5, from("2001:db8:1::%d"), mail, "", "2001:db8:1:9::1", 30 * time.Second},
		{"99 from as many networks", 99, many, mail, "", "192.0.2.250", 0},
		{"100 from as many networks", 100, many, mail, "", "192.0.2.250", 30 * time.Second},
		{"100 from as many networks, her own browser", 100, many, mail, "hers", "192.0.2.250", 0},
		{"five at another account from her network", 5, from("192.0.2.%d"), other, "", "192.0.2.250", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, ctx := newOffice(t, testkit.SQLite(t)), t.Context()
			staff.Cheap(o.Staff)
			v := o.enter(o.ada, store.LinkOperator)
			o.must(o.SetPassword(ctx, o.now, v, phrase))
			code := o.app(v)
			known := ""
			switch c.known {
			case "hers":
				known = o.know(v)
			case "another's":
				known = o.know(o.enter(o.hui, store.LinkOperator))
			}
			o.now = noon.Add(time.Hour)
			for n := range c.guesses {
				_, _, err := o.SignInByPassword(ctx, o.now, staff.Attempt{Mail: c.at, Password: "wrong", Address: c.guess(n)})
				o.want(staff.ErrSignIn, err, fmt.Sprintf("guess %d", n+1))
			}
			_, _, err := o.SignInByPassword(ctx, o.now, staff.Attempt{Mail: mail, Password: phrase, Code: code(o.now), Address: c.from, Known: known})
			var wait *staff.ErrWait
			switch {
			case c.wait == 0:
				o.must(err)
			case !errors.As(err, &wait) || wait.For != c.wait:
				t.Errorf("%v, want to wait %s", err, c.wait)
			}
		})
	}
}

// know makes a browser known to whoever signed in.
func (o *office) know(v staff.Visitor) string {
	o.t.Helper()
	known, err := o.KnowDevice(o.t.Context(), o.now, v)
	o.must(err)
	return known
}

// A known browser has five attempts of its own; what it keeps cannot be changed, and is over after 180 days.
func TestKnownDevice(t *testing.T) {
	t.Parallel()
	o, ctx := newOffice(t, testkit.SQLite(t)), t.Context()
	staff.Cheap(o.Staff)
	v := o.enter(o.ada, store.LinkOperator)
	known := o.know(v)
	try := func(known string) error {
		_, _, err := o.SignInByPassword(ctx, o.now, staff.Attempt{Mail: "ada@csirt.example", Password: "wrong", Address: "192.0.2.1", Known: known})
		return err
	}
	var wait *staff.ErrWait
	for n := range 5 {
		o.want(staff.ErrSignIn, try(known), fmt.Sprintf("guess %d", n+1))
	}
	if err := try(known); !errors.As(err, &wait) {
		t.Errorf("the sixth guess of a known browser: %v", err)
	}
	for n := range 5 { // not counted as the known one
		o.want(staff.ErrSignIn, try(known+"x"), fmt.Sprintf("guess %d with a changed cookie", n+1))
	}
	if err := try("x" + known); !errors.As(err, &wait) {
		t.Errorf("a changed cookie is known: %v", err)
	}
	for _, c := range []struct {
		after time.Duration
		open  bool
	}{{staff.DeviceLife - time.Second, true}, {staff.DeviceLife, false}} {
		o.now = noon.Add(c.after)
		for range 5 {
			_ = try("")
		}
		err := try(o.know(v))
		o.want(staff.ErrSignIn, err, "a new cookie")
		if err := try(known); errors.As(err, &wait) == c.open {
			t.Errorf("after %s: %v", c.after, err)
		}
	}
}
