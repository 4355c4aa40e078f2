package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"tocsin/internal/store"
)

// Pages opens the installation that a command line of serve names and returns its pages without a listener and without
// duties, for whoever measures them.
func Pages(ctx context.Context, args []string, errOut io.Writer) (http.Handler, *store.Store, func(context.Context) error, error) {
	c, _, origin, err := parse(args, nil, errOut, errOut)
	if err != nil {
		return nil, nil, nil, err
	}
	r := &running{
		ctx: ctx, cfg: &c.Config, origin: origin, out: errOut, errOut: errOut, clock: time.Now,
		log: slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	in, err := r.open(ctx, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	shapes, err := r.shapes(ctx, in)
	if err != nil {
		return nil, nil, nil, errors.Join(err, in.close(ctx))
	}
	pages, err := r.pages(in, serving{shapes: shapes}, nil, nil, false) //nolint:contextcheck // pages take the context of each request
	if err != nil {
		return nil, nil, nil, errors.Join(err, in.close(ctx))
	}
	return pages, in.store, in.close, nil
}
