package notice

import (
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Rhythm is how often a party wants to be told. The zero value leaves it to the installation.
type Rhythm struct {
	UrgentFrom event.Severity // told at once from here on; Unknown: as the installation has it
	Hour       int            // of the digest, 1 to 24 (midnight); 0: as the installation has it
	Weekday    int            // 1 (Monday) to 7 (Sunday): one digest a week; 0: every day
}

// Check says what is wrong with a rhythm. Critical findings are always told at once: a party may ask for more of it,
// never for less.
func (h Rhythm) Check() error {
	switch {
	case h.UrgentFrom > event.Critical:
		return fault.New(fault.Invalid, "urgent: a severity up to critical was expected")
	case h.Hour < 0 || h.Hour > 24:
		return fault.New(fault.Invalid, "hour: an hour of the day was expected")
	case h.Weekday < 0 || h.Weekday > 7:
		return fault.New(fault.Invalid, "weekday: a day of the week, or every day, was expected")
	}
	return nil
}

// For returns the rules as one party wants them.
func (r Rules) For(h Rhythm) Rules {
	if h.UrgentFrom != event.Unknown {
		r.UrgentFrom = h.UrgentFrom
	}
	if h.Hour != 0 {
		r.Hour = h.Hour % 24
	}
	r.Weekday = h.Weekday
	return r
}

// weekday numbers the days of the week from Monday, 1.
func weekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }
