package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"
	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

// lastWords is how long questions that were cancelled by Shutdown get to answer
// that they were.
const lastWords = time.Second

// writeBuffer lets most answers leave in one write, as one TLS record.
const writeBuffer = 16 << 10

// Server answers questions with a service.
type Server struct {
	config   ServerConfig
	log      *slog.Logger
	commands map[string]command
	http     *fasthttp.Server
	listener net.Listener
	conns    conns
	running  *running
	slots    chan struct{} // holds a token for each question served
	served   chan struct{} // closed when no connection is accepted any more

	ctx  context.Context // parent of all questions
	stop context.CancelFunc
}

// Serve answers the questions that arrive on a TCP listener, which it owns from
// now on. The log gets defects and refused connections. Shutdown ends it.
func Serve(ln net.Listener, service api.Service, config ServerConfig, log *slog.Logger) *Server {
	config = config.withDefaults()
	s := &Server{
		config: config, log: log, commands: commandsOf(service), running: newRunning(),
		slots: make(chan struct{}, config.Concurrency), served: make(chan struct{}),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.listener = tls.NewListener(&listener{Listener: ln, conns: &s.conns, writeTimeout: config.WriteTimeout}, config.TLS)
	s.http = &fasthttp.Server{
		Handler:               s.handle,
		ErrorHandler:          handleUnreadable,
		Concurrency:           config.MaxConns,
		ReadTimeout:           config.ReadTimeout,
		IdleTimeout:           config.IdleTimeout,
		WriteBufferSize:       writeBuffer,
		MaxRequestBodySize:    config.MaxQuestion,
		CloseOnShutdown:       true,
		NoDefaultServerHeader: true,
		NoDefaultDate:         true,
		NoDefaultContentType:  true,
		SecureErrorLogMessage: true,
		Logger:                httpLog{log},
	}
	go func() { // ended by Shutdown
		defer close(s.served)
		if err := s.http.Serve(s.listener); err != nil {
			log.Error("the page protocol is no longer served", "address", ln.Addr(), "error", err)
		}
	}()
	return s
}

// Shutdown accepts no more connections and waits for what is under way until
// ctx ends. Then it cancels the rest and closes its connections. It returns the
// error of ctx when something had to be cancelled. It is called once.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.ShutdownWithContext(ctx)
	s.stop()
	s.listener.Close() // it is still open when the server had not begun to accept
	if err != nil {
		s.awaitIdle(lastWords)
	}
	s.conns.closeAll()
	<-s.served
	return err
}

// awaitIdle waits until no question is served. It takes all slots for good, so
// that none begins.
func (s *Server) awaitIdle(limit time.Duration) {
	deadline := time.After(limit)
	for range cap(s.slots) {
		select {
		case s.slots <- struct{}{}:
		case <-deadline:
			return
		}
	}
}

func (s *Server) handle(request *fasthttp.RequestCtx) {
	path, ok := strings.CutPrefix(string(request.Path()), pathPrefix)
	switch {
	case ok && path == pathPing && request.IsGet():
		reply(request, &hello{Version: api.Version, MinVersion: api.MinVersion})
	case ok && path == pathCancel && request.IsPost():
		var f frame
		if _, err := decodeFrame(request.PostBody(), &f); err != nil {
			refuse(request, err)
			return
		}
		s.running.cancel(f.ID)
	case ok && s.commands[path] != nil && request.IsPost():
		s.answer(request, path)
	default:
		refuse(request, api.NewError(api.CodeUnsupported, versionsApart, nil))
	}
}

func (s *Server) answer(request *fasthttp.RequestCtx, name string) {
	var f frame
	question, err := decodeFrame(request.PostBody(), &f)
	if err != nil {
		refuse(request, err)
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		refuse(request, &api.Error{Code: api.CodeBusy, Message: "Too many people are asking at once.", RetryAfter: retryAfter})
		return
	}
	ctx, end, err := s.running.begin(s.ctx, f.ID, f.remaining(s.config.MaxTime))
	if err != nil {
		<-s.slots
		refuse(request, err)
		return
	}
	done := func() {
		end()
		<-s.slots
	}
	answer, stream, err := s.ask(ctx, name, &f.Call, question)
	switch {
	case err != nil:
		refuse(request, err)
	case stream != nil:
		failed := func(err error) { s.logDefect(name, &f.Call, err) }
		body, err := newOutgoing(stream, failed, done)
		if err == nil {
			request.SetBodyStream(body, -1)
			return // the stream ends the question
		}
		stream.Content.Close()
		refuse(request, err)
	default:
		reply(request, answer)
	}
	done()
}

// ask calls the service. A service that panics has a defect, which must not end
// the sessions of everybody else on the node.
func (s *Server) ask(ctx context.Context, name string, call *api.Call, question []byte) (answer msgp.Marshaler, stream *api.Stream, err error) {
	defer func() {
		if defect := recover(); defect != nil {
			err = fmt.Errorf("panic: %v\n%s", defect, debug.Stack())
		}
		s.logDefect(name, call, err)
	}()
	return s.commands[name](ctx, call, question)
}

// logDefect logs what the asker is not told.
func (s *Server) logDefect(name string, call *api.Call, err error) {
	if known := api.AsError(err); known != nil && known.Code == api.CodeInternal {
		s.log.Error("a question failed", "command", name, "request_id", call.RequestID, "error", err)
	}
}

func reply(request *fasthttp.RequestCtx, answer msgp.Marshaler) {
	body, err := encode(answer)
	if err != nil {
		refuse(request, err)
		return
	}
	request.Response.SetBodyRaw(body)
}

func refuse(request *fasthttp.RequestCtx, err error) {
	request.SetStatusCode(statusFailure)
	request.Response.SetBodyRaw(encodeFailure(err))
}

// handleUnreadable answers a request that is no HTTP, or too large.
func handleUnreadable(request *fasthttp.RequestCtx, err error) {
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		refuse(request, api.NewError(api.CodeTooLarge, "The request is too large.", err))
		return
	}
	refuse(request, errMalformed(err))
}

// httpLog gives the HTTP server's complaints to slog.
type httpLog struct{ log *slog.Logger }

func (l httpLog) Printf(format string, args ...any) {
	l.log.Warn("page protocol connection", "problem", fmt.Sprintf(format, args...))
}
