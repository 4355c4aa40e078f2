package feed

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/event"
)

// convTime reads a date and time; one without a zone is UTC, as Shadowserver and most feeds mean it.
func convTime(b, _ []byte, _ *step, _ [][]byte) (value, string) {
	m, ok := event.ParseMoment(b)
	if !ok {
		m, ok = looseMoment(string(b))
	}
	if !ok {
		return value{}, "is not a date and time"
	}
	return value{kind: moment, n: m.Micros, digits: uint8(m.Digits), day: m.Day}, ""
}

// layouts are the other forms of dates that reports carry: HTTP headers and logs. Zones named by letters other than
// UTC and GMT are ambiguous and not read.
var layouts = []string{
	"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 02-Jan-2006 15:04:05 MST", "Monday, 02-Jan-06 15:04:05 MST",
	"Mon, 2 Jan 2006 15:04:05 -0700", "Mon Jan _2 15:04:05 2006", "Mon Jan _2 15:04:05 MST 2006",
	"02/Jan/2006:15:04:05 -0700", "2006/01/02 15:04:05", "Jan _2 15:04:05 2006 MST", "20060102150405Z",
}

func looseMoment(s string) (event.Moment, bool) {
	if len(s) < len("20060102150405Z") || len(s) > 40 {
		return event.Moment{}, false
	}
	for _, l := range layouts {
		t, err := time.Parse(l, s)
		if err != nil {
			continue
		}
		name, _ := t.Zone()
		if strings.Contains(l, "MST") && name != "UTC" && name != "GMT" || t.Year() < 1 {
			return event.Moment{}, false
		}
		return event.MomentOf(t, 0), true
	}
	return event.Moment{}, false
}

func convLayout(b, _ []byte, s *step, _ [][]byte) (value, string) {
	t, err := time.Parse(s.argument, string(b))
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return value{}, fmt.Sprintf("does not have the form %s", s.argument)
	}
	day := !strings.Contains(s.argument, "15") && !strings.Contains(s.argument, "03") && !strings.Contains(s.argument, "3:")
	return value{kind: moment, n: t.UnixMicro(), day: day}, ""
}

// convUnix reads a count since 1970 in units of so many microseconds.
func convUnix(unit float64) conversion {
	digits := uint8(0)
	if unit < 1e6 {
		digits = 3
	}
	return func(b, _ []byte, _ *step, _ [][]byte) (value, string) {
		x, err := strconv.ParseFloat(string(b), 64)
		if err != nil || !(x > 0 && x*unit < 253402300800e6) {
			return value{}, "is not a count of time since 1970"
		}
		if n, ok := parseInt(b); ok {
			return value{kind: moment, n: n * int64(unit), digits: digits}, ""
		}
		return value{kind: moment, n: int64(math.Round(x * unit)), digits: 6}, ""
	}
}
