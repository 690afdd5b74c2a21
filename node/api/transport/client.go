package transport

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tinylib/msgp/msgp"
	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

const (
	// controlConns carry pings and cancellations. They are apart, so that
	// neither waits behind questions.
	controlConns = 8
	// maxCancels bounds the cancellations under way; one more is not sent, and
	// the server works until the question's deadline.
	maxCancels    = 64
	cancelTimeout = time.Second
	// maxWorkers bounds the goroutines that stay for the next question.
	maxWorkers = 64
	// retryAfter is what an overloaded client or server asks for.
	retryAfter = time.Second
)

// Client asks one server. It connects when it is asked, keeps connections for
// later, and never retries. Its methods are safe for concurrent use.
type Client struct {
	config                      ClientConfig
	addr                        string
	questions, streams, control *fasthttp.HostClient
	conns                       conns
	tls                         atomic.Pointer[tls.Config] // of new connections

	name    string // random; begins every id
	counter atomic.Uint64
	cancels chan struct{} // holds a token for each cancellation under way

	work chan func()   // to a worker that waits for work
	ends chan struct{} // closed by Close: workers stop waiting

	mu         sync.Mutex // guards closed, workers, and background.Add against Close
	closed     bool
	workers    int // that may wait for work
	background sync.WaitGroup
}

// NewClient makes a client of the server at a host and port. It does not
// connect yet. Close ends it.
func NewClient(addr string, config ClientConfig) *Client {
	c := &Client{config: config.withDefaults(), addr: addr, name: rand.Text(), cancels: make(chan struct{}, maxCancels), work: make(chan func()), ends: make(chan struct{})}
	c.tls.Store(c.config.TLS)
	c.questions = c.host(c.config.MaxConns, conn{})
	c.streams = c.host(c.config.MaxStreams, conn{readTimeout: c.config.StreamTimeout, writeTimeout: c.config.StreamTimeout})
	c.streams.StreamResponseBody = true
	c.control = c.host(controlConns, conn{})
	c.control.MaxConnWaitTimeout = cancelTimeout
	return c
}

func (c *Client) host(maxConns int, timeouts conn) *fasthttp.HostClient {
	return &fasthttp.HostClient{
		Addr:  c.addr,
		IsTLS: true,
		Dial: func(addr string) (net.Conn, error) {
			connected, err := c.dial(addr, timeouts)
			if err != nil {
				return nil, unreachable{err}
			}
			return connected, nil
		},
		MaxConns:                  maxConns,
		MaxIdleConnDuration:       c.config.IdleTimeout,
		MaxResponseBodySize:       c.config.MaxAnswer,
		MaxIdemponentCallAttempts: 1, // no hidden retries
		RetryIfErr:                func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
		ConnPoolStrategy:          fasthttp.LIFO, // what is no longer needed falls idle
		NoDefaultUserAgentHeader:  true,
		DisablePathNormalizing:    true,
		SecureErrorLogMessage:     true,
	}
}

// SetTLS makes later connections use another configuration. Those that there are go
// on.
func (c *Client) SetTLS(config *tls.Config) { c.tls.Store(config) }

// dial connects and shakes hands, so that whatever fails has failed before a
// question is sent.
func (c *Client) dial(addr string, timeouts conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.config.DialTimeout)
	defer cancel()
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	below := &timeouts
	below.Conn = tcp
	if err := c.conns.add(below); err != nil {
		return nil, err
	}
	secure := tls.Client(below, c.tls.Load())
	if err := secure.HandshakeContext(ctx); err != nil {
		below.Close()
		return nil, err
	}
	return secure, nil
}

// Close ends what is under way, with an error to its callers, and closes all
// connections. Closing again does nothing.
func (c *Client) Close() {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return
	}
	close(c.ends)
	// Cancellations under way free the server; they have short timeouts. With
	// all tokens taken there are none, and none begins.
	for range cap(c.cancels) {
		c.cancels <- struct{}{}
	}
	c.conns.closeAll()
	c.background.Wait()
	for _, host := range []*fasthttp.HostClient{c.questions, c.streams, c.control} {
		host.CloseIdleConnections()
	}
}

// start runs work in a goroutine that Close waits for. It reports false when
// the client is closed.
//
// An exchange needs a deep stack, and a new goroutine grows and copies its own
// step by step, which costs as much as decoding an answer. So some goroutines
// stay and wait for work.
func (c *Client) start(work func()) bool {
	select {
	case c.work <- work:
		return true
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if c.workers == maxWorkers {
		c.background.Go(work)
		return true
	}
	c.workers++
	c.background.Go(func() { // ended by Close
		for {
			work()
			select {
			case work = <-c.work:
			case <-c.ends:
				return
			}
		}
	})
	return true
}

// newFrame begins a question.
func (c *Client) newFrame(ctx context.Context, call *api.Call) *frame {
	f := &frame{
		Version: api.Version, MinVersion: api.MinVersion,
		ID: c.name + "-" + strconv.FormatUint(c.counter.Add(1), 36), Call: *call,
	}
	if deadline, ok := ctx.Deadline(); ok {
		f.RemainingMS = max(time.Until(deadline).Milliseconds(), 1)
	}
	return f
}

func (c *Client) body(f *frame, question msgp.Marshaler) ([]byte, error) {
	body, err := encode(f, question)
	if err == nil && len(body) > c.config.MaxQuestion {
		err = api.NewError(api.CodeTooLarge, "The request is too large.", nil)
	}
	return body, err
}

// ask sends a question whose answer fits into memory.
func ask[A any, PA decodable[A]](ctx context.Context, c *Client, command string, call *api.Call, question msgp.Marshaler) (*A, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.config.Timeout)
		defer cancel()
	}
	f := c.newFrame(ctx, call)
	body, err := c.body(f, question)
	if err != nil {
		return nil, err
	}
	request := newRequest(fasthttp.MethodPost, command, body)
	return await(ctx, c, f.ID, func() (*A, error) {
		response := fasthttp.AcquireResponse()
		defer fasthttp.ReleaseResponse(response)
		if err := roundTrip(ctx, c.questions, request, response); err != nil {
			return nil, err
		}
		answer := new(A)
		if _, err := decode(response.Body(), PA(answer)); err != nil {
			return nil, errBroken(err)
		}
		return answer, nil
	})
}

