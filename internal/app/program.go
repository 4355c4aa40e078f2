package app

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"tocsin/internal/act/program"
	"tocsin/internal/fault"
	"tocsin/internal/outside"
	"tocsin/internal/webhook"
	"tocsin/internal/worker"
)

// programSettings turns the configuration into what webhooks need.
func (r *running) programSettings(key []byte) (program.Settings, error) {
	s := program.Settings{Key: key}
	for _, text := range r.cfg.WebhookAllowed {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return s, fault.New(fault.Invalid, "webhook-allowed: %q is not a prefix in CIDR notation", text)
		}
		s.Rules.Allow = append(s.Rules.Allow, p)
	}
	s.Post = poster{outside.NewWebhooks(outside.FetchOptions{Allow: s.Rules.Allow, Agent: "Tocsin"})}
	return s, nil
}

// poster is the way outside as package program asks for it.
type poster struct{ to *outside.Webhooks }

// Post posts one delivery.
func (p poster) Post(ctx context.Context, d webhook.Post) (int, error) {
	status, err := p.to.Post(ctx, d)
	if err != nil {
		return status, fmt.Errorf("post to a webhook: %w", err)
	}
	return status, nil
}

// Bounds of streams of events: of one process, and of one account.
const (
	mostStreams = 500
	eachStreams = 10
)

// programDuties put what webhooks are told on its way, and send it.
func (r *running) programDuties(in *installation) []worker.Duty {
	return []worker.Duty{
		{Name: "webhook-plan", Every: 2 * time.Second, Do: some(in.programs.PlanDeliveries)},
		{Name: "webhook", Every: 2 * time.Second, Do: some(in.programs.Deliver)},
		{Name: "webhook-forget", Every: 6 * time.Hour, Do: func(ctx context.Context, now time.Time) (bool, error) {
			_, err := in.programs.Forget(ctx, now)
			return false, err
		}},
	}
}
