package notice

import (
	"slices"
	"time"
)

// Hold keeps new notices from going out until a person has seen them and released them. While one is open, every urgent
// notice and every digest that is planned waits in it, in state Held.
type Hold struct {
	ID         string
	Reason     HoldReason
	Opened     time.Time
	Released   time.Time // zero while it is open
	ReleasedBy string    // actor
}

// HoldReason is why notices are held.
type HoldReason string

// Reasons of a hold.
const (
	HeldFirst  HoldReason = "first"  // no notice of this installation ever went out
	HeldImport HoldReason = "import" // a change of the register moved more than a tenth of the findings to other parties
	HeldBatch  HoldReason = "batch"  // ten times as many notices as on a usual day
)

// Bounds of holds.
const (
	ManyMoved   = 10 // findings: a change of the register that moves fewer holds nothing, however small the register is
	ManyNotices = 20 // notices in a day: fewer hold nothing, however quiet the days before were
	UsualDays   = 14 // days before today that say what is usual
	leastDays   = 3  // with notices, of these; before there are so many, nothing is usual
)

// MovesMany reports whether a change of the register that moves so many of all findings to other parties has to be seen
// by a person before anybody is told: more than a tenth of them.
func MovesMany(moved, all int) bool { return moved >= ManyMoved && moved*10 > all }

// TooMany reports whether n notices in one day are more than ten times what is usual: the median of the days before that
// had any.
func TooMany(n int, before []int) bool {
	days := slices.DeleteFunc(slices.Clone(before), func(n int) bool { return n <= 0 })
	if n < ManyNotices || len(days) < leastDays {
		return false
	}
	slices.Sort(days)
	return n > 10*days[len(days)/2]
}
