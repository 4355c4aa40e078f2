package gate

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// stuck is a browser that takes nothing until it is let go.
type stuck struct {
	http.ResponseWriter
	at, free chan struct{}
}

func (s stuck) FlushError() error {
	close(s.at)
	<-s.free
	return nil
}

// One whose browser reads nothing keeps nobody else out; places are counted, and come back.
func TestStreams(t *testing.T) {
	t.Parallel()
	s := NewStreams(2, 1, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/desk/live", nil)
	slow := stuck{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	opened := make(chan *Stream)
	go func() {
		one, _ := s.Open(slow, r, "person:a")
		opened <- one
	}()
	<-slow.at
	other, ok := s.Open(httptest.NewRecorder(), r, "person:b")
	if !ok {
		t.Fatal("kept out by another's browser")
	}
	if _, ok := s.Open(httptest.NewRecorder(), r, "person:b"); ok {
		t.Error("a second stream of one account")
	}
	if _, ok := s.Open(httptest.NewRecorder(), r, "person:c"); ok {
		t.Error("more streams than there are places")
	}
	close(slow.free)
	(<-opened).Close()
	other.Close()
	other.Close()
	if again, ok := s.Open(httptest.NewRecorder(), r, "person:b"); !ok || s.open != 1 {
		t.Errorf("%v: %d open", ok, s.open)
	} else {
		again.Close()
	}
}
