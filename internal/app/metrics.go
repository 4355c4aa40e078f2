package app

import (
	"context"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tocsin/internal/act/loop"
	"tocsin/internal/act/triage"
	"tocsin/internal/app/backup"
	"tocsin/internal/promise"
)

// metrics are what an operator's monitoring reads. Labels are patterns of routes, statuses and states: closed lists,
// and nothing that points at anybody. A nil metrics counts nothing.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(wanted bool, l *loop.Loop, desk *triage.Desk, data string, clock func() time.Time) *metrics {
	if !wanted {
		return nil
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_requests_total", Help: "Requests answered, by pattern of the route and status.",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tocsin_request_seconds", Help: "Time to answer a request, by pattern of the route.",
			Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"route"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tocsin_build_info", Help: "1; its label is the version that runs.", ConstLabels: prometheus.Labels{"version": version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &measured{l, desk, data, clock})
	return m
}

func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "unknown"
}

// handler serves the metrics at /metrics and nothing else.
func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: measureTimeout}))
	return mux
}

// count puts the counting of requests around h, whose muxes leave the pattern in the request.
func (m *metrics) count(h http.Handler) http.Handler {
	if m == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		started := time.Now()
		s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			route := q.Pattern
			if route == "" {
				route = "none"
			}
			m.requests.WithLabelValues(route, strconv.Itoa(s.status)).Inc()
			m.duration.WithLabelValues(route).Observe(time.Since(started).Seconds())
		}()
		h.ServeHTTP(s, q)
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	said   bool
}

// Unwrap gives http.ResponseController the writer beneath.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *statusWriter) WriteHeader(code int) {
	if !s.said && code >= http.StatusOK {
		s.status, s.said = code, true
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *statusWriter) Write(p []byte) (int, error) {
	s.said = true
	return s.ResponseWriter.Write(p)
}

// measured reads what the store knows, once a scrape.
type measured struct {
	loop  *loop.Loop
	desk  *triage.Desk
	data  string
	clock func() time.Time
}

// measureTimeout bounds a scrape.
const measureTimeout = 10 * time.Second

var (
	signalsDesc  = prometheus.NewDesc("tocsin_signals_total", "Signals accepted since the installation began.", nil, nil)
	waitingDesc  = prometheus.NewDesc("tocsin_signals_waiting", "Signals accepted and not read yet; counted up to 10,000.", nil, nil)
	noticesDesc  = prometheus.NewDesc("tocsin_notices_waiting", "Notices not at their goal, by state; counted up to 10,000.", []string{"state"}, nil)
	workDesc     = prometheus.NewDesc("tocsin_work_waiting", "What waits for the authority's people, by kind.", []string{"kind"}, nil)
	lateDesc     = prometheus.NewDesc("tocsin_work_overdue", "Of that, what waits longer than promised.", []string{"kind"}, nil)
	unplacedDesc = prometheus.NewDesc("tocsin_ledger_unplaced", "Entries of the ledger without a place in its tree; counted up to 10,000.", nil, nil)
	sizeDesc     = prometheus.NewDesc("tocsin_ledger_size", "Entries with a place in the ledger's tree.", nil, nil)
	ageDesc      = prometheus.NewDesc("tocsin_ledger_checkpoint_age_seconds", "Age of the last checkpoint; absent before the first.", nil, nil)
	backupDesc   = prometheus.NewDesc("tocsin_backup_age_seconds", "Age of the last backup that tocsin backup made; absent before the first.", nil, nil)
	upDesc       = prometheus.NewDesc("tocsin_store_up", "1 where the database answered this scrape.", nil, nil)
)

// Describe names the measures.
func (m *measured) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{signalsDesc, waitingDesc, noticesDesc, workDesc, lateDesc, unplacedDesc, sizeDesc, ageDesc, backupDesc, upDesc} {
		out <- d
	}
}

// Collect reads them.
func (m *measured) Collect(out chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), measureTimeout)
	defer stop()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if last, err := backup.ReadLast(m.data); err == nil && !last.Made.IsZero() {
		gauge(backupDesc, m.clock().Sub(last.Made).Seconds())
	}
	x, err := m.loop.Measure(ctx)
	if err != nil {
		gauge(upDesc, 0)
		return
	}
	work, err := m.desk.Whole(ctx, m.clock())
	if err != nil {
		gauge(upDesc, 0)
		return
	}
	gauge(upDesc, 1)
	for _, kind := range promise.Kinds {
		gauge(workDesc, float64(work[kind].N), string(kind))
		gauge(lateDesc, float64(work[kind].Late), string(kind))
	}
	out <- prometheus.MustNewConstMetric(signalsDesc, prometheus.CounterValue, float64(x.Signals))
	gauge(waitingDesc, float64(x.Waiting))
	for state, n := range x.Notices {
		gauge(noticesDesc, float64(n), state)
	}
	gauge(unplacedDesc, float64(x.Unplaced))
	gauge(sizeDesc, float64(x.Size))
	if !x.Checkpoint.IsZero() {
		gauge(ageDesc, m.clock().Sub(x.Checkpoint).Seconds())
	}
}
