package record

import (
	"context"

	"tocsin/internal/ledger"
)

// SignPaper signs what write returns for the log's origin, under a title, with the key that signs the log now.
func (l *Log) SignPaper(ctx context.Context, title string, write func(origin string) string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.load(ctx)
	if err != nil {
		return "", err
	}
	msg, err := ledger.SignText(write(k.origin), title, k.sign...)
	return string(msg), err
}

// OpenPaper returns the text that a key of the log, of any time, has signed under a title; fault.Invalid where none has.
func (l *Log) OpenPaper(ctx context.Context, title, signed string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.load(ctx)
	if err != nil {
		return "", err
	}
	return ledger.OpenText([]byte(signed), title, k.trust)
}
