package program

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/gate"
	"tocsin/internal/web/page"
)

// counted is what a live stream sends.
type counted struct {
	Counts counts `json:"counts"`
}

// counts are the numbers beside the tabs of the desk, at most 10,001 each.
type counts struct {
	Queue     int `json:"queue"`
	Findings  int `json:"findings"`
	Reports   int `json:"reports"`
	Proposals int `json:"proposals"`
	Changes   int `json:"changes"`
}

const (
	countEvery  = 5 * time.Second
	beatEvery   = 3 // counts
	mostWaiting = 10_001
	mostCounts  = 60 // then the browser comes back, and its session is looked at again
)

// live tells the desk's pages how much waits, whenever that has changed.
func (p *pages) live(v *page.Visit) error {
	var last []byte
	data, err := p.count(v.R.Context(), v.Kit.Clock(), v.Who.Actor)
	if err != nil {
		return err
	}
	s, ok := p.Streams.Open(v.W, v.R, v.Who.String())
	if !ok {
		v.W.Header().Set("Retry-After", gate.Seconds(countEvery))
		return fault.New(fault.TooMany, "%s", v.T("error.too_many", gate.Seconds(countEvery)))
	}
	defer s.Close()
	for n := 1; ; n++ {
		switch {
		case !bytes.Equal(data, last):
			err = s.Send("", "", data)
		case n%beatEvery == 0:
			err = s.Beat()
		}
		if last = data; err != nil || n > mostCounts || v.R.URL.Query().Get("once") != "" || !s.Wait(countEvery) {
			return nil
		}
		if data, err = p.count(v.R.Context(), v.Kit.Clock(), v.Who.Actor); err != nil {
			v.Kit.Log.WarnContext(v.R.Context(), "live counts ended", "error", err)
			return nil
		}
	}
}

func (p *pages) count(ctx context.Context, now time.Time, by access.Actor) ([]byte, error) {
	var out counts
	var err error
	if out.Queue, out.Findings, err = p.Programs.Counts(ctx, now, by); err != nil {
		return nil, err
	}
	if p.Casework != nil {
		if _, out.Reports, err = p.Casework.Waiting(ctx, now, by, 1); err != nil {
			return nil, err
		}
	}
	if p.Register != nil {
		if out.Changes, err = p.Register.WaitingCount(ctx, now, by, mostWaiting); err != nil {
			return nil, err
		}
	}
	list, err := p.Staff.Proposals(ctx, by, 1)
	if err != nil {
		return nil, err
	}
	out.Proposals = len(list.Open)
	return json.Marshal(counted{out})
}
