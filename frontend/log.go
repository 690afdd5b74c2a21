package frontend

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"
)

// meter counts what a frontend does. Routes are patterns of code, so the number
// of series is bounded.
type meter struct {
	set      *metrics.Set
	inFlight atomic.Int64
	silences *metrics.Counter // of nodes
}

func newMeter(set *metrics.Set) *meter {
	m := &meter{set: set, silences: set.NewCounter("alphamail_node_silences_total")}
	set.NewGauge("alphamail_http_requests_in_flight", func() float64 { return float64(m.inFlight.Load()) })
	return m
}

// record writes the log line and the metrics of a request. The line holds the
// route, not the path: names of folders are nobody's business.
func (r *request) record() {
	status, elapsed := r.ctx.Response.StatusCode(), time.Since(r.start)
	method := "other"
	switch string(r.ctx.Method()) {
	case fasthttp.MethodGet, fasthttp.MethodHead, fasthttp.MethodPost:
		method = string(r.ctx.Method())
	}
	r.meter.set.GetOrCreateCounter(`alphamail_http_requests_total{route="` + r.route + `",method="` + method + `",code="` + strconv.Itoa(status) + `"}`).Inc()
	r.meter.set.GetOrCreatePrometheusHistogram(`alphamail_http_request_seconds{route="` + r.route + `"}`).Update(elapsed.Seconds())
	level := slog.LevelInfo
	switch {
	case r.route == routeReady:
		level = slog.LevelDebug // balancers ask every second
	case status >= fasthttp.StatusInternalServerError:
		level = slog.LevelWarn
	}
	if !r.log.Enabled(context.Background(), level) {
		return
	}
	// Every request writes a line, so it is made without what slog's methods for
	// every occasion cost: a search for the caller, and a box for each value.
	line := slog.NewRecord(time.Now(), level, "request", 0)
	line.AddAttrs(slog.String("request", r.id), slog.String("method", method), slog.String("route", r.route), slog.Int("status", status),
		slog.Float64("ms", float64(elapsed.Microseconds())/1000), slog.String("client", r.clientAddress()))
	if r.session != nil {
		line.AddAttrs(slog.String("account", r.session.Account))
	}
	if r.node != "" {
		line.AddAttrs(slog.String("node", r.node))
	}
	r.log.Handler().Handle(context.Background(), line)
}