// stream sends a question whose answer is a stream.
func (c *Client) stream(ctx context.Context, command string, call *api.Call, question msgp.Marshaler) (*api.Stream, error) {
	f := c.newFrame(ctx, call)
	body, err := c.body(f, question)
	if err != nil {
		return nil, err
	}
	request := newRequest(fasthttp.MethodPost, command, body)
	return await(ctx, c, f.ID, func() (*api.Stream, error) {
		response := new(fasthttp.Response)
		// Connections for streams have timeouts of their own.
		if err := c.streams.Do(request, response); err != nil {
			return nil, fromHTTP(err)
		}
		// Should the caller be gone, ctx has ended and closes what is opened here.
		return openStream(ctx, response, func() { c.cancel(f.ID) })
	})
}

// Ping asks whether the server answers at all, over a connection that no
// question uses. It fails with unsupported when client and server have no
// version of the protocol in common.
func (c *Client) Ping(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.config.Timeout)
		defer cancel()
	}
	greeting, err := await(ctx, c, "", func() (*hello, error) {
		response := fasthttp.AcquireResponse()
		defer fasthttp.ReleaseResponse(response)
		if err := roundTrip(ctx, c.control, newRequest(fasthttp.MethodGet, pathPing, nil), response); err != nil {
			return nil, err
		}
		greeting := new(hello)
		if _, err := decode(response.Body(), greeting); err != nil {
			return nil, errBroken(err)
		}
		return greeting, nil
	})
	if errors.Is(err, fasthttp.ErrNoFreeConns) {
		return errBroken(err) // all of them wait for a server that says nothing
	}
	if err != nil {
		return err
	}
	return overlap(greeting.MinVersion, greeting.Version)
}

// await runs an exchange in the background and returns what it returns, or when
// ctx ends, after telling the server about the question of that id.
func await[T any](ctx context.Context, c *Client, id string, exchange func() (*T, error)) (*T, error) {
	if err := ctx.Err(); err != nil {
		return nil, api.AsError(err)
	}
	type result struct {
		value *T
		err   error
	}
	finished := make(chan result, 1)
	// It ends with the question's deadline or, for streams, when the server has
	// been silent for too long; Close ends it earlier.
	started := c.start(func() {
		value, err := exchange()
		finished <- result{value, err}
	})
	if !started {
		return nil, Unreachable(net.ErrClosed)
	}
	select {
	case done := <-finished:
		if done.err != nil {
			return nil, done.err
		}
		return done.value, nil
	case <-ctx.Done():
		if id != "" {
			c.cancel(id)
		}
		return nil, api.AsError(ctx.Err())
	}
}

// cancel tells the server to stop working on a question. It does not wait, and
// may fail: the deadline of the question is the safety net.
func (c *Client) cancel(id string) {
	select {
	case c.cancels <- struct{}{}:
	default:
		return
	}
	started := c.start(func() { // ends within the timeouts for dialling and cancelling
		defer func() { <-c.cancels }()
		body, err := encode(&frame{Version: api.Version, MinVersion: api.MinVersion, ID: id})
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		defer cancel()
		response := fasthttp.AcquireResponse()
		defer fasthttp.ReleaseResponse(response)
		roundTrip(ctx, c.control, newRequest(fasthttp.MethodPost, pathCancel, body), response)
	})
	if !started {
		<-c.cancels
	}
}

func newRequest(method, path string, body []byte) *fasthttp.Request {
	request := new(fasthttp.Request)
	request.Header.SetMethod(method)
	request.SetRequestURI("https://" + RoleNode + roleDomain + pathPrefix + path)
	request.SetBodyRaw(body)
	return request
}

// roundTrip sends a request under the deadline of ctx, which has one, and
// returns failures of the server as errors.
func roundTrip(ctx context.Context, host *fasthttp.HostClient, request *fasthttp.Request, response *fasthttp.Response) error {
	deadline, _ := ctx.Deadline()
	if err := host.DoDeadline(request, response, deadline); err != nil {
		return fromHTTP(err)
	}
	if response.StatusCode() != fasthttp.StatusOK {
		return decodeFailure(response.Body())
	}
	return nil
}
