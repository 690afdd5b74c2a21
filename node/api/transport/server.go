package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/tinylib/msgp/msgp"
	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

// ServerConfig bounds a server.
type ServerConfig struct {
	// TLS must ask for client certificates; see Authority.ServerTLS. Required.
	TLS *tls.Config
	// Concurrency is how many questions are answered at once; more are refused
	// as busy. Default 4096.
	Concurrency int
	// MaxQuestion bounds a question in bytes. Default 64 KiB.
	MaxQuestion int
	// IdleTimeout is how long a connection may lie idle. Default 2 min, longer
	// than clients keep one.
	IdleTimeout time.Duration
}

func (c ServerConfig) withDefaults() ServerConfig {
	if c.Concurrency == 0 {
		c.Concurrency = 4096
	}
	if c.MaxQuestion == 0 {
		c.MaxQuestion = 64 << 10
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 2 * time.Minute
	}
	return c
}

// Server offers a service to other machines.
type Server struct {
	service api.Service
	log     *slog.Logger
	http    *fasthttp.Server
	slots   chan struct{} // holds one token a question under way
	served  chan struct{} // closed when Serve has returned

	base context.Context // parent of every question
	end  context.CancelFunc

	mu      sync.Mutex // guards pending
	pending map[string]context.CancelFunc
}

// Serve answers on the listener until Shutdown.
func Serve(listener net.Listener, service api.Service, config ServerConfig, log *slog.Logger) *Server {
	config = config.withDefaults()
	s := &Server{
		service: service, log: log, slots: make(chan struct{}, config.Concurrency),
		served: make(chan struct{}), pending: map[string]context.CancelFunc{},
	}
	s.base, s.end = context.WithCancel(context.Background())
	s.http = &fasthttp.Server{
		Handler: s.handle, MaxRequestBodySize: config.MaxQuestion, IdleTimeout: config.IdleTimeout,
		ReadTimeout: 30 * time.Second, NoDefaultServerHeader: true, NoDefaultDate: true, SecureErrorLogMessage: true,
		CloseOnShutdown: true, ErrorHandler: refuse, Logger: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() { // ended by Shutdown
		defer close(s.served)
		if err := s.http.Serve(tls.NewListener(listener, config.TLS)); err != nil {
			log.Error("the page protocol cannot be served", "error", err)
		}
	}()
	return s
}

// Shutdown stops accepting, waits for the questions under way until the context
// ends, and then cancels them.
func (s *Server) Shutdown(ctx context.Context) {
	if err := s.http.ShutdownWithContext(ctx); err != nil {
		s.log.Warn("questions were cut off", "error", err)
	}
	s.end()
	<-s.served
}

// refuse answers what fasthttp could not read as a request.
func refuse(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		answerError(ctx, api.NewError(api.CodeTooLarge, "The question is too large.", err))
		return
	}
	answerError(ctx, api.NewError(api.CodeInvalid, "The question cannot be read.", err))
}

func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	defer func() {
		if defect := recover(); defect != nil {
			s.log.Error("defect", "panic", fmt.Sprint(defect), "stack", string(debug.Stack()))
			answerError(ctx, api.NewError(api.CodeInternal, "Something went wrong on our side.", nil))
		}
	}()
	name, ok := strings.CutPrefix(string(ctx.Path()), pathPrefix)
	run := commands[name]
	if !ok || !ctx.IsPost() || run == nil && name != cancelCommand {
		answerError(ctx, api.NewError(api.CodeUnsupported, "This node does not know that question.", nil))
		return
	}
	var head frame
	question, err := head.UnmarshalMsg(ctx.PostBody())
	switch {
	case err != nil:
		answerError(ctx, api.NewError(api.CodeInvalid, "The question cannot be read.", err))
	case head.Version < api.MinVersion || head.Version > api.Version:
		answerError(ctx, api.NewError(api.CodeUnsupported, "This node speaks another version of the page protocol.", nil))
	case name == cancelCommand:
		s.cancel(head.ID)
	default:
		s.answer(ctx, &head, question, run)
	}
}

// answer runs one command under the deadline of its frame.
func (s *Server) answer(ctx *fasthttp.RequestCtx, head *frame, question []byte, run command) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		answerError(ctx, &api.Error{Code: api.CodeBusy, Message: "This node is busy.", RetryAfter: time.Second})
		return
	}
	timeout := maxTimeout
	if head.Remaining > 0 {
		timeout = min(timeout, time.Duration(head.Remaining)*time.Millisecond)
	}
	work, cancel := context.WithTimeout(s.base, timeout)
	defer cancel()
	if head.ID != "" {
		s.mu.Lock()
		s.pending[head.ID] = cancel
		s.mu.Unlock()
		defer s.forget(head.ID)
	}
	answer, stream, err := run(work, s.service, &head.Call, question)
	switch {
	case err != nil:
		answerError(ctx, api.AsError(err))
	case stream != nil:
		ctx.SetBodyStreamWriter(func(w *bufio.Writer) { writeStream(w, stream) })
	default:
		data, err := answer.MarshalMsg(nil)
		if err != nil {
			answerError(ctx, api.AsError(err))
			return
		}
		ctx.Response.SetBodyRaw(data)
	}
}

func (s *Server) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, id)
}

func (s *Server) cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.pending[id]; cancel != nil {
		cancel()
	}
}

func answerError(ctx *fasthttp.RequestCtx, err *api.Error) {
	data, _ := newFailure(err).MarshalMsg(nil)
	ctx.ResetBody()
	ctx.SetStatusCode(statusFailure)
	ctx.Response.SetBodyRaw(data)
}

// command decodes a question, asks the service and returns an answer or a stream.
type command func(context.Context, api.Service, *api.Call, []byte) (msgp.Marshaler, *api.Stream, error)

var commands = map[string]command{
	"login":   plain(api.Service.Login),
	"logout":  plain(api.Service.Logout),
	"mailbox": plain(api.Service.Mailbox),
	"message": plain(api.Service.Message),
	"body":    plain(api.Service.Body),
	"status":  plain(api.Service.Status),
	"part":    streamed(api.Service.Part),
	"raw":     streamed(api.Service.Raw),
}

// decodable is a pointer to a question.
type decodable[Q any] interface {
	*Q
	msgp.Unmarshaler
}

func decode[Q any, P decodable[Q]](data []byte) (P, error) {
	question := P(new(Q))
	if _, err := question.UnmarshalMsg(data); err != nil {
		return nil, api.NewError(api.CodeInvalid, "The question cannot be read.", err)
	}
	return question, nil
}

func plain[Q any, P decodable[Q], A msgp.Marshaler](method func(api.Service, context.Context, *api.Call, P) (A, error)) command {
	return func(ctx context.Context, service api.Service, call *api.Call, data []byte) (msgp.Marshaler, *api.Stream, error) {
		question, err := decode[Q, P](data)
		if err != nil {
			return nil, nil, err
		}
		answer, err := method(service, ctx, call, question)
		return answer, nil, err
	}
}

func streamed[Q any, P decodable[Q]](method func(api.Service, context.Context, *api.Call, P) (*api.Stream, error)) command {
	return func(ctx context.Context, service api.Service, call *api.Call, data []byte) (msgp.Marshaler, *api.Stream, error) {
		question, err := decode[Q, P](data)
		if err != nil {
			return nil, nil, err
		}
		stream, err := method(service, ctx, call, question)
		return nil, stream, err
	}
}
