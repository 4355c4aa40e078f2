package feed

import (
	"tocsin/internal/event"
	"tocsin/internal/finding"
)

// Split takes a record that names several assets apart: one record for each, with the line and offset of the whole. Nil
// stands for the record itself. The error is a *Reject of the whole record.
type Split func(rec Record) ([]Record, error)

// Assets returns a record as one record for each asset that it names: most often itself alone. The error is a *Reject.
func (o *Opened) Assets(rec Record) ([]Record, error) {
	if o.Split != nil {
		if parts, err := o.Split(rec); parts != nil || err != nil {
			return parts, err
		}
	}
	return []Record{rec}, nil
}

// AssetOf returns what a record says of one finding: the record of the finding's asset alone, and its event. The error is
// that of the Decoder.
func (o *Opened) AssetOf(rec Record, key finding.Key) (Record, event.Event, error) {
	parts, err := o.Assets(rec)
	if err != nil {
		return rec, event.Event{}, err
	}
	for _, part := range parts {
		e, err := o.Decoder.Event(part)
		if err != nil {
			return rec, event.Event{}, err
		}
		if id, err := finding.Identify(e); len(parts) == 1 || err == nil && id.Key() == key {
			return part, e, nil
		}
	}
	return rec, event.Event{}, &Reject{Reason: "the record no longer names the asset of the finding"}
}
