// Package frontend is the web server: routes, cookies, forms, redirects and
// streaming. It turns a browser's request into one question of the page protocol,
// puts it to the node that owns the account, and hands the answer to
// frontend/page.
//
// It keeps no state between requests and holds no key that opens a session's
// seal, so any frontend can serve any request, and one that is broken into gives
// no session away.
package frontend

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

// Server is a frontend.
type Server struct {
	config Config
	router router
	log    *slog.Logger
	meter  *meter
	http   *fasthttp.Server
}

// New makes a frontend that finds nodes by placement and talks to them through
// nodes.
func New(config Config, placement Placement, nodes Nodes, log *slog.Logger, set *metrics.Set) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	meter := newMeter(set)
	heartbeats := newHeartbeats(placement, nodes, log, meter)
	s := &Server{config: config, router: newRouter(placement, nodes, heartbeats), log: log, meter: meter}
	s.http = &fasthttp.Server{
		Handler: s.handle, ErrorHandler: s.refuse,
		ReadBufferSize: config.MaxHeader, MaxRequestBodySize: config.MaxForm,
		ReadTimeout: config.StallTimeout, IdleTimeout: config.IdleTimeout, Concurrency: config.Concurrency,
		NoDefaultServerHeader: true, NoDefaultContentType: true, DisablePreParseMultipartForm: true,
		StreamRequestBody:     true, // gather and readForm bound what is read
		SecureErrorLogMessage: true, CloseOnShutdown: true,
		Logger: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Serve answers requests on the listener until Shutdown: HTTPS with this
// configuration, or plain HTTP when it is nil. It can be called for several
// listeners.
func (s *Server) Serve(listener net.Listener, config *tls.Config) error {
	s.router.heartbeats.start()
	browsers := &browserListener{Listener: listener, tls: config, stall: s.config.StallTimeout}
	if s.config.ProxyProtocol {
		browsers.proxied = s.trustedPeer
	}
	return s.http.Serve(browsers)
}

// Shutdown stops accepting and waits for the requests under way until the
// context ends.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.router.heartbeats.close()
	return s.http.ShutdownWithContext(ctx)
}

// request is one request being answered. It does not outlive its handler: what
// it takes from ctx is copied, because fasthttp uses the memory again.
type request struct {
	*Server
	ctx   *fasthttp.RequestCtx
	id    string // names the request in logs and on error pages
	start time.Time

	path    string // as sent, percent-encoded, without query
	address string // path and query, to come back to
	route   string // pattern, for logs and metrics
	host    string // canonical, without port
	https   bool

	cookie  string // value of the session cookie
	session *api.Session
	secret  string    // known to the browser that has the session alone, as long as it lasts
	renew   time.Time // from when on to renew the session; zero when that is done
	node    string    // that answered

	settings  *api.Settings // of the user; nil until an answer tells them
	operation string        // names what a form does; empty for what changes nothing
	searched  api.Search    // what the field for searches shows
}

func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	r := &request{Server: s, ctx: ctx, id: rand.Text()[:16], start: time.Now(), route: "none"}
	s.meter.inFlight.Add(1)
	defer s.meter.inFlight.Add(-1)
	defer r.record()
	defer r.survive()
	r.answer()
}

// survive turns a panic into a plain answer: one defect costs one page.
func (r *request) survive() {
	if defect := recover(); defect != nil {
		r.log.Error("defect", "request", r.id, "panic", fmt.Sprint(defect), "stack", string(debug.Stack()))
		r.ctx.Response.Reset()
		r.plain(fasthttp.StatusInternalServerError, "Something went wrong on our side. Request "+r.id)
	}
}

// refuse answers what fasthttp could not read as a request.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, err error) {
	r := &request{Server: s, ctx: ctx, id: rand.Text()[:16], start: time.Now(), route: "refused"}
	defer r.record()
	defer r.survive()
	if conn, ok := ctx.Conn().(*browserConn); ok {
		conn.linger = true
	}
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &small):
		r.errorPage(fasthttp.StatusRequestHeaderFieldsTooLarge, api.CodeTooLarge)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		r.errorPage(fasthttp.StatusRequestEntityTooLarge, api.CodeTooLarge)
	case errors.As(err, &network) && network.Timeout():
		r.errorPage(fasthttp.StatusRequestTimeout, api.CodeDeadline)
	default:
		r.errorPage(fasthttp.StatusBadRequest, api.CodeInvalid)
	}
}
