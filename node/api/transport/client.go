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

// ClientConfig bounds a client.
type ClientConfig struct {
	// TLS names the peer to expect; see Authority.ClientTLS. Required.
	TLS *tls.Config
	// DialTimeout bounds connecting, handshake included. Default 1 s.
	DialTimeout time.Duration
	// Connections bounds the connections to the node. Default 512.
	Connections int
	// Silence is how long a node may send nothing while something is expected
	// from it. It only guards against a peer that vanished; questions have
	// deadlines of their own. Default 2 min.
	Silence time.Duration
}

func (c ClientConfig) withDefaults() ClientConfig {
	if c.DialTimeout == 0 {
		c.DialTimeout = time.Second
	}
	if c.Connections == 0 {
		c.Connections = 512
	}
	if c.Silence == 0 {
		c.Silence = 2 * time.Minute
	}
	return c
}

// cancelTimeout bounds telling a node that nobody waits any more.
const cancelTimeout = 5 * time.Second

// Client asks a node on another machine. It connects when it is first asked.
type Client struct {
	address string
	http    *fasthttp.HostClient
	id      string // random; begins the ids of its questions
	asked   atomic.Uint64
	running sync.WaitGroup // exchanges and cancellations under way
}

var _ api.Service = (*Client)(nil)

// NewClient makes a client of the node at an address, host:port.
func NewClient(address string, config ClientConfig) *Client {
	config = config.withDefaults()
	return &Client{
		address: address, id: rand.Text(),
		http: &fasthttp.HostClient{
			Addr: address, MaxConns: config.Connections, MaxConnWaitTimeout: time.Second,
			MaxIdleConnDuration: time.Minute, MaxResponseBodySize: maxAnswer, StreamResponseBody: true,
			NoDefaultUserAgentHeader: true, SecureErrorLogMessage: true, MaxIdemponentCallAttempts: 1,
			RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
			Dial:       func(string) (net.Conn, error) { return dial(address, config) },
		},
	}
}

// dial connects and shakes hands, so that whatever fails here is known to have
// happened before the question was sent.
func dial(address string, config ClientConfig) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), config.DialTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, &unreachable{err}
	}
	secured := tls.Client(&guarded{conn, config.Silence}, config.TLS)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &unreachable{err}
	}
	return secured, nil
}

// guarded is a connection on which no read and no write takes for ever.
type guarded struct {
	net.Conn
	silence time.Duration
}

func (g *guarded) Read(p []byte) (int, error) {
	g.SetReadDeadline(time.Now().Add(g.silence))
	return g.Conn.Read(p)
}

func (g *guarded) Write(p []byte) (int, error) {
	g.SetWriteDeadline(time.Now().Add(g.silence))
	return g.Conn.Write(p)
}

// unreachable marks a failure before the question was sent.
type unreachable struct{ cause error }

func (u *unreachable) Error() string { return "unreachable: " + u.cause.Error() }
func (u *unreachable) Unwrap() error { return u.cause }

// IsUnreachable tells whether a question certainly did not reach its node.
func IsUnreachable(err error) bool {
	var u *unreachable
	return errors.As(err, &u) || errors.Is(err, fasthttp.ErrNoFreeConns)
}

// Close ends idle connections and waits for the exchanges under way.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.running.Wait()
	c.http.CloseIdleConnections()
}

// Login implements api.Service.
func (c *Client) Login(ctx context.Context, call *api.Call, question *api.LoginQuestion) (*api.LoginAnswer, error) {
	return ask[api.LoginAnswer](ctx, c, "login", call, question)
}

// Logout implements api.Service.
func (c *Client) Logout(ctx context.Context, call *api.Call, question *api.LogoutQuestion) (*api.LogoutAnswer, error) {
	return ask[api.LogoutAnswer](ctx, c, "logout", call, question)
}

// Mailbox implements api.Service.
func (c *Client) Mailbox(ctx context.Context, call *api.Call, question *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	return ask[api.MailboxAnswer](ctx, c, "mailbox", call, question)
}

// Message implements api.Service.
func (c *Client) Message(ctx context.Context, call *api.Call, question *api.MessageQuestion) (*api.MessageAnswer, error) {
	return ask[api.MessageAnswer](ctx, c, "message", call, question)
}

// Body implements api.Service.
func (c *Client) Body(ctx context.Context, call *api.Call, question *api.BodyQuestion) (*api.BodyAnswer, error) {
	return ask[api.BodyAnswer](ctx, c, "body", call, question)
}

// Status implements api.Service.
func (c *Client) Status(ctx context.Context, call *api.Call, question *api.StatusQuestion) (*api.StatusAnswer, error) {
	return ask[api.StatusAnswer](ctx, c, "status", call, question)
}

