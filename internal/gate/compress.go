package gate

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// leastPacked is the length below which an answer of known length is sent as it is.
const leastPacked = 1024

var packers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // a constant level
	}
	return z
}}

// Compress sends text with gzip to whoever takes it, as it is written: nothing is held back.
//
// Compression tells the length of what repeats (BREACH): who can put text of their own beside a secret, again and again,
// and see the lengths, learns the secret. So these are sent as they are: answers to anything but GET; answers that set a
// cookie; and, where the request has a cookie, answers that the browser does not say it asked for from a page of ours or
// from its address bar. Forms hold no token here. An API token is in no request that another site's page can make.
func Compress(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			h.ServeHTTP(w, r)
			return
		}
		plain := !takesGzip(r.Header.Get("Accept-Encoding")) || r.Header.Get("Range") != "" || fromElsewhere(r)
		p := &packed{ResponseWriter: w, plain: plain}
		h.ServeHTTP(p, r)
		p.close() // not after a panic: what is cut off must not look whole
	})
}

// fromElsewhere reports whether another site can have caused a request that carries a cookie of ours.
func fromElsewhere(r *http.Request) bool {
	if r.Header.Get("Cookie") == "" {
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "same-origin" && site != "none"
}

// takesGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func takesGzip(accepted string) bool {
	for coding := range strings.SplitSeq(accepted, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, q, given := strings.Cut(strings.TrimSpace(weight), "=")
		n, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !given || err == nil && n > 0
	}
	return false
}

// compressible tells the types that are text.
func compressible(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); kind {
	case "text/event-stream":
		return false // each event goes out at once
	case "application/json", "application/x-ndjson", "application/yaml", "application/xml", "image/svg+xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}

// packed compresses an answer once its head is known to be one of text.
type packed struct {
	http.ResponseWriter
	z       *gzip.Writer
	decided bool
	plain   bool // whoever asks takes no gzip
}

// Unwrap leads http.ResponseController to what is beneath.
func (p *packed) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// WriteHeader decides.
func (p *packed) WriteHeader(status int) {
	h := p.Header()
	if !p.decided && status >= 200 {
		p.decided = true
		if compressible(h.Get("Content-Type")) && h.Get("Content-Encoding") == "" {
			h.Add("Vary", "Accept-Encoding")
			length, err := strconv.Atoi(h.Get("Content-Length"))
			short := err == nil && length < leastPacked
			if !p.plain && status == http.StatusOK && !short && h.Get("Set-Cookie") == "" {
				p.begin()
			}
		}
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *packed) begin() {
	h := p.Header()
	h.Del("Content-Length")
	h.Set("Content-Encoding", "gzip")
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h.Set("ETag", "W/"+tag) // other bytes, the same meaning
	}
	p.z, _ = packers.Get().(*gzip.Writer)
	p.z.Reset(p.ResponseWriter)
}

func (p *packed) Write(b []byte) (int, error) {
	if !p.decided {
		p.WriteHeader(http.StatusOK)
	}
	if p.z == nil {
		return p.ResponseWriter.Write(b)
	}
	return p.z.Write(b)
}

// Flush sends what was written so far.
func (p *packed) Flush() {
	if p.z != nil {
		_ = p.z.Flush() // the next write tells
	}
	_ = http.NewResponseController(p.ResponseWriter).Flush() // as above
}

func (p *packed) close() {
	if p.z == nil {
		return
	}
	_ = p.z.Close() // nobody is left to tell
	p.z.Reset(io.Discard)
	packers.Put(p.z)
}
