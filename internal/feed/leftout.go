package feed

// LeftOut is the error of a record that is no event by the pack's own rule: a filter, a comment, a trailer. It is no
// reject: nothing is wrong with it and nobody has to look at it.
type LeftOut struct {
	Reason string
}

func (l *LeftOut) Error() string { return l.Reason }