// Part implements api.Service.
func (c *Client) Part(ctx context.Context, call *api.Call, question *api.PartQuestion) (*api.Stream, error) {
	return c.stream(ctx, "part", call, question)
}

// Raw implements api.Service.
func (c *Client) Raw(ctx context.Context, call *api.Call, question *api.RawQuestion) (*api.Stream, error) {
	return c.stream(ctx, "raw", call, question)
}

// ask sends a question and decodes the answer.
func ask[A any, P decodable[A]](ctx context.Context, c *Client, name string, call *api.Call, question msgp.Marshaler) (*A, error) {
	response, err := c.send(ctx, name, call, question)
	if err != nil {
		return nil, err
	}
	defer fasthttp.ReleaseResponse(response)
	answer := P(new(A))
	if _, err := answer.UnmarshalMsg(response.Body()); err != nil {
		return nil, api.NewError(api.CodeInternal, "The answer cannot be understood.", err)
	}
	return answer, nil
}

// stream sends a question that is answered by a stream.
func (c *Client) stream(ctx context.Context, name string, call *api.Call, question msgp.Marshaler) (*api.Stream, error) {
	response, err := c.send(ctx, name, call, question)
	if err != nil {
		return nil, err
	}
	return readStream(response.BodyStream(), func(err error) {
		if body, ok := response.BodyStream().(fasthttp.ReadCloserWithError); ok && err != nil {
			body.CloseWithError(err)
		}
		fasthttp.ReleaseResponse(response)
	})
}

// outcome is how an exchange ended.
type outcome struct {
	response *fasthttp.Response
	err      error
}

// send makes one exchange and returns the response of a success. When the
// context ends first it returns at once and tells the node to stop.
func (c *Client) send(ctx context.Context, name string, call *api.Call, question msgp.Marshaler) (*fasthttp.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, api.AsError(err)
	}
	head := &frame{Version: api.Version, ID: c.id + strconv.FormatUint(c.asked.Add(1), 36), Call: *call}
	if deadline, ok := ctx.Deadline(); ok {
		head.Remaining = max(1, time.Until(deadline).Milliseconds())
	}
	body, err := head.MarshalMsg(nil)
	if err == nil {
		body, err = question.MarshalMsg(body)
	}
	if err != nil {
		return nil, api.NewError(api.CodeInternal, "The question cannot be sent.", err)
	}
	done := make(chan outcome, 1)
	c.running.Go(func() { done <- c.exchange(name, body) }) // ends at the latest after Silence
	select {
	case result := <-done:
		return result.response, result.err
	case <-ctx.Done():
		c.running.Go(func() { c.abandon(head.ID, done) }) // ends with the exchange
		return nil, api.AsError(ctx.Err())
	}
}

// exchange sends a body and waits for the head of the response.
func (c *Client) exchange(name string, body []byte) outcome {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	request.SetRequestURI("http://" + c.address + pathPrefix + name)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.SetBodyRaw(body)
	if err := c.http.Do(request, response); err != nil {
		fasthttp.ReleaseResponse(response)
		c.http.CloseIdleConnections() // they probably go to a process that is gone
		return outcome{err: api.NewError(api.CodeNodeDown, "A part of AlphaMail cannot be reached.", err)}
	}
	if response.StatusCode() == fasthttp.StatusOK {
		return outcome{response: response}
	}
	defer fasthttp.ReleaseResponse(response)
	var f failure
	if _, err := f.UnmarshalMsg(response.Body()); response.StatusCode() != statusFailure || err != nil {
		return outcome{err: api.NewError(api.CodeInternal, "The answer cannot be understood.", err)}
	}
	return outcome{err: f.err()}
}

// abandon tells the node that nobody waits for a question any more, and gives
// back what the exchange still brings.
func (c *Client) abandon(id string, done <-chan outcome) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	request.SetRequestURI("http://" + c.address + pathPrefix + cancelCommand)
	request.Header.SetMethod(fasthttp.MethodPost)
	if body, err := (&frame{Version: api.Version, ID: id}).MarshalMsg(nil); err == nil {
		request.SetBodyRaw(body)
		request.SetTimeout(cancelTimeout)
		_ = c.http.Do(request, response) // if it fails the node's own deadline does
	}
	fasthttp.ReleaseRequest(request)
	fasthttp.ReleaseResponse(response)
	if late := <-done; late.response != nil {
		if body, ok := late.response.BodyStream().(fasthttp.ReadCloserWithError); ok {
			body.CloseWithError(errUnread)
		}
		fasthttp.ReleaseResponse(late.response)
	}
}
